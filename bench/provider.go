package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// provider is an authorization server that consents to everything and answers tokens of 2 KiB that last a month.
type provider struct {
	srv *http.Server
	url string
}

// tokenSize is the size of the resource tokens, as large as a JWT with many claims.
const tokenSize = 2048

func startProvider(ctx context.Context) (*provider, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &provider{url: "http://" + ln.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.srv = &http.Server{Handler: mux} //nolint:gosec // loopback, one client
	go func() { _ = p.srv.Serve(ln) }()
	return p, nil
}

func (p *provider) close() { _ = p.srv.Close() }

func (p *provider) host() string { return strings.TrimPrefix(p.url, "http://") }

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back := url.Values{"code": {"code"}, "state": {q.Get("state")}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound) //nolint:gosec // the only client is ours
}

func (p *provider) token(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that went away has its own error
		"access_token": strings.Repeat("0123456789abcdef", tokenSize/16), "refresh_token": strings.Repeat("r", 64),
		"token_type": "Bearer", "expires_in": 30 * 24 * 3600,
	})
}
