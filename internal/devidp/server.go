package devidp

import (
	"context"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/lanyard-id/lanyard/internal/pages"
)

//go:embed templates/*.html
var templates embed.FS

// Server is one authorization server. Its methods are safe for concurrent use.
type Server struct {
	cfg       Config
	directory directory
	origin    string // the URL before every endpoint: the issuer, unless that is a name which only we resolve
	base      string // the path before every endpoint, "" at the root
	secure    bool   // browsers come by https
	endpoints endpoints
	claims    claimsForm
	key       func(context.Context) (Signer, error)
	keys      keySet
	pages     *pages.Set
	attempts  *passwordAttempts
	hint      string // the user whom the sign-in page names, "" for none
	pool      string // or the pool whose users sign in
	cookies   string // ends the names of cookies, so that servers on one host do not disturb each other
}

// endpoints are the paths that differ from one kind of server to another.
type endpoints struct {
	authorize, token, revoke, userinfo, jwks string
}

var plainEndpoints = endpoints{authorize: "/authorize", token: "/token", revoke: "/revoke", userinfo: "/userinfo", jwks: "/jwks"}

// New checks the configuration and returns a server. It starts nothing and stores nothing.
func New(c Config) (*Server, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	issuer, err := parseIssuer(c.Issuer)
	if err != nil {
		return nil, err
	}
	keys, err := loadKeySet(c.Key, c.JWKS)
	if err != nil {
		return nil, err
	}
	own, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, fmt.Errorf("devidp: embedded templates: %w", err)
	}
	set, err := pages.New(issuer.Path+stylesheetPath, own)
	if err != nil {
		return nil, err
	}
	attempts, err := newPasswordAttempts(c.Rand)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: c, origin: c.Issuer, base: issuer.Path, secure: issuer.Scheme == "https", endpoints: plainEndpoints, claims: plainClaims{},
		keys: keys, pages: set, attempts: attempts, hint: c.User.Username}
	s.directory = single{&s.cfg, attempts}
	s.key = func(context.Context) (Signer, error) { return s.cfg.Key, nil }
	return s, nil
}

const stylesheetPath = "/style.css"

// Handler serves every endpoint at its full path, the issuer's path included: mount it at that path and strip nothing.
func (s *Server) Handler() http.Handler {
	mux := s.mux()
	mux.Handle("POST "+s.base+"/introspect", s.clientEndpoint(s.introspect))
	return mux
}

// mux has the endpoints that every kind of server has.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.base+"/.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET "+s.base+s.endpoints.jwks, s.jwks)
	mux.Handle("GET "+s.base+stylesheetPath, pages.CSSHandler())

	mux.HandleFunc("GET "+s.base+s.endpoints.authorize, s.authorize)
	mux.Handle("POST "+s.base+"/login", s.form(s.login))
	mux.Handle("POST "+s.base+"/consent", s.form(s.consent))
	mux.HandleFunc("GET "+s.base+"/logout", s.askLogout)
	mux.Handle("POST "+s.base+"/logout", s.form(s.logout))

	mux.Handle("POST "+s.base+s.endpoints.token, s.clientEndpoint(s.token))
	mux.Handle("POST "+s.base+s.endpoints.revoke, s.clientEndpoint(s.revoke))
	mux.HandleFunc("GET "+s.base+s.endpoints.userinfo, s.userinfo)
	mux.HandleFunc("POST "+s.base+s.endpoints.userinfo, s.userinfo)
	return mux
}

// secretBytes is the length of every random value that has to be unguessable.
const secretBytes = 32

// newSecret returns 256 random bits as text.
func (s *Server) newSecret() (string, error) {
	b, err := s.random(secretBytes)
	return base64.RawURLEncoding.EncodeToString(b), err
}

func (s *Server) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return nil, fmt.Errorf("devidp: read randomness: %w", err)
	}
	return b, nil
}

// isSecret reports whether text has the form of newSecret's answer, before it costs a look into the store.
func isSecret(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == secretBytes
}

// correlationID names one event in the log and on the page.
func (s *Server) correlationID() string {
	b, err := s.random(8)
	if err != nil {
		return "" // the page goes without a reference; the failure behind it is logged in any case
	}
	return hex.EncodeToString(b)
}

// url is the absolute address of an endpoint, as discovery publishes it.
func (s *Server) url(endpoint string) string { return s.origin + endpoint }

// authorizePath is the path, on whatever host the browser knows us by, of an authorization request.
func (s *Server) authorizePath(query url.Values) string {
	return s.base + s.endpoints.authorize + "?" + query.Encode()
}
