package sessionbinding

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/internal/pages"
)

// Path is where browsers come back. The stylesheet is below it.
const (
	Path           = "/oauth2/session-binding"
	stylesheetPath = Path + "/lanyard.css"
	pingPath       = "/ping"
)

// Completer names the user of a session. *client.Client is one.
type Completer interface {
	CompleteResourceTokenAuth(ctx context.Context, in *api.CompleteResourceTokenAuthRequest) error
}

// Config is what the application decides.
type Config struct {
	// Client calls the service, with credentials that may do nothing else.
	Client Completer
	// User tells who is signed in, from a verified header: FromOIDCData or FromJWT.
	User UserFunc
	// State, where it is set, demands that the state that comes back was issued for the user who is signed in. Without
	// it a state that arrives is ignored.
	State *State
	// SuccessPage is the operator's own page for the good ending: static HTML, which may hold its styles and its images
	// within itself, and which runs no script and loads nothing. Empty for the built-in one.
	SuccessPage []byte
	// Environment is told by /ping.
	Environment string
	// Log gets one line a visit; nil for none.
	Log *slog.Logger
}

// completeTimeout bounds one completion, in which the service exchanges the provider's code.
const completeTimeout = 45 * time.Second

const maxSuccessPage = 1 << 20

//go:embed templates/*.html
var templates embed.FS

type handler struct {
	Config
	pages *pages.Set
	shape *api.Shape // of the call
}

// New returns a handler of GET Path, of its stylesheet, and of GET /ping.
func New(c Config) (http.Handler, error) {
	switch {
	case c.Client == nil:
		return nil, errors.New("sessionbinding: Config.Client is missing: it calls CompleteResourceTokenAuth; *client.Client is one")
	case c.User == nil:
		return nil, errors.New("sessionbinding: Config.User is missing: it tells who is signed in, from a verified header; see FromOIDCData")
	case len(c.SuccessPage) > maxSuccessPage || !utf8.Valid(c.SuccessPage):
		return nil, fmt.Errorf("sessionbinding: Config.SuccessPage must be HTML in UTF-8 of at most %d bytes", maxSuccessPage)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	own, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, fmt.Errorf("sessionbinding: embedded templates: %w", err)
	}
	set, err := pages.New(stylesheetPath, own)
	if err != nil {
		return nil, err
	}
	h := &handler{Config: c, pages: set, shape: api.Compile(reflect.TypeFor[api.CompleteResourceTokenAuthRequest]())}
	mux := http.NewServeMux()
	mux.HandleFunc(Path, h.visit)
	mux.Handle(stylesheetPath, pages.CSSHandler())
	mux.HandleFunc("GET "+pingPath, h.ping)
	return mux, nil
}

func (h *handler) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	body := struct {
		Status      string `json:"status"`
		Environment string `json:"env,omitempty"`
		Service     string `json:"service"`
	}{"healthy", h.Environment, "session-binding"}
	_ = json.NewEncoder(w).Encode(body) // the load balancer hung up; there is nobody left to tell
}

// visit ends a consent. HEAD is refused with every method but GET: a link preview must not use the session up.
func (h *handler) visit(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "A browser comes back here with GET.", http.StatusMethodNotAllowed)
		return
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		h.end(w, r, malformed, q, err)
		return
	}
	end, err := h.finish(r, q)
	h.end(w, r, end, q, err)
}

// finish checks everything that can be checked here before the service is called, the user first.
func (h *handler) finish(r *http.Request, q asked) (ending, error) {
	if !isVisit(r.Header) {
		return notAsked, nil
	}
	user, err := h.User(r)
	if errors.Is(err, oidcdata.ErrKeysUnavailable) {
		return keysUnavailable, err
	}
	if err != nil {
		return notSignedIn, err
	}
	in := &api.CompleteResourceTokenAuthRequest{SessionURI: q.session, User: user}
	if h.shape.Validate(in) != nil { // before the call is made; its complaint is not shown, for it may quote
		return malformed, errors.New("session_id is not a session URI of the service, or the user's name is longer than it takes")
	}
	if err := h.checkState(user, q.state); err != nil {
		return otherState, fmt.Errorf("state: %w", err)
	}
	switch q.failure {
	case "":
		return h.complete(r.Context(), in)
	case "access_denied": // RFC 6749 section 4.1.2.1
		return refusedConsent, nil
	default:
		return providerFailed, nil
	}
}

func (h *handler) checkState(user api.UserIdentifier, value string) error {
	if h.State == nil {
		return nil
	}
	name, err := stateUser(user)
	if err != nil {
		return err
	}
	return h.State.check(name, value)
}

// complete names the user. It goes on when the browser hangs up: the consent was given, and half of it helps nobody.
func (h *handler) complete(ctx context.Context, in *api.CompleteResourceTokenAuthRequest) (ending, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), completeTimeout)
	defer cancel()
	err := h.Client.CompleteResourceTokenAuth(ctx, in)
	if errors.Is(err, context.DeadlineExceeded) {
		return unreachable, err
	}
	return endingOf(err), err
}

// end writes the page and the log's line.
func (h *handler) end(w http.ResponseWriter, r *http.Request, e ending, q asked, cause error) {
	reference := hashOf(q.session)
	h.record(r.Context(), e, reference, q.session, cause)
	if e.name == done.name && len(h.SuccessPage) > 0 {
		h.success(w)
		return
	}
	shown := e.page
	if !shown.Good {
		shown.Reference = reference
	}
	if err := h.pages.Render(w, e.status, "binding", shown); err != nil {
		h.Log.ErrorContext(r.Context(), "a page could not be written", "err", err)
	}
}

// record tells why, and of an exception only its name and request: messages from elsewhere might quote what must not be
// logged (A63).
func (h *handler) record(ctx context.Context, e ending, reference, session string, cause error) {
	level := slog.LevelInfo
	args := []any{"ending", e.name, "status", e.status, "session", reference}
	if ex, ok := errors.AsType[*api.Exception](cause); ok {
		args = append(args, "exception", string(ex.Name))
		if refused, ok := errors.AsType[*client.Error](cause); ok {
			args = append(args, "request", refused.RequestID)
		}
	} else if cause != nil {
		args = append(args, "cause", without(cause.Error(), session))
	}
	if e.name == notPermitted.name {
		args = append(args, "mend", "allow the principal of these credentials bedrock-agentcore:CompleteResourceTokenAuth, as the policy LanyardSessionBinding does")
	}
	if e.ours() {
		level = slog.LevelError
	}
	h.Log.Log(ctx, level, "session binding", args...)
}

// without takes a session id out of another's words.
func without(text, session string) string {
	if session == "" {
		return text
	}
	return strings.ReplaceAll(text, session, "[session]")
}

// hashOf finds a session's lines in the log without giving the session away.
func hashOf(session string) string {
	if session == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(session))
	return hex.EncodeToString(sum[:6])
}

// success shows the operator's page under a policy that lets it look as it likes and do nothing.
func (h *handler) success(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	_, _ = w.Write(h.SuccessPage) // the browser hung up; there is nobody left to tell
}
