package server

import (
	"errors"
	"net/http"
	"net/netip"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/pages"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// hostedHandler serves what is no operation: the browser's side of a consent, health, metrics, and strangers.
func (s *Server) hostedHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /identities/oauth2/authorize", s.counted("authorize", s.depart))
	mux.HandleFunc("GET /identities/oauth2/callback/{id}", s.counted("callback", s.arrive))
	mux.Handle("GET "+stylePath, pages.CSSHandler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	s.serveIssuers(mux)
	mux.HandleFunc("GET /runtimes/{runtime}/invocations"+metadataSuffix, s.protectedResource)
	mux.HandleFunc("GET "+metadataSuffix+"/runtimes/{runtime}/invocations", s.protectedResource) // RFC 9728 section 3.1
	mux.Handle("GET /metrics", s.local(promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{MaxRequestsInFlight: 4})))
	for prefix, h := range s.cfg.Extra {
		mux.Handle(prefix, h)
	}
	mux.HandleFunc("/", s.stranger)
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client's going away is its own affair
}

// ready answers load balancers: 503 while the database or the root key cannot be used.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if err := s.Identity.Ready(r.Context()); err != nil {
		s.Log.WarnContext(r.Context(), "not ready", "err", cause(err))
		plain(w, http.StatusServiceUnavailable, "not ready: "+err.Error()+"\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

// local serves loopback only: figures tell who is here and how much they do.
func (s *Server) local(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ip, err := netip.ParseAddr(s.peer(r).SourceIP)
		if err != nil || !ip.IsLoopback() {
			plain(w, http.StatusForbidden, "metrics are served to this machine only; scrape 127.0.0.1, or the listener of metrics_listen\n")
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (s *Server) counted(name string, h func(http.ResponseWriter, *http.Request) int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		status := h(w, r)
		s.metrics.observe(name, status, s.Now().Sub(start))
	}
}

// depart answers the authorization URL.
func (s *Server) depart(w http.ResponseWriter, r *http.Request) int {
	d, err := s.Identity.Depart(r.Context(), r.URL.Query().Get("request_uri"), s.readCookie(r))
	if err != nil {
		return s.endPage(w, r, err)
	}
	if d.CookieName != "" {
		c := s.cookie(d.CookieName)
		c.Value, c.Expires = d.CookieValue, d.ExpiresAt
		http.SetCookie(w, c)
	}
	if s.cfg.BrowserURL != nil {
		d.Location = s.cfg.BrowserURL(r.Context(), d.Location)
	}
	return redirect(w, d.Location)
}

// arrive answers the provider's callback.
func (s *Server) arrive(w http.ResponseWriter, r *http.Request) int {
	a, err := s.Identity.Arrive(r.Context(), r.PathValue("id"), r.URL.Query(), s.readCookie(r))
	if err != nil {
		return s.endPage(w, r, err)
	}
	c := s.cookie(a.CookieName)
	c.MaxAge = -1
	http.SetCookie(w, c)
	if a.Location != "" {
		return redirect(w, a.Location)
	}
	page := pages.Success
	if a.Refused != "" {
		page = pages.Refused
	}
	return s.page(w, r, http.StatusOK, page, pages.Ending{Provider: a.Provider, Workload: a.Workload, ErrorDescription: a.Refused})
}

func redirect(w http.ResponseWriter, location string) int {
	h := w.Header()
	h.Set("Location", location)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address holds a state or a code (A63)
	w.WriteHeader(http.StatusFound)
	return http.StatusFound
}

// cookie has the attributes that every cookie here has: the __Host- prefix and Secure where browsers come by https.
func (s *Server) cookie(name string) *http.Cookie {
	secure := s.cfg.PublicURL.Scheme == "https"
	if secure {
		name = "__Host-" + name
	}
	return &http.Cookie{Name: name, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (s *Server) readCookie(r *http.Request) func(string) string {
	return func(name string) string {
		c, err := r.Cookie(s.cookie(name).Name)
		if err != nil {
			return ""
		}
		return c.Value
	}
}

// endPage shows why a visit cannot go on.
func (s *Server) endPage(w http.ResponseWriter, r *http.Request, err error) int {
	e, ok := errors.AsType[*identity.PageError](err)
	if !ok {
		e = &identity.PageError{Kind: identity.PageFault, Message: "Something went wrong on our side. Try again in a moment.", Cause: err}
	}
	if e.Cause != nil {
		s.Log.WarnContext(r.Context(), "a browser was turned away", "requestId", identity.RequestID(r.Context()), "why", e.Message, "err", cause(e.Cause))
	}
	ending := pages.Ending{ErrorDescription: e.Message}
	switch e.Kind {
	case identity.PageExpired:
		return s.page(w, r, http.StatusGone, pages.Expired, ending)
	case identity.PageOtherBrowser:
		return s.page(w, r, http.StatusForbidden, pages.WrongBrowser, ending)
	case identity.PageProvider:
		return s.page(w, r, http.StatusBadGateway, pages.ProviderError, ending)
	case identity.PageFault:
		return s.page(w, r, http.StatusInternalServerError, pages.Notice, pages.NoticeData{Title: "Something went wrong", What: e.Message, Next: "If it happens again, give the operator the reference below."})
	default:
		return s.page(w, r, http.StatusBadRequest, pages.Expired, ending)
	}
}

func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name string, data any) int {
	id := identity.RequestID(r.Context())
	switch d := data.(type) {
	case pages.Ending:
		d.CorrelationID = id
		data = d
	case pages.NoticeData:
		d.CorrelationID = id
		data = d
	}
	if err := s.pages.Render(w, status, name, data); err != nil {
		s.Log.DebugContext(r.Context(), "page not delivered", "page", name, "err", err)
	}
	return status
}
