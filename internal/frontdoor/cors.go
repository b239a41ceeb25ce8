package frontdoor

import (
	"net/http"
	"slices"
)

// The headers of the Fetch standard by which a browser lets a page read another site's answers.
const (
	headerAllowOrigin      = "Access-Control-Allow-Origin"
	headerAllowCredentials = "Access-Control-Allow-Credentials"
)

// answersOrigin lets pages of trusted origins read the answer to what they send, and tells whether this is a browser's
// question whether they may: it comes without a cookie, so the sign-in would refuse it and the request would never be sent.
// Any other origin gets neither (A62).
func (d *Door) answersOrigin(h http.Header, r *http.Request) bool {
	if len(d.cfg.TrustedOrigins) == 0 {
		return false
	}
	h.Add("Vary", "Origin")
	from := r.Header.Values("Origin")
	if len(from) != 1 || !d.trusts(from[0]) {
		return false
	}
	h.Set(headerAllowOrigin, from[0])
	h.Set(headerAllowCredentials, "true")
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

func (d *Door) trusts(origin string) bool { return slices.Contains(d.cfg.TrustedOrigins, origin) }

// preflight allows a trusted origin what it asks for. What it then sends is held to the same session and rules as a page of
// this site's own.
func (x *exchange) preflight() {
	x.actions = []string{"fixed-response"}
	h := x.w.Header()
	h.Set("Access-Control-Allow-Methods", x.r.Header.Get("Access-Control-Request-Method"))
	if names := x.r.Header.Get("Access-Control-Request-Headers"); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "600")
	h.Set("Cache-Control", "no-store")
	x.w.WriteHeader(http.StatusNoContent)
}
