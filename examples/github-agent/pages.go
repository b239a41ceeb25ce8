package main

import (
	"bytes"
	"embed"
	"net/http"
	"time"
)

// web are the pages. None of them loads anything from elsewhere.
//
//go:embed web
var web embed.FS

// contentSecurityPolicy lets pages run their own files and speak to their own origin, and no more. With trusted types, a
// browser refuses to make HTML out of a text, whatever the script does: what a model or an API wrote stays text (A62).
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// withHeaders protects every answer, errors included.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// pages serves the files of web under the names they have for people.
func pages(mux *http.ServeMux) {
	for pattern, file := range map[string]string{
		"GET /{$}": "index.html", "GET /docs": "docs.html", "GET /openapi.json": "openapi.json",
		"GET /app.js": "app.js", "GET /stream.js": "stream.js", "GET /docs.js": "docs.js", "GET /style.css": "style.css", "GET /icon.svg": "icon.svg",
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			content, err := web.ReadFile("web/" + file)
			if err != nil {
				refuse(w, &refusal{http.StatusInternalServerError, "The page is missing from the program."})
				return
			}
			http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(content))
		})
	}
}
