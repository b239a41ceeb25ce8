package sessionbinding_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
)

const session = "urn:ietf:params:oauth:request_uri:c2Vzc2lvbi1vZi1hbGljZQ"

var testNow = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)

// fakeService remembers what it was asked to complete.
type fakeService struct {
	answer error
	asked  []*api.CompleteResourceTokenAuthRequest
	ctxErr error
}

func (f *fakeService) CompleteResourceTokenAuth(ctx context.Context, in *api.CompleteResourceTokenAuthRequest) error {
	f.asked, f.ctxErr = append(f.asked, in), ctx.Err()
	return f.answer
}

// signedIn stands for a verified header.
func signedIn(r *http.Request) (api.UserIdentifier, error) {
	user := r.Header.Get("Verified-User")
	if user == "" {
		return api.UserIdentifier{}, errors.New("nobody is signed in")
	}
	return api.UserIdentifier{UserID: &user}, nil
}

// bench is a handler, the service behind it and its log.
type bench struct {
	t       *testing.T
	handler http.Handler
	service *fakeService
	log     *bytes.Buffer
}

func newBench(t *testing.T, edit ...func(*sessionbinding.Config)) *bench {
	t.Helper()
	b := &bench{t: t, service: &fakeService{}, log: &bytes.Buffer{}}
	c := sessionbinding.Config{Client: b.service, User: signedIn, Environment: "test", Log: slog.New(slog.NewJSONHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, f := range edit {
		f(&c)
	}
	h, err := sessionbinding.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b.handler = h
	return b
}

// visit opens a URL as a user's browser; change edits the request.
func (b *bench) visit(target, user string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if user != "" {
		r.Header.Set("Verified-User", user)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w
}

func link(more ...string) string {
	q := url.Values{"session_id": {session}}
	for i := 0; i < len(more); i += 2 {
		q.Add(more[i], more[i+1])
	}
	return sessionbinding.Path + "?" + q.Encode()
}

// untouched demands that the service was not called.
func (b *bench) untouched(name string) {
	b.t.Helper()
	if len(b.service.asked) != 0 {
		b.t.Errorf("%s: the session was completed", name)
		b.service.asked = nil
	}
}

// keepsQuiet demands that the log names neither session nor state nor user.
func (b *bench) keepsQuiet(secrets ...string) {
	b.t.Helper()
	if b.log.Len() == 0 {
		b.t.Error("nothing was logged: the test sees nothing")
	}
	for _, s := range secrets {
		if strings.Contains(b.log.String(), s) {
			b.t.Errorf("%q is in the log:\n%s", s, b.log)
		}
	}
}

func testJWT(payload string) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(`{"alg":"RS256"}`)) + "." + e.EncodeToString([]byte(payload)) + "." + e.EncodeToString([]byte("signature"))
}
