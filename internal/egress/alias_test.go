package egress_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/egress"
)

// noNames resolves nothing: an alias must never be looked up.
type noNames struct{}

func (noNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("a name was looked up")
}

// local claims one host.
func local(_ context.Context, u *url.URL) (string, bool) {
	return "/here" + u.EscapedPath(), u.Host == "idp.example.com"
}

func aliasClient(t *testing.T, origin string, loopback bool) *egress.Client {
	t.Helper()
	c, err := egress.New(egress.Config{Loopback: loopback, Resolver: noNames{}, Aliases: &egress.Aliases{Origin: origin, Local: local}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// TestAliasGoesToTheOrigin: with path, query, body and credentials, by every kind of request; the name is not looked up.
func TestAliasGoesToTheOrigin(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		io.WriteString(w, r.Method+" "+r.Host+" "+r.URL.RequestURI()+" "+string(body)+" "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(s.Close)
	c := aliasClient(t, s.URL, true)
	host := strings.TrimPrefix(s.URL, "http://")
	got, err := c.Get(t.Context(), "https://idp.example.com/a%2Fb?x=1+2", nil)
	if err != nil || string(got.Body) != "GET "+host+" /here/a%2Fb?x=1+2  " {
		t.Errorf("GET: %+v, %v", got, err)
	}
	got, err = c.PostForm(t.Context(), "https://idp.example.com/token", url.Values{"a": {"b"}}, http.Header{"Authorization": {"Basic x"}})
	if err != nil || string(got.Body) != "POST "+host+" /here/token a=b Basic x" {
		t.Errorf("POST: %+v, %v", got, err)
	}
}

// TestA34_AliasPermitsNothing: what is not claimed keeps its meaning, and an alias whose target may not be reached is
// refused like the target itself.
func TestA34_AliasPermitsNothing(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	c := aliasClient(t, s.URL, true)
	for _, raw := range []string{"https://idp.example.com.evil.example/", "https://other.example.com/", "https://idp.example.com:8443/"} {
		if resp, err := c.Get(t.Context(), raw, nil); err == nil {
			t.Errorf("%s: %+v", raw, resp)
		}
	}
	for _, origin := range []string{s.URL, "http://10.0.0.1", "http://169.254.169.254"} {
		strict := aliasClient(t, origin, false)
		if resp, err := strict.Get(t.Context(), "https://idp.example.com/", nil); err == nil {
			t.Errorf("an alias at %s was reached: %+v", origin, resp)
		}
	}
}

// TestAliasOriginIsAnOrigin: a path, a query or credentials in it would lead requests astray.
func TestAliasOriginIsAnOrigin(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"", "127.0.0.1:1", "http://127.0.0.1:1/path", "http://127.0.0.1:1?x", "http://u@127.0.0.1:1", "ftp://127.0.0.1"} {
		if _, err := egress.New(egress.Config{Aliases: &egress.Aliases{Origin: origin, Local: local}}); err == nil || !strings.Contains(err.Error(), "egress.aliases") {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

// TestRedirectToAnAlias: hops are judged by the names that the parties have, not by where they happen to be served.
func TestRedirectToAnAlias(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/here/from" {
			http.Redirect(w, r, "https://idp.example.com/to", http.StatusFound)
			return
		}
		io.WriteString(w, r.URL.Path+r.Header.Get("Authorization"))
	}))
	t.Cleanup(s.Close)
	got, err := aliasClient(t, s.URL, true).Get(t.Context(), "https://idp.example.com/from", http.Header{"Authorization": {"!"}})
	if err != nil || string(got.Body) != "/here/to!" { // the same name: the same party
		t.Errorf("%+v, %v", got, err)
	}
}
