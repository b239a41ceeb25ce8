package egress

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// every calls the three ways out.
func every(t *testing.T, c *Client, raw string) map[string]error {
	t.Helper()
	_, get := c.Get(t.Context(), raw, nil)
	_, post := c.PostForm(t.Context(), raw, url.Values{"refresh_token": {"s3cret"}}, nil)
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	_, do := c.Do(t.Context(), &http.Request{Method: http.MethodDelete, URL: u})
	return map[string]error{"Get": get, "PostForm": post, "Do": do}
}

func TestA34_EgressRefusesPrivateAddresses(t *testing.T) {
	for _, ip := range []string{
		"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0",
		"100.100.100.200", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
	} {
		c, w := newPublic(t, names(map[string]string{"idp.example.com": ip}), answer("reached"))
		for call, err := range every(t, c, "https://idp.example.com/token?code=c0de") {
			e := wantKind(t, err, Refused)
			if e.Addr != netip.MustParseAddr(ip) || e.Sent {
				t.Errorf("%s to %s: Addr %v, Sent %t", call, ip, e.Addr, e.Sent)
			}
			if strings.Contains(err.Error(), ip) || strings.Contains(err.Error(), "c0de") {
				t.Errorf("%s to %s: the text tells too much: %v", call, ip, err)
			}
		}
		if got := w.addresses(); len(got) > 0 {
			t.Errorf("%s was dialled: %v", ip, got)
		}
	}
}

func TestA34_ListedHostMayBePrivateButNeverMetadata(t *testing.T) {
	r := names(map[string]string{"idp.example.com": "10.1.2.3", "evil.example.com": "169.254.169.254"})
	c, w := newPublic(t, r, answer("reached"))
	c.allow = []rule{{host: "idp.example.com"}, {host: "evil.example.com"}}
	resp, err := c.Get(t.Context(), "https://idp.example.com/", nil)
	if err != nil || string(resp.Body) != "reached" {
		t.Fatalf("listed host: %v", err)
	}
	_, err = c.Get(t.Context(), "https://evil.example.com/", nil)
	if e := wantKind(t, err, Refused); !strings.Contains(e.Error(), "never contacted") {
		t.Errorf("metadata by a listed name: %v", e)
	}
	if got := w.addresses(); !slices.Equal(got, []string{"10.1.2.3:443"}) {
		t.Errorf("dialled %v", got)
	}
}

func TestA34_ListedPortIsTheOnlyOne(t *testing.T) {
	c, _ := newPublic(t, names(map[string]string{"idp.example.com": "10.1.2.3"}), answer("reached"))
	c.allow = []rule{{host: "idp.example.com", port: 8443}}
	if _, err := c.Get(t.Context(), "https://idp.example.com:8443/", nil); err != nil {
		t.Error(err)
	}
	_, err := c.Get(t.Context(), "https://idp.example.com:22/", nil)
	wantKind(t, err, Refused)
}

func TestA34_EnvironmentProxyIsIgnored(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	c, w := newPublic(t, names(map[string]string{"idp.example.com": "93.184.215.14"}), answer("reached"))
	if _, err := c.Get(t.Context(), "https://idp.example.com/", nil); err != nil {
		t.Fatal(err)
	}
	if got := w.addresses(); !slices.Equal(got, []string{"93.184.215.14:443"}) {
		t.Errorf("dialled %v", got)
	}
	// net/http reads the environment once per process, so look as well.
	if c.transport.Proxy != nil {
		t.Error("the transport has a proxy function")
	}
}

func TestA35_RebindingBetweenCheckAndDial(t *testing.T) {
	r := &script{answers: map[string][][]string{"idp.example.com": {{"93.184.215.14"}, {"127.0.0.1"}}}}
	c, w := newPublic(t, r, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	if _, err := c.Get(t.Context(), "https://idp.example.com/", nil); err != nil {
		t.Fatal(err)
	}
	if len(r.asked) != 1 {
		t.Fatalf("the name was looked up %d times for one request", len(r.asked))
	}
	c.CloseIdle()
	_, err := c.Get(t.Context(), "https://idp.example.com/", nil)
	wantKind(t, err, Refused)
	if got := w.addresses(); !slices.Equal(got, []string{"93.184.215.14:443"}) {
		t.Errorf("dialled %v", got)
	}
}

func TestA35_MixedAnswerDialsOnlyThePublicAddress(t *testing.T) {
	r := &script{answers: map[string][][]string{"idp.example.com": {{"10.0.0.1", "::ffff:127.0.0.1", "93.184.215.14", "64:ff9b::a00:1"}}}}
	c, w := newPublic(t, r, answer("reached"))
	if _, err := c.Get(t.Context(), "https://idp.example.com/", nil); err != nil {
		t.Fatal(err)
	}
	if got := w.addresses(); !slices.Equal(got, []string{"93.184.215.14:443"}) {
		t.Errorf("dialled %v", got)
	}
}

func TestA35_MappedFormsInAnswers(t *testing.T) {
	for _, ip := range []string{"::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "2002:a00:1::", "2001:0:808:808::80ff:fffe"} {
		c, w := newPublic(t, names(map[string]string{"idp.example.com": ip}), answer("reached"))
		_, err := c.Get(t.Context(), "https://idp.example.com/", nil)
		wantKind(t, err, Refused)
		if got := w.addresses(); len(got) > 0 {
			t.Errorf("%s was dialled: %v", ip, got)
		}
	}
}

func TestA65_DevelopmentLoopbackIsNotForForeignNames(t *testing.T) {
	srv := httptest.NewServer(answer("local"))
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	r := names(map[string]string{"evil.example": "127.0.0.1", "localhost": "93.184.215.14"})
	c := newClient(t, Config{Loopback: true, InsecureHTTPHosts: []string{"evil.example"}, Resolver: r})
	for call, err := range every(t, c, "http://evil.example:"+port+"/") {
		if e := wantKind(t, err, Refused); e.Sent {
			t.Errorf("%s reached a loopback service by a foreign name", call)
		}
	}
	for _, host := range []string{"localhost", "app.localhost", "127.0.0.1"} {
		resp, err := c.Get(t.Context(), "http://"+host+":"+port+"/", nil)
		if err != nil || string(resp.Body) != "local" {
			t.Errorf("%s: %v", host, err)
		}
	}
	if slices.Contains(r.asked, "localhost") {
		t.Error("a localhost name was looked up")
	}
}

func TestDialFallsBackToTheNextAddress(t *testing.T) {
	r := &script{answers: map[string][][]string{"idp.example.com": {{"2606:4700::1", "93.184.215.14"}}}}
	c, w := newPublic(t, r, answer("reached"))
	inner := w.to
	w.to = func(address string) (net.Conn, error) {
		if strings.HasPrefix(address, "[") {
			return nil, errors.New("no route")
		}
		return inner(address)
	}
	if _, err := c.Get(t.Context(), "https://idp.example.com/", nil); err != nil {
		t.Fatal(err)
	}
	if got := w.addresses(); len(got) != 2 {
		t.Errorf("dialled %v", got)
	}
}

func TestHostHeaderFollowsTheCheckedURL(t *testing.T) {
	c, _ := newPublic(t, names(map[string]string{"idp.example.com": "93.184.215.14"}), func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(r.Method + " " + r.Host))
	})
	u, _ := url.Parse("https://idp.example.com/x")
	resp, err := c.Do(t.Context(), &http.Request{Method: http.MethodDelete, URL: u, Host: "internal.example"})
	if err != nil || string(resp.Body) != "DELETE idp.example.com" {
		t.Errorf("%s, %v", resp.Body, err)
	}
}
