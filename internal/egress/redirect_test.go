package egress

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func redirectTo(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			fmt.Fprint(w, "reached")
			return
		}
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}
}

var redirectNames = map[string]string{
	"idp.example.com": "93.184.215.14", "other.example.com": "93.184.215.15",
	"inside.example.com": "10.0.0.1", "meta.example.com": "169.254.169.254",
}

func TestA36_RedirectIntoThePrivateNetwork(t *testing.T) {
	for _, location := range []string{
		"https://inside.example.com/end", "https://meta.example.com/end", "https://127.0.0.1/end", "https://169.254.169.254/end",
		"https://[::ffff:169.254.169.254]/end", "//10.0.0.1/end", "https://user@other.example.com/end",
		"http://other.example.com/end", "http://idp.example.com/end", "file:///etc/passwd", "gopher://other.example.com/", "https:", "http://[::1",
	} {
		c, w := newPublic(t, names(redirectNames), redirectTo(location))
		_, err := c.Get(t.Context(), "https://idp.example.com/start", nil)
		if e := wantKind(t, err, Refused); !e.Sent {
			t.Errorf("%s: Sent is false although the first hop was made", location)
		}
		if got := w.addresses(); !slices.Equal(got, []string{"93.184.215.14:443"}) {
			t.Errorf("%s: dialled %v", location, got)
		}
	}
}

func TestA36_RedirectCountIsBounded(t *testing.T) {
	hops := 0
	c, _ := newPublic(t, names(redirectNames), func(w http.ResponseWriter, r *http.Request) {
		hops++
		w.Header().Set("Location", fmt.Sprintf("/%d", hops))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	_, err := c.Get(t.Context(), "https://idp.example.com/", nil)
	wantKind(t, err, Refused)
	if hops != maxRedirects+1 {
		t.Errorf("%d requests, want %d", hops, maxRedirects+1)
	}
}

func TestA36_CredentialsStayWithTheirHost(t *testing.T) {
	seen := map[string]http.Header{}
	c, _ := newPublic(t, names(redirectNames), func(w http.ResponseWriter, r *http.Request) {
		seen[r.Host+r.URL.Path] = r.Header
		next := map[string]string{"/start": "/same", "/same": "https://other.example.com/end#part"}[r.URL.Path]
		if next != "" {
			w.Header().Set("Location", next)
			w.WriteHeader(http.StatusSeeOther)
		}
	})
	h := http.Header{"Authorization": {"Bearer s3cret"}, "X-Api-Key": {"s3cret"}, "Cookie": {"s3cret"}, "Accept": {"application/json"}}
	if _, err := c.Get(t.Context(), "https://idp.example.com/start", h); err != nil {
		t.Fatal(err)
	}
	if seen["idp.example.com/same"].Get("Authorization") == "" {
		t.Error("the same host lost its header")
	}
	last := seen["other.example.com/end"]
	if last.Get("Accept") == "" || last.Get("Referer") != "" {
		t.Errorf("headers at the other host: %v", last)
	}
	for name, values := range last {
		if strings.Contains(strings.Join(values, " "), "s3cret") {
			t.Errorf("%s reached another host", name)
		}
	}
	if h.Get("Authorization") == "" {
		t.Error("the caller's header was changed")
	}
}

func TestA36_OtherPortIsAnotherOrigin(t *testing.T) {
	a, _ := url.Parse("https://idp.example/x")
	for raw, same := range map[string]bool{
		"https://idp.example:443/y": true, "https://IDP.example/": true,
		"https://idp.example:8443/": false, "http://idp.example:443/": false, "https://a.idp.example/": false,
	} {
		b, _ := url.Parse(raw)
		if sameOrigin(a, b) != same {
			t.Errorf("sameOrigin(%s) = %t", raw, !same)
		}
	}
}

func TestA36_PostAndDoNeverFollow(t *testing.T) {
	var paths []string
	c, _ := newPublic(t, names(redirectNames), func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		redirectTo("/end")(w, r)
	})
	resp, err := c.PostForm(t.Context(), "https://idp.example.com/token", url.Values{"code": {"c"}}, nil)
	if err != nil || resp.Status != http.StatusFound {
		t.Fatalf("PostForm: %v, %v", resp, err)
	}
	u, _ := url.Parse("https://idp.example.com/revoke")
	resp, err = c.Do(t.Context(), &http.Request{Method: http.MethodDelete, URL: u})
	if err != nil || resp.Status != http.StatusFound {
		t.Fatalf("Do: %v, %v", resp, err)
	}
	if !slices.Equal(paths, []string{"/token", "/revoke"}) {
		t.Errorf("requests %v", paths)
	}
}
