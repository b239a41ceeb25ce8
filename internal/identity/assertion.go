package identity

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Client assertions: instead of a client secret, a provider's token endpoint receives a web identity token of our own
// issuer (RFC 7523 section 2.2). There is nothing to store, to rotate or to steal at rest; the provider has to trust the
// account's issuer and to know the workload by the subject.

// assertionLifetime leaves room for clocks that differ, and little for a thief: the token is used at once.
const assertionLifetime = 2 * time.Minute

// clientAssertion makes the assertion for one request to the provider's token endpoint. Its subject is the workload
// identity, which is who asks: no principal called for a token here, and the one that called Lanyard proves nothing to
// the provider. Its audience is one and the provider's own, so that the provider which receives it cannot use it at
// another (A20).
func (s *Service) clientAssertion(ctx context.Context, p *Provider, op oauth.Provider, workloadID string) (vault.Secret, error) {
	f, err := s.enabledFederation(ctx, p.Account)
	if codeOf(err) == FederationDisabled && err != nil {
		return vault.Secret{}, refuse(Invalid, "credential provider %s authenticates with AWS_IAM_ID_TOKEN_JWT, and account %s issues no such tokens: %s", p.Name, p.Account, err.Error())
	}
	if err != nil {
		return vault.Secret{}, err
	}
	w, err := s.workloadByID(ctx, p.Account, workloadID)
	if err != nil {
		return vault.Secret{}, err
	}
	alg, err := assertionAlgorithm(p, op)
	if err != nil {
		return vault.Secret{}, err
	}
	arn := s.WorkloadARN(w.Account, w.Name)
	audiences := []string{s.assertionAudience(p, op)}
	token, err := s.signWebIdentity(ctx, f, &webIdentityClaims{Audience: audiences, Subject: arn,
		Context: webIdentityContext{Account: w.Account, SourceRegion: s.cfg.Region, PrincipalID: arn}}, alg, assertionLifetime)
	if err != nil {
		return vault.Secret{}, err
	}
	err = s.record(ctx, AuditRecord{Account: w.Account, RequestID: RequestID(ctx), Caller: arn, Action: "lanyard:IssueClientAssertion",
		Resources: []string{s.OAuth2ProviderARN(w.Account, p.Name)}, Result: AuditAllowed, Reason: token.describe(audiences), Workload: w.Name, Provider: p.Name})
	if err != nil {
		return vault.Secret{}, &Error{Code: Unavailable, Message: "the audit record of a client assertion could not be written, so it was not sent. Check the audit store's disk or database, then try again", Cause: err}
	}
	return token.Token, nil
}

// assertionAudience is the provider's issuer: a token endpoint named by the metadata of one authorization server may be
// another's, which would then receive assertions that are good there (audience injection, RFC 9700 and its update). The
// token endpoint is the audience where no issuer is known, and where an operator says that the provider wants it.
func (s *Service) assertionAudience(p *Provider, op oauth.Provider) string {
	if slices.Contains(s.cfg.InsecureTokenEndpointAudience, p.Name) {
		return op.TokenEndpoint
	}
	return cmp.Or(op.Issuer, op.TokenEndpoint)
}

// assertionAlgorithm is ES384 unless the provider says that it reads others only (RFC 8414 section 2).
func assertionAlgorithm(p *Provider, op oauth.Provider) (string, error) {
	if len(op.AssertionAlgorithms) == 0 {
		return signingAlgorithms[0], nil
	}
	for _, alg := range signingAlgorithms {
		if slices.Contains(op.AssertionAlgorithms, alg) {
			return alg, nil
		}
	}
	return "", refuse(Invalid, "credential provider %s accepts client assertions signed with %s only, and Lanyard signs with %s. Use a client secret there (CLIENT_SECRET_BASIC or CLIENT_SECRET_POST)",
		p.Name, clip(strings.Join(op.AssertionAlgorithms, ", ")), strings.Join(signingAlgorithms[:], " or "))
}

func (s *Service) workloadByID(ctx context.Context, account, id string) (*Workload, error) {
	st, err := s.state(ctx, account, false)
	if err != nil {
		return nil, err
	}
	w, err := lookupID(ctx, s, st, account, KindWorkload, id, decodeWorkload)
	if errors.Is(err, ErrNotFound) {
		return nil, refuse(NotFound, "the workload identity for which a token is asked was deleted; create it again and ask anew")
	}
	return w, internal(err, "reading a workload identity")
}
