package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/identity"
)

// The documents of each account's issuer. They are for everybody: unsigned, cacheable, readable by scripts of any origin,
// and the same whoever asks.

const (
	discoveryPath = "/{issuer}/.well-known/openid-configuration"
	keysPath      = "/{issuer}/.well-known/jwks.json"
)

// serveIssuers adds the documents to the pages. GET patterns take HEAD with them.
func (s *Server) serveIssuers(mux *http.ServeMux) {
	base := s.Identity.IssuerPath()
	mux.HandleFunc("GET "+base+discoveryPath, s.counted("discovery", s.issuerDocument(func(d *identity.IssuerDocuments) []byte { return d.Discovery })))
	mux.HandleFunc("GET "+base+keysPath, s.counted("jwks", s.issuerDocument(func(d *identity.IssuerDocuments) []byte { return d.Keys })))
}

func (s *Server) issuerDocument(pick func(*identity.IssuerDocuments) []byte) func(http.ResponseWriter, *http.Request) int {
	return func(w http.ResponseWriter, r *http.Request) int {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		docs, err := s.Identity.IssuerDocuments(r.Context(), r.PathValue("issuer"))
		if err != nil {
			return s.noIssuer(w, r, err)
		}
		return writeDocument(w, r, pick(docs))
	}
}

// noIssuer answers in a fixed text, since what is wrong with an id is nobody's business, and neither is a fault of ours.
func (s *Server) noIssuer(w http.ResponseWriter, r *http.Request, err error) int {
	if e, ok := errors.AsType[*identity.Error](err); ok && e.Code == identity.NotFound {
		plain(w, http.StatusNotFound, "There is no such issuer here.\n")
		return http.StatusNotFound
	}
	s.Log.WarnContext(r.Context(), "an issuer's documents could not be read", "requestId", identity.RequestID(r.Context()), "err", cause(err))
	w.Header().Set("Retry-After", "1")
	plain(w, http.StatusServiceUnavailable, "The issuer's documents cannot be read just now. Try again.\n")
	return http.StatusServiceUnavailable
}

// writeDocument lets the answer be kept as long as a key is published before it signs, many times over, and compared by
// its hash after that.
func writeDocument(w http.ResponseWriter, r *http.Request, body []byte) int {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(identity.KeysMaxAge.Seconds())))
	h.Set("ETag", tag)
	if matches(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client's going away is its own affair
	}
	return http.StatusOK
}

// matches compares entity tags weakly (RFC 9110 section 13.1.2).
func matches(header, tag string) bool {
	for _, candidate := range strings.Split(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}
