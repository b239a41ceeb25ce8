package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxBody = 1 << 20

var errExpired = errors.New("the stored token has expired")

// The shapes have the members that the benchmark sends, and the names that Lanyard's have.
type (
	mintRequest struct {
		WorkloadName string `json:"workloadName"`
		UserID       string `json:"userId"`
	}
	mintResponse struct {
		Token string `json:"workloadAccessToken"`
	}
	tokenRequest struct {
		WorkloadToken string   `json:"workloadIdentityToken"`
		Provider      string   `json:"resourceCredentialProviderName"`
		Scopes        []string `json:"scopes"`
		Flow          string   `json:"oauth2Flow"`
	}
	tokenResponse struct {
		AccessToken string `json:"accessToken"`
	}
	keyRequest struct {
		WorkloadToken string `json:"workloadIdentityToken"`
		Provider      string `json:"resourceCredentialProviderName"`
	}
	keyResponse struct {
		APIKey string `json:"apiKey"`
	}
)

func handler(t table, v *vault, m *minter, sig *verifier) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	mux.Handle("POST /identities/GetWorkloadAccessTokenForUserId", signed(sig, func(_ *http.Request, in *mintRequest) (mintResponse, error) {
		return mintResponse{v.mint(in.WorkloadName, in.UserID, time.Now().Add(time.Hour))}, nil
	}))
	mux.Handle("POST /identities/oauth2/token", signed(sig, func(r *http.Request, in *tokenRequest) (tokenResponse, error) {
		workload, user, err := v.openToken(in.WorkloadToken)
		if err != nil {
			return tokenResponse{}, err
		}
		token, err := stored(r, t, v, workload, in.Provider, user, strings.Join(in.Scopes, " "))
		return tokenResponse{token}, err
	}))
	mux.Handle("POST /identities/api-key", signed(sig, func(r *http.Request, in *keyRequest) (keyResponse, error) {
		workload, _, err := v.openToken(in.WorkloadToken)
		if err != nil {
			return keyResponse{}, err
		}
		key, err := stored(r, t, v, workload, in.Provider)
		return keyResponse{key}, err
	}))
	mux.Handle("POST /{$}", minting(m, sig))
	return mux
}

// stored reads and opens one value.
func stored(r *http.Request, t table, v *vault, parts ...string) (string, error) {
	key := rowKey(parts...)
	wrapped, sealed, expires, err := t.read(r.Context(), key[:])
	if err != nil {
		return "", err
	}
	if time.Now().Unix() >= expires {
		return "", errExpired
	}
	value, err := v.openRow(key[:], wrapped, sealed)
	return string(value), err
}

// signed reads a signed JSON request and writes a JSON answer.
func signed[Req, Resp any](sig *verifier, f func(*http.Request, *Req) (Resp, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := sig.read(w, r)
		var in Req
		if err == nil {
			err = json.Unmarshal(body, &in)
		}
		var out Resp
		if err == nil {
			out, err = f(r, &in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, out)
	})
}

// read returns the body of a request whose signature is right.
func (v *verifier) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, maxBody)) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		return nil, err
	}
	return body.Bytes(), v.verify(r, body.Bytes())
}

func answer(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // the client's going away is its own affair
}
