package egress

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var quietLog = log.New(io.Discard, "", 0)

const ok = "HTTP/1.1 200 OK\r\n"

// endless writes until the other side hangs up.
func endless(conn net.Conn, piece string) {
	for {
		if _, err := io.WriteString(conn, piece); err != nil {
			return
		}
	}
}

func TestA37_GiantBody(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"declared": func(c net.Conn) { fmt.Fprintf(c, ok+"Content-Length: %d\r\n\r\n", 1<<40) },
		"one byte over": func(c net.Conn) {
			fmt.Fprintf(c, ok+"Content-Length: 1001\r\n\r\n%s", strings.Repeat("x", 1001))
		},
		"endless": func(c net.Conn) { io.WriteString(c, ok+"\r\n"); endless(c, "xxxxxxxx") },
		"endless chunks": func(c net.Conn) {
			io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n")
			endless(c, "8\r\nxxxxxxxx\r\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newScripted(t, Config{MaxBody: 1000}, serve)
			_, err := c.PostForm(t.Context(), peerURL, nil, nil)
			if e := wantKind(t, err, TooLarge); !e.Sent || !strings.Contains(e.Error(), "1000 bytes") {
				t.Errorf("%v, Sent %t", e, e.Sent)
			}
		})
	}
}

func TestBodyOfExactlyTheLimit(t *testing.T) {
	c := newScripted(t, Config{MaxBody: 1000}, func(c net.Conn) {
		fmt.Fprintf(c, ok+"Content-Length: 1000\r\n\r\n%s", strings.Repeat("x", 1000))
	})
	resp, err := c.Get(t.Context(), peerURL, nil)
	if err != nil || len(resp.Body) != 1000 {
		t.Fatal(err)
	}
}

func TestA37_GiantHeaders(t *testing.T) {
	t.Run("HTTP/1.1", func(t *testing.T) {
		c := newScripted(t, Config{}, func(c net.Conn) { io.WriteString(c, ok); endless(c, "X-Padding: 0123456789\r\n") })
		_, err := c.Get(t.Context(), peerURL, nil)
		wantKind(t, err, TooLarge)
	})
	for name, tc := range map[string]struct {
		headers int
		kind    Kind
	}{
		"HTTP/2 over the limit": {70, TooLarge},
		"HTTP/2 far beyond":     {1000, Unreachable}, // the connection is dropped
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newPublic(t, names(map[string]string{"idp.example.com": "93.184.215.14"}), func(w http.ResponseWriter, _ *http.Request) {
				for i := range tc.headers {
					w.Header().Set(fmt.Sprintf("X-Padding-%d", i), strings.Repeat("x", 1000))
				}
			})
			_, err := c.Get(t.Context(), "https://idp.example.com/", nil)
			wantKind(t, err, tc.kind)
		})
	}
}

func TestA37_EndlessInformationalAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newScripted(t, Config{}, func(c net.Conn) { endless(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") })
		if _, err := c.Get(t.Context(), peerURL, nil); err == nil {
			t.Error("accepted")
		}
	})
}

func TestA37_SlowAnswersEndByTheTimeout(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"nothing": func(c net.Conn) { io.Copy(io.Discard, c) },
		"headers": func(c net.Conn) { drip(c, ok+"X-Slow: "+strings.Repeat("x", 100)) },
		"body": func(c net.Conn) {
			io.WriteString(c, ok+"Content-Length: 100\r\n\r\n")
			drip(c, strings.Repeat("x", 100))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newScripted(t, Config{}, serve)
				start := time.Now()
				_, err := c.PostForm(t.Context(), peerURL, nil, nil)
				if e := wantKind(t, err, Timeout); !e.Sent {
					t.Error("Sent is false although the request was written")
				}
				if took := time.Since(start); took != defaultTimeout {
					t.Errorf("ended after %v, want %v", took, defaultTimeout)
				}
			})
		})
	}
}

// drip writes a byte a second.
func drip(conn net.Conn, text string) {
	for _, b := range []byte(text) {
		<-time.After(time.Second) // by the bubble's clock
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
	}
}

func TestA37_SlowDialEndsByTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newScripted(t, Config{Timeout: 3 * time.Second}, nil)
		c.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		_, err := c.Get(t.Context(), peerURL, nil)
		if e := wantKind(t, err, Timeout); e.Sent {
			t.Error("Sent is true although there was no connection")
		}
	})
}

func TestA37_RedirectsShareOneTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newScripted(t, Config{}, func(c net.Conn) {
			<-time.After(4 * time.Second) // by the bubble's clock
			io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		})
		start := time.Now()
		_, err := c.Get(t.Context(), peerURL, nil)
		wantKind(t, err, Timeout)
		if took := time.Since(start); took != defaultTimeout {
			t.Errorf("ended after %v, want %v", took, defaultTimeout)
		}
	})
}

func TestA37_MalformedAnswers(t *testing.T) {
	for name, text := range map[string]string{
		"not HTTP":         "SSH-2.0-OpenSSH_9.9 s3cret\r\n",
		"empty":            "",
		"bad status":       "HTTP/1.1 abc s3cret\r\n\r\n",
		"truncated body":   ok + "Content-Length: 100\r\n\r\ns3cret",
		"two lengths":      ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
		"negative length":  ok + "Content-Length: -1\r\n\r\n",
		"bad chunk":        ok + "Transfer-Encoding: chunked\r\n\r\ns3cret\r\n",
		"truncated header": ok + "X-Half",
	} {
		t.Run(name, func(t *testing.T) {
			c := newScripted(t, Config{}, func(c net.Conn) { io.WriteString(c, text) })
			_, err := c.PostForm(t.Context(), peerURL, nil, nil)
			e := wantKind(t, err, Unreachable)
			if !e.Sent || strings.Contains(e.Error(), "s3cret") {
				t.Errorf("%v, Sent %t", e, e.Sent)
			}
		})
	}
}

func TestA37_CompressedAnswersStayCompressed(t *testing.T) {
	var asked string
	c, _ := newPublic(t, names(map[string]string{"idp.example.com": "93.184.215.14"}), func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		io.Copy(z, io.LimitReader(zeros{}, 4*defaultMaxBody)) // a few KiB when compressed
	})
	resp, err := c.Get(t.Context(), "https://idp.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if asked != "" || len(resp.Body) > defaultMaxBody {
		t.Errorf("Accept-Encoding %q, body of %d bytes", asked, len(resp.Body))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestCanceledByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newScripted(t, Config{}, func(c net.Conn) { io.Copy(io.Discard, c) })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := c.Get(ctx, peerURL, nil)
		wantKind(t, err, Canceled)
		if !errors.Is(err, context.Canceled) {
			t.Error("the cause is lost")
		}
	})
}

func TestTLSProblemsSayWhatToDo(t *testing.T) {
	srv := httptest.NewUnstartedServer(answer("x"))
	srv.Config.ErrorLog = quietLog
	srv.StartTLS()
	t.Cleanup(srv.Close)
	plain := httptest.NewServer(answer("x"))
	t.Cleanup(plain.Close)
	for _, tc := range []struct {
		name, host, ca, to, want string
	}{
		{"unknown authority", "idp.example.com", "", srv.Listener.Addr().String(), "egress.ca_file"},
		{"other name", "idp.example.net", caFile(t, srv), srv.Listener.Addr().String(), "another host name"},
		{"not TLS", "idp.example.com", "", plain.Listener.Addr().String(), "does not speak TLS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClient(t, Config{CAFile: tc.ca, Resolver: names(map[string]string{tc.host: "93.184.215.14"})})
			c.dial = (&wire{to: func(string) (net.Conn, error) { return net.Dial("tcp", tc.to) }}).dial
			_, err := c.Get(t.Context(), "https://"+tc.host+"/", nil)
			if e := wantKind(t, err, TLS); !strings.Contains(e.Error(), tc.want) {
				t.Errorf("%v, want it to say %q", e, tc.want)
			}
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	srv := httptest.NewUnstartedServer(answer("x"))
	srv.Config.ErrorLog = quietLog
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c := newClient(t, Config{CAFile: caFile(t, srv), Resolver: names(map[string]string{"idp.example.com": "93.184.215.14"})})
	c.dial = (&wire{to: func(string) (net.Conn, error) { return net.Dial("tcp", srv.Listener.Addr().String()) }}).dial
	_, err := c.Get(t.Context(), "https://idp.example.com/", nil)
	if e := wantKind(t, err, TLS); !strings.Contains(e.Error(), "TLS 1.2") {
		t.Error(e)
	}
}

func TestUnreachableSaysWhatToDo(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	ln.Close()
	c := newClient(t, Config{Resolver: names(map[string]string{"idp.example": "93.184.215.14"})})
	c.dial = (&wire{to: func(string) (net.Conn, error) { return net.Dial("tcp", closed) }}).dial
	_, err = c.Get(t.Context(), "https://idp.example/x?secret=s3cret", nil)
	e := wantKind(t, err, Unreachable)
	if !strings.Contains(e.Error(), "connection was refused") || strings.Contains(e.Error(), "s3cret") || strings.Contains(e.Error(), "127.0.0.1") {
		t.Error(e)
	}
	if e.URL != "https://idp.example/x" || e.Sent {
		t.Errorf("URL %q, Sent %t", e.URL, e.Sent)
	}
	_, err = c.Get(t.Context(), "https://no-such.example/", nil)
	if e := wantKind(t, err, Unreachable); !strings.Contains(e.Error(), "does not exist") {
		t.Error(e)
	}
}

func TestPostFormSendsTheForm(t *testing.T) {
	c, _ := newPublic(t, names(map[string]string{"idp.example.com": "93.184.215.14"}), func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Content-Type"), " ", r.PostFormValue("code"), " ", r.Header.Get("User-Agent"), " ", r.Header.Get("X-Mine"), " ", r.ProtoMajor)
	})
	h := http.Header{"X-Mine": {"yes"}}
	resp, err := c.PostForm(t.Context(), "https://idp.example.com/token", url.Values{"code": {"a&b"}}, h)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(resp.Body), "application/x-www-form-urlencoded a&b Lanyard yes 2"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if h.Get("Content-Type") != "" {
		t.Error("the caller's header was changed")
	}
}
