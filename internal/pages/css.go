package pages

import (
	"crypto/sha256"
	_ "embed" // the stylesheet
	"encoding/hex"
	"net/http"
)

//go:embed lanyard.css
var stylesheet []byte

// cssVersion names the stylesheet's content, so that a browser may keep it for a year and still sees every change.
func cssVersion() string {
	sum := sha256.Sum256(stylesheet)
	return hex.EncodeToString(sum[:6])
}

// CSSHandler serves the stylesheet. Mount it at the path that New was given.
func CSSHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "The stylesheet can only be read.", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/css; charset=utf-8")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		_, _ = w.Write(stylesheet) // the browser hung up; there is nobody left to tell
	})
}
