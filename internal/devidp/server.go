package devidp

import (
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
	cfg      Config
	base     string // the issuer's path, "" at the root
	secure   bool   // the issuer is https
	keys     keySet
	pages    *pages.Set
	attempts *passwordAttempts
}

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
	return &Server{cfg: c, base: issuer.Path, secure: issuer.Scheme == "https", keys: keys, pages: set, attempts: attempts}, nil
}

const stylesheetPath = "/style.css"

// Handler serves every endpoint at its full path, the issuer's path included: mount it at that path and strip nothing.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.base+"/.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET "+s.base+"/jwks", s.jwks)
	mux.Handle("GET "+s.base+stylesheetPath, pages.CSSHandler())

	mux.HandleFunc("GET "+s.base+"/authorize", s.authorize)
	mux.Handle("POST "+s.base+"/login", s.form(s.login))
	mux.Handle("POST "+s.base+"/consent", s.form(s.consent))
	mux.HandleFunc("GET "+s.base+"/logout", s.askLogout)
	mux.Handle("POST "+s.base+"/logout", s.form(s.logout))

	mux.Handle("POST "+s.base+"/token", s.clientEndpoint(s.token))
	mux.Handle("POST "+s.base+"/revoke", s.clientEndpoint(s.revoke))
	mux.Handle("POST "+s.base+"/introspect", s.clientEndpoint(s.introspect))
	mux.HandleFunc("GET "+s.base+"/userinfo", s.userinfo)
	mux.HandleFunc("POST "+s.base+"/userinfo", s.userinfo)
	return mux
}

// clientByID and userBySubject are the only readers of the directory, so that a server with more than one client or user
// changes these alone.
func (s *Server) clientByID(id string) (Client, bool) {
	return s.cfg.Client, id == s.cfg.Client.ID
}

func (s *Server) userBySubject(subject string) (User, bool) {
	return s.cfg.User, subject == s.cfg.User.Subject
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
func (s *Server) url(endpoint string) string { return s.cfg.Issuer + endpoint }

// authorizePath is the path, on whatever host the browser knows us by, of an authorization request.
func (s *Server) authorizePath(query url.Values) string {
	return s.base + "/authorize?" + query.Encode()
}
