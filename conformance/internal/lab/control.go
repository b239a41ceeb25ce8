package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// control is the lab as the clients' programs see it, over HTTP: what a person, an operator or a provider would do for
// them. The programs speak to Lanyard alone for everything else.
//
//	GET  /providers/NAME                  the provider's settings
//	POST /providers/NAME/callbacks        {"url"}            registers a callback URL at the provider
//	POST /providers/NAME/user-tokens      {"user"}           a JWT of the user: {"token"}
//	GET  /providers/NAME/token-requests                      the token endpoint's counters
//	POST /browser                         {"provider","url","user","deny"}  a user's browser: {"url","title","text"}
type control struct {
	lab *Lab
	// own is an oidc-provider of this test alone, so that tests that count its requests can run beside each other.
	own func() (*OIDCProvider, error)
}

// Control starts the HTTP face of the lab for one test.
func (l *Lab) Control(t testing.TB) string {
	t.Helper()
	c := control{lab: l, own: sync.OnceValues(func() (*OIDCProvider, error) {
		o, err := l.StartOIDCProvider()
		if err == nil {
			t.Cleanup(o.stop)
		}
		return o, err
	})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /providers/{name}", c.info)
	mux.HandleFunc("POST /providers/{name}/callbacks", c.registerCallback)
	mux.HandleFunc("POST /providers/{name}/user-tokens", c.userToken)
	mux.HandleFunc("GET /providers/{name}/token-requests", c.tokenRequests)
	mux.HandleFunc("POST /browser", c.browse)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (c control) info(w http.ResponseWriter, r *http.Request) {
	p, err := c.provider(r.PathValue("name"))
	if err != nil {
		answer(w, nil, err)
		return
	}
	answer(w, p.Info(), nil)
}

func (c control) registerCallback(w http.ResponseWriter, r *http.Request) {
	var in struct{ URL string }
	p, err := c.read(r, r.PathValue("name"), &in)
	if err == nil {
		err = p.RegisterCallback(r.Context(), in.URL)
	}
	answer(w, struct{}{}, err)
}

func (c control) userToken(w http.ResponseWriter, r *http.Request) {
	var in struct{ User string }
	var out struct {
		Token string `json:"token"`
	}
	p, err := c.read(r, r.PathValue("name"), &in)
	if err == nil {
		out.Token, err = p.UserToken(r.Context(), in.User)
	}
	answer(w, out, err)
}

func (c control) tokenRequests(w http.ResponseWriter, r *http.Request) {
	p, err := c.provider(r.PathValue("name"))
	if err != nil {
		answer(w, nil, err)
		return
	}
	counts, err := p.TokenRequests(r.Context())
	answer(w, counts, err)
}

func (c control) browse(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Provider string
		Visit
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, nil, err)
		return
	}
	p, err := c.provider(in.Provider)
	if err != nil {
		answer(w, nil, err)
		return
	}
	landing, err := c.lab.visit(r.Context(), p, in.Visit)
	answer(w, landing, err)
}

func (c control) provider(name string) (Provider, error) {
	if name == "oidc-provider" {
		return c.own()
	}
	return c.lab.provider(name)
}

// read decodes the body and finds the provider.
func (c control) read(r *http.Request, provider string, in any) (Provider, error) {
	if err := json.NewDecoder(r.Body).Decode(in); err != nil {
		return nil, err
	}
	return c.provider(provider)
}

func answer(w http.ResponseWriter, body any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// provider returns a provider by name and starts it at its first use.
func (l *Lab) provider(name string) (Provider, error) {
	switch name {
	case "oidc-provider":
		return l.oidc()
	case "oidc-provider-short": // its access tokens live for seconds
		return l.short()
	case "keycloak":
		return l.keycloak()
	case "github":
		return l.github()
	case "github-enterprise": // by https
		return l.secure()
	}
	return nil, fmt.Errorf("there is no provider named %q: use oidc-provider, oidc-provider-short, keycloak, github or github-enterprise", name)
}

// Provider is provider for a test.
func (l *Lab) Provider(t testing.TB, name string) Provider {
	t.Helper()
	p, err := l.provider(name)
	return must(t, p, err)
}

func (l *Lab) visit(ctx context.Context, p Provider, v Visit) (Landing, error) {
	b, err := l.chromium()
	if err != nil {
		return Landing{}, err
	}
	return b.Go(ctx, p, v)
}

// Visit sends a user's browser to a URL, through the provider's pages.
func (l *Lab) Visit(t testing.TB, provider string, v Visit) Landing {
	t.Helper()
	landing, err := l.visit(t.Context(), l.Provider(t, provider), v)
	return must(t, landing, err)
}

// Alone keeps other tests that ask for the same away from a provider that all tests share, until the test ends. Tests
// that run beside each other and count a provider's requests need it.
func (l *Lab) Alone(t testing.TB, provider string) {
	t.Helper()
	lock, _ := l.alone.LoadOrStore(provider, new(sync.Mutex))
	lock.(*sync.Mutex).Lock()
	t.Cleanup(lock.(*sync.Mutex).Unlock)
}
