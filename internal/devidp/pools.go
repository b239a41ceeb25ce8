package devidp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/pages"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// PoolsPath is where Pools.Handler is mounted, on the listener that browsers reach.
const PoolsPath = "/cognito/"

// shelfPrefix begins the kinds of records of user pools.
const shelfPrefix = "cognito"

// Kinds of records. All but pools hang on their pool and are deleted with it.
const (
	kindPool           = "pool"
	kindPoolDomain     = "domain"
	kindPoolClient     = "client"
	kindResourceServer = "resource-server"
	kindPoolUser       = "user"
)

// PoolsConfig is all that user pools are told. Every field is required.
type PoolsConfig struct {
	Identity  *identity.Service // authorises and audits every signed operation, and keeps the records sealed
	Region    string
	PublicURL string // under which browsers reach the listener, such as http://127.0.0.1:8585
	Store     Store  // of sessions, codes and tokens
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger
}

// Pools are user pools: authorization servers that clients make, change and delete by the API of Cognito. Its methods are
// safe for concurrent use.
type Pools struct {
	cfg      PoolsConfig
	shelf    *identity.Shelf
	pages    *pages.Set
	attempts *passwordAttempts
	cost     hashCost
	newKey   func(rnd io.Reader) (*issuer.SigningKey, error) // of a pool
	secure   bool
}

// NewPools checks the configuration and returns the pools. It starts nothing and stores nothing.
func NewPools(c PoolsConfig) (*Pools, error) {
	public, err := parseIssuer(c.PublicURL)
	if err != nil {
		return nil, err
	}
	if c.Identity == nil || c.Region == "" || c.Store == nil || c.Now == nil || c.Rand == nil || c.Log == nil {
		return nil, errors.New("devidp: every field of PoolsConfig is required")
	}
	own, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, fmt.Errorf("devidp: embedded templates: %w", err)
	}
	set, err := pages.New(public.Path+strings.TrimSuffix(PoolsPath, "/")+stylesheetPath, own)
	if err != nil {
		return nil, err
	}
	attempts, err := newPasswordAttempts(c.Rand)
	if err != nil {
		return nil, err
	}
	return &Pools{cfg: c, shelf: c.Identity.Shelf(shelfPrefix), pages: set, attempts: attempts, cost: usualCost, newKey: newPoolKey, secure: public.Scheme == "https"}, nil
}

// Handler serves the hosted pages, the OAuth endpoints, discovery and keys of every pool, below PoolsPath and the pool's
// id.
func (p *Pools) Handler() http.Handler {
	base := p.publicPath()
	mux := http.NewServeMux()
	mux.Handle("GET "+base+stylesheetPath[1:], pages.CSSHandler())
	mux.HandleFunc(base+"{pool}/", func(w http.ResponseWriter, r *http.Request) {
		pool, err := p.poolByID(r.Context(), r.PathValue("pool"))
		if err != nil {
			p.noPool(w, r, err)
			return
		}
		p.server(pool).poolHandler().ServeHTTP(w, r)
	})
	return mux
}

// noPool ends a visit to a pool that is not there, or cannot be read.
func (p *Pools) noPool(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusNotFound
	notice := pages.NoticeData{Title: "There is no such user pool", What: "The user pool in this address does not exist here. It may have been deleted.",
		Next: "Go back to the application and begin again, or have its credential provider updated.", CorrelationID: identity.RequestID(r.Context())}
	if !errors.Is(err, identity.ErrNotFound) {
		p.cfg.Log.ErrorContext(r.Context(), "user pool not read", "error", err, "requestId", notice.CorrelationID)
		status = http.StatusInternalServerError
		notice.Title, notice.What, notice.Next = "This sign-in cannot go on", "Something went wrong inside this server.", "Try again. The reference below finds the reason in its log."
	}
	if err := p.pages.Render(w, status, pages.Notice, notice); err != nil {
		p.cfg.Log.ErrorContext(r.Context(), "page not shown", "error", err)
	}
}

// publicPath is PoolsPath below the path of the public URL.
func (p *Pools) publicPath() string {
	u, err := url.Parse(p.cfg.PublicURL)
	if err != nil {
		panic("devidp: the public URL was accepted but does not parse") // NewPools parsed the same text
	}
	return u.Path + PoolsPath
}

// poolEndpoints are where clients of Cognito look for them.
var poolEndpoints = endpoints{authorize: "/oauth2/authorize", token: "/oauth2/token", revoke: "/oauth2/revoke",
	userinfo: "/oauth2/userInfo", jwks: "/.well-known/jwks.json"}

// server is the authorization server of one pool, for one request: nothing of a pool is remembered between two.
func (p *Pools) server(pool *pool) *Server {
	return &Server{
		cfg:       Config{Issuer: p.issuer(pool.id()), Store: p.cfg.Store, Now: p.cfg.Now, Rand: p.cfg.Rand, Log: p.cfg.Log},
		directory: poolDirectory{p, pool},
		origin:    p.cfg.PublicURL + PoolsPath + pool.id(),
		base:      p.publicPath() + pool.id(),
		secure:    p.secure,
		endpoints: poolEndpoints,
		claims:    poolClaims{},
		key:       func(ctx context.Context) (Signer, error) { return p.signingKey(ctx, pool) },
		keys:      keySet{document: pool.data.JWKS, algorithms: []string{poolAlgorithm}},
		pages:     p.pages,
		attempts:  p.attempts,
		pool:      pool.data.Asked.PoolName,
		cookies:   "_" + pool.id()[strings.LastIndexByte(pool.id(), '_')+1:],
	}
}

func (s *Server) poolHandler() http.Handler {
	mux := s.mux()
	mux.HandleFunc("GET "+s.base+"/login", s.authorize) // the other door to the same request
	return mux
}

// perform passes an operation on a pool ("" for none in particular) through the domain's choke point.
func perform[T any](ctx context.Context, p *Pools, caller *policy.Caller, op api.Operation, poolID string, f func(context.Context) (T, error)) (T, error) {
	resource := "*"
	if poolID != "" {
		resource = p.arn(caller.Account, poolID)
	}
	return identity.Perform(ctx, p.cfg.Identity, caller, identity.Performance{Action: op.Action(), Resources: []string{resource}, Durable: !op.ReadOnly}, f)
}

// withPool is perform for an operation that needs its pool.
func withPool[T any](ctx context.Context, p *Pools, caller *policy.Caller, op api.Operation, poolID string, f func(context.Context, *pool) (T, error)) (T, error) {
	return perform(ctx, p, caller, op, poolID, func(ctx context.Context) (T, error) {
		pool, err := p.pool(ctx, caller.Account, poolID)
		if err != nil {
			var zero T
			return zero, err
		}
		return f(ctx, pool)
	})
}

func (p *Pools) arn(account, poolID string) string {
	return "arn:aws:cognito-idp:" + p.cfg.Region + ":" + account + ":userpool/" + poolID
}

// text returns random characters of an alphabet, without the bias of a remainder.
func (p *Pools) text(alphabet string, n int) (string, error) {
	out := make([]byte, 0, n)
	limit := 256 - 256%len(alphabet)
	for b := make([]byte, 1); len(out) < n; {
		if _, err := io.ReadFull(p.cfg.Rand, b); err != nil {
			return "", fmt.Errorf("devidp: read randomness: %w", err)
		}
		if int(b[0]) < limit {
			out = append(out, alphabet[int(b[0])%len(alphabet)])
		}
	}
	return string(out), nil
}

const (
	lowerAlnum = "abcdefghijklmnopqrstuvwxyz0123456789"
	alnum      = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + lowerAlnum
)
