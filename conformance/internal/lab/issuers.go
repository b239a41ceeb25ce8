package lab

import (
	"context"
	"net/url"

	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
)

// Issuers is the server of issuers that sign the tokens of clusters, clouds and workflows, which cannot run here.
func (l *Lab) Issuers() *issuertest.Server { return l.issuers() }

func (l *Lab) startIssuers() *issuertest.Server {
	s := issuertest.Start()
	l.onClose(s.Close)
	return s
}

// WorkloadIssuer is an identity provider that gives tokens to workloads by their own credentials.
type WorkloadIssuer interface {
	Info() ProviderInfo
	// WorkloadToken returns a JWT that a workload got by client credentials, and its subject.
	WorkloadToken(ctx context.Context) (WorkloadToken, error)
}

// WorkloadToken is such a token with what a trust policy may ask of it.
type WorkloadToken struct {
	Token, Subject, Audience string
}

// workloadAudience is for whom the providers' workload tokens are; a URI, since oidc-provider knows audiences as resources.
const workloadAudience = "urn:lanyard:conformance"

// workloadToken asks a token endpoint with client credentials.
func workloadToken(ctx context.Context, endpoint string, form url.Values) (WorkloadToken, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	form.Set("grant_type", "client_credentials")
	if err := callForm(ctx, endpoint, form, &answer); err != nil {
		return WorkloadToken{}, err
	}
	claims, err := Claims(answer.AccessToken)
	subject, _ := claims["sub"].(string)
	return WorkloadToken{answer.AccessToken, subject, workloadAudience}, err
}

// FederatedClient is a client that proves itself with the web identity tokens of a Lanyard, and has no secret.
type FederatedClient struct {
	ID     string // at the provider, and the subject of the tokens
	Issuer string // of the tokens
}

// Federation is an identity provider at which such clients can be registered.
type Federation interface {
	Provider
	// Federate registers a client. A provider knows one issuer at a time.
	Federate(ctx context.Context, c FederatedClient) error
	// RegisterFederatedCallback adds a redirect URI to such a client.
	RegisterFederatedCallback(ctx context.Context, client, uri string) error
}
