package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

func TestOpener(t *testing.T) {
	for _, tc := range []struct {
		system string
		vars   map[string]string
		want   string
	}{
		{"linux", nil, ""},
		{"linux", map[string]string{"DISPLAY": ":0"}, "xdg-open"},
		{"linux", map[string]string{"WAYLAND_DISPLAY": "w"}, "xdg-open"},
		{"linux", map[string]string{"DISPLAY": ":10", "SSH_CONNECTION": "x"}, ""},
		{"darwin", nil, "open"},
		{"windows", nil, "rundll32"},
	} {
		if got, _ := opener(testEnvironment(tc.vars, nil, nil), tc.system); got != tc.want {
			t.Errorf("%s %v: %q, want %q", tc.system, tc.vars, got, tc.want)
		}
	}
}

// TestHostileAuthorizationURL: the link comes from a server, and a desktop opens more than web pages.
func TestHostileAuthorizationURL(t *testing.T) {
	env := testEnvironment(map[string]string{"DISPLAY": ":0"}, nil, nil)
	for _, raw := range []string{"", "file:///etc/passwd", "javascript:alert(1)", "-version", "https://user@evil.example/", "https:///x", "ssh://host", "https://x/\x1b[2J", "https://x/ --flag"} {
		if err := checkAuthorizationURL(api.Sensitive(raw)); err == nil {
			t.Errorf("%q is shown as a link", raw)
		}
	}
	for _, raw := range []string{"file:///etc/passwd", "-version", "https://user@evil.example/"} {
		if openInBrowser(t.Context(), env, api.Sensitive(raw)) {
			t.Errorf("%q is opened", raw)
		}
	}
	if err := checkAuthorizationURL("https://lanyard.example/identities/oauth2/authorize?request_uri=urn%3Ax"); err != nil {
		t.Error(err)
	}
}

// TestDevBrowserKeepsThePassword: the password is for the development authorization server, whatever page asks for it.
func TestDevBrowserKeepsThePassword(t *testing.T) {
	const form = `<form method="post" action="ACTION"><input type="text" name="username"><input type="password" name="password"><button type="submit">Go</button></form>`
	posted := 0
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posted++
		}
		_, _ = io.WriteString(w, strings.Replace(form, "ACTION", "/take", 1))
	}))
	defer thief.Close()
	mux := http.NewServeMux()
	real := httptest.NewServer(mux)
	defer real.Close()
	mux.HandleFunc("/devidp/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, http.StatusFound) })
	mux.HandleFunc("/devidp/lent", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Replace(form, "ACTION", thief.URL+"/take", 1))
	})
	mux.HandleFunc("/devidpx/form", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posted++
		}
		_, _ = io.WriteString(w, strings.Replace(form, "ACTION", "/devidpx/form", 1))
	})
	for _, path := range []string{"/devidp/away", "/devidp/lent", "/devidpx/form"} {
		b, err := newDevBrowser(real.URL+"/devidp", "dev", "MARKER")
		if err != nil {
			t.Fatal(err)
		}
		err = b.visit(t.Context(), api.Sensitive(real.URL+path), func(string) {})
		if err == nil || !strings.Contains(err.Error(), "only a person should answer") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if posted != 0 {
		t.Errorf("the password was sent away %d times", posted)
	}
}

func TestDevBrowserGivesUp(t *testing.T) {
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	defer s.Close()
	steps := 0
	mux.HandleFunc("/circle", func(w http.ResponseWriter, r *http.Request) {
		steps++
		http.Redirect(w, r, "/circle", http.StatusFound)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, `<title>not shown</title><p>It is <b>broken</b></p>`)
	})
	mux.HandleFunc("/odd", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Refresh", "0; url=javascript:alert(1)")
	})
	for path, want := range map[string]string{"/circle": "in a circle", "/broken": "418: It is broken", "/odd": "no web page"} {
		b, err := newDevBrowser(s.URL, "dev", "p")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.visit(t.Context(), api.Sensitive(s.URL+path), func(string) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if steps != maxSteps {
		t.Errorf("went round %d times", steps)
	}
}

func TestReadPage(t *testing.T) {
	form, text := readPage(`<!doctype html><html><head><title>T</title><style>p > a {x}</style></head><body>
<p class="alert" role="alert">Wrong &amp; bad</p><form method="post" action="/x?a=1&amp;b=2">
<input type="hidden" name="request" value="q&#34;&lt;"><input type=email name=who autofocus required>
<input type="password" name="pw"><button name="decision" value="no">No</button><button type="button" name="x" value="y">?</button>
<button type="submit" name="decision" value="yes">Yes</button></form><form action="/second"><input type="hidden" name="request" value="2"></form>`)
	if form == nil || form.action != "/x?a=1&b=2" || form.hidden.Get("request") != `q"<` || form.username != "who" || form.password != "pw" || form.button != [2]string{"decision", "yes"} || !form.failed {
		t.Errorf("got %+v", form)
	}
	says(t, text, "Wrong & bad")
	saysNot(t, text, "T ", "{x}")
	for _, odd := range []string{"", "plain", "<", "<form", "<<>>", "{\"json\":1}", "<p>no form"} {
		if form, _ := readPage(odd); form != nil {
			t.Errorf("%q has a form: %+v", odd, form)
		}
	}
}
