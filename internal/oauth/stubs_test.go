package oauth_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/egress"
)

// echoIssuer is an HTTP where every host has a sound discovery document.
type echoIssuer struct{ canned }

func (e *echoIssuer) Get(ctx context.Context, rawURL string, h http.Header) (*egress.Response, error) {
	issuer, _, _ := strings.Cut(rawURL, "/.well-known/")
	body := fmt.Sprintf(`{"issuer":%q,"token_endpoint":%q}`, issuer, issuer+"/token")
	e.response = egress.Response{Status: http.StatusOK, Body: []byte(body)}
	return e.canned.Get(ctx, rawURL, h)
}

func newCancelled(t testing.TB) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
