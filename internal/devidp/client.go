package devidp

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// endpointError is an error answer of the token endpoint and its siblings (RFC 6749, 5.2).
type endpointError struct {
	status            int
	code, description string
}

func (e *endpointError) Error() string { return "devidp: " + e.code + ": " + e.description }

func badRequest(code, description string) error {
	return &endpointError{status: http.StatusBadRequest, code: code, description: description}
}

var errInvalidClient = &endpointError{http.StatusUnauthorized, "invalid_client",
	"client authentication failed: send the configured client id and secret by client_secret_basic or client_secret_post"}

// clientEndpoint wraps the endpoints that only the authenticated client may call. handle returns what to answer as JSON.
func (s *Server) clientEndpoint(handle func(r *http.Request, c client) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := parseClientForm(r)
		var c client
		if err == nil {
			c, err = s.authenticateClient(r)
		}
		var answer any
		if err == nil {
			answer, err = handle(r, c)
		}
		if err != nil {
			s.writeEndpointError(w, r, err)
			return
		}
		noStore(w)
		writeJSON(w, http.StatusOK, answer)
	})
}

// parseClientForm reads the body as the one form it has to be. Parameters of the URL are not looked at (RFC 6749, 2.3.1
// forbids credentials there), and none but the repeatable ones may come twice (RFC 6749, 3.2).
func parseClientForm(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return badRequest("invalid_request", "the body must be application/x-www-form-urlencoded")
	}
	if err := r.ParseForm(); err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return &endpointError{http.StatusRequestEntityTooLarge, "invalid_request", "the body is too large"}
		}
		return badRequest("invalid_request", "the body is not a well-formed form")
	}
	for name, values := range r.PostForm {
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return badRequest("invalid_request", "a parameter is repeated")
		}
	}
	return nil
}

// authenticateClient takes client_secret_basic or client_secret_post, and never both at once (RFC 6749, 2.3).
func (s *Server) authenticateClient(r *http.Request) (client, error) {
	id, secret, err := clientCredentials(r)
	if err != nil {
		return client{}, err
	}
	c, known, err := s.directory.clientByID(r.Context(), id)
	if err != nil {
		return client{}, err
	}
	if right := c.authentic(secret); !right || !known {
		return client{}, errInvalidClient
	}
	return c, nil
}

func clientCredentials(r *http.Request) (id, secret string, err error) {
	basicID, basicSecret, basic := r.BasicAuth()
	if !basic {
		if r.Header.Get("Authorization") != "" {
			return "", "", errInvalidClient
		}
		return r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), nil
	}
	if r.PostForm.Has("client_secret") {
		return "", "", badRequest("invalid_request", "the client must authenticate in one way, not two")
	}
	// Both halves are form-encoded inside the header (RFC 6749, 2.3.1).
	id, errID := url.QueryUnescape(basicID)
	secret, errSecret := url.QueryUnescape(basicSecret)
	if errID != nil || errSecret != nil || (r.PostForm.Has("client_id") && r.PostForm.Get("client_id") != id) {
		return "", "", errInvalidClient
	}
	return id, secret, nil
}

func (s *Server) writeEndpointError(w http.ResponseWriter, r *http.Request, err error) {
	told := new(endpointError)
	if !errors.As(err, &told) {
		reference := s.correlationID()
		s.cfg.Log.ErrorContext(r.Context(), "client request failed", "path", r.URL.Path, "error", err, "reference", reference)
		told = &endpointError{http.StatusInternalServerError, "server_error", "the reason is in the server's log under " + reference}
	}
	if told.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="devidp", charset="UTF-8"`)
	}
	noStore(w)
	writeJSON(w, told.status, map[string]string{"error": told.code, "error_description": told.description})
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("devidp: answer does not encode: " + err.Error()) // all answers are maps and structs of plain values
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the peer hung up; there is nobody left to tell
}
