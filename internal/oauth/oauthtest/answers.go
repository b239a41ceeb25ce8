package oauthtest

import (
	"net/http"
	"strings"
)

// Raw is an OnToken or OnDiscovery script that answers with this status, media
// type and body.
func Raw(status int, mediaType, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

// JSON is Raw with a JSON body.
func JSON(status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return Raw(status, "application/json", body)
}

// Document is a script that answers 200 with v in JSON.
func Document(v any) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		writeJSON(w, http.StatusOK, v)
		return true
	}
}

// Endless is a script whose JSON answer never ends.
func Endless(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write([]byte(`{"access_token":"`))
	for chunk := []byte(strings.Repeat("a", 64<<10)); err == nil && r.Context().Err() == nil; {
		_, err = w.Write(chunk)
	}
	return true
}

// Silent is a script that accepts the request and never answers.
func Silent(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}
