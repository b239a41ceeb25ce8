// Package pages is the one look of every page that Lanyard shows to a person: the endings of a consent and the
// development sign-in. It holds the stylesheet, the base layout, the endings, and the only function that writes a page.
//
// It protects the person in front of the browser from whoever can put text on a page (names of workload identities and
// providers, error texts from a provider) and from whoever can frame a page or lead a form astray. So every value is
// escaped for its place in the markup, which is settled and checked when the program starts; no page carries a script or an
// inline style, and every page leaves with a policy that forbids both.
//
// It must never write a value that it did not escape, must never load anything from another host, and must never write a
// page without the headers set in Render. It trusts the templates that are built into the program and nothing else.
package pages

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strings"
	"text/template/parse"
)

//go:embed templates/*.html
var templates embed.FS

// Set is a parsed set of pages that share the layout and one address of the stylesheet.
type Set struct {
	pages  map[string]*template
	cssURL string
}

// New parses the built-in endings and the templates of extra (files named *.html in its root; nil for none). cssPath is
// the path at which the caller mounts CSSHandler, such as "/assets/lanyard.css". A template file defines "title" and
// "content", both given the page's data; its page name is the file name without the suffix.
func New(cssPath string, extra fs.FS) (*Set, error) {
	if !strings.HasPrefix(cssPath, "/") || strings.HasPrefix(cssPath, "//") {
		return nil, fmt.Errorf("pages: stylesheet path %q must start with a single slash, such as /assets/lanyard.css", cssPath)
	}
	builtin, err := fs.Sub(templates, "templates")
	if err != nil {
		return nil, fmt.Errorf("pages: embedded templates: %w", err)
	}
	layout := &template{definitions: map[string]*parse.ListNode{}}
	if err := layout.parseFile(builtin, "base.html"); err != nil {
		return nil, fmt.Errorf("pages: base layout: %w", err)
	}
	s := &Set{pages: map[string]*template{}, cssURL: cssPath + "?v=" + cssVersion()}
	for _, source := range []fs.FS{builtin, extra} {
		if err := s.add(layout, source); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Set) add(layout *template, source fs.FS) error {
	if source == nil {
		return nil
	}
	files, err := fs.Glob(source, "*.html")
	if err != nil {
		return fmt.Errorf("pages: list templates: %w", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "base" {
			continue
		}
		if s.pages[name] != nil {
			return fmt.Errorf("pages: two templates are named %q: give one of them another file name", name)
		}
		page := &template{definitions: maps.Clone(layout.definitions), isURL: map[*parse.ActionNode]bool{}}
		err := page.parseFile(source, file)
		if err == nil {
			err = page.check("base")
		}
		if err != nil {
			return fmt.Errorf("pages: template %s: %w", file, err)
		}
		s.pages[name] = page
	}
	return nil
}

// view is what the base layout sees; a page's own templates see Data alone.
type view struct {
	Stylesheet string
	Data       any
}

// Render writes the page called name with its security headers. The page is rendered whole before the first byte
// leaves, so a failing template never shows half a page: the browser then gets a plain 500 and the caller the error.
func (s *Set) Render(w http.ResponseWriter, status int, name string, data any) error {
	page, ok := s.pages[name]
	if !ok {
		http.Error(w, "This page is missing from the server.", http.StatusInternalServerError)
		return fmt.Errorf("pages: no page is named %q", name)
	}
	var body bytes.Buffer
	if err := page.execute(&body, "base", view{Stylesheet: s.cssURL, Data: data}); err != nil {
		http.Error(w, "This page could not be shown.", http.StatusInternalServerError)
		return fmt.Errorf("pages: render %s: %w", name, err)
	}
	setHeaders(w.Header(), bytes.Contains(body.Bytes(), []byte("<form ")))
	w.WriteHeader(status)
	if _, err := w.Write(body.Bytes()); err != nil {
		return fmt.Errorf("pages: write %s: %w", name, err)
	}
	return nil
}

// setHeaders is the page policy. hasForm is decided on the rendered text: data is escaped, so only a template can open
// a form. A page with a form may post to its own origin and shows that origin, never a path or query, as its referrer:
// under no-referrer a browser sends "Origin: null" with the form, which the cross-origin check would have to refuse on
// plain-http hosts. All other pages send no referrer at all, for their address may hold a code or a session id.
func setHeaders(h http.Header, hasForm bool) {
	formAction, referrer := "'none'", "no-referrer"
	if hasForm {
		formAction, referrer = "'self'", "strict-origin"
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action "+formAction+
		"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", referrer)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
