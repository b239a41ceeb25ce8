package identity

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// WebIdentityRequest asks for a session of a role for whom a web identity token names: a Kubernetes service account, a
// workflow run, a workload of another cloud. It is not signed; the token is all that speaks for it.
type WebIdentityRequest struct {
	RoleARN, SessionName string
	Token                vault.Secret
	Duration             time.Duration
	Policy               string
	PolicyARNs           []string
	SourceIP             string
	SecureTransport      bool
}

// webIdentityTypes are the typ headers of tokens that issuers give to workloads: none (Kubernetes), JWT, JOSE (SPIFFE
// JWT-SVID section 2.3), at+jwt (RFC 9068).
var webIdentityTypes = []string{"", "JWT", "JOSE", "at+jwt"}

// AssumeRoleWithWebIdentity gives whom the token names a session of a role, if the account lists the token's issuer as
// an OIDC provider with its audience, and the role's trust policy names that provider and is content with the claims.
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, in WebIdentityRequest) (Assumed, error) {
	const action = "sts:AssumeRoleWithWebIdentity"
	account := roleAccount(in.RoleARN)
	provider, claims, err := s.verifyWebIdentity(ctx, account, in.Token)
	if err != nil {
		return Assumed{}, s.RefuseStranger(ctx, Stranger{Action: action, SourceIP: in.SourceIP}, err)
	}
	person := User{Issuer: claims.Issuer, Subject: claims.Subject}
	a := &assumption{provider: provider.ARN(), person: person.Key(), AssumeRoleRequest: AssumeRoleRequest{RoleARN: in.RoleARN,
		SessionName: in.SessionName, Duration: in.Duration, Policy: in.Policy, PolicyARNs: in.PolicyARNs}}
	keys, err := a.fromToken(provider, claims)
	if err != nil {
		return Assumed{}, s.RefuseStranger(ctx, Stranger{Action: action, SourceIP: in.SourceIP}, err)
	}
	caller := &policy.Caller{Account: account, ARN: provider.ARN(), UserID: provider.ID + ":" + claims.Subject, Name: claims.Subject, Kind: policy.KindWebIdentity,
		Session: &policy.Session{FederatedProvider: provider.ARN()}, SourceIP: in.SourceIP, SecureTransport: in.SecureTransport}
	r := request{caller: caller, action: action, durable: true, also: a.also(caller), decide: a.decideTrust, explain: a.explain,
		resources: func(ctx context.Context, c *call) ([]string, error) {
			c.rec.User = a.person
			for key, values := range keys {
				c.condition(key, values...)
			}
			a.conditions(c)
			return []string{in.RoleARN}, s.trusted(ctx, c, a)
		}}
	return do(ctx, s, r, func(ctx context.Context, c *call) (Assumed, error) {
		if err := s.checkPerson(ctx, account, a.person); err != nil {
			return Assumed{}, err
		}
		out, err := s.beginRoleSession(ctx, c, a)
		out.Subject, out.Audience, out.Provider = claims.Subject, provider.audience(claims), provider.ARN()
		return out, err
	})
}

// roleAccount is the account in a role's ARN, "" when it is none.
func roleAccount(arn string) string {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	account, _, found := strings.Cut(rest, ":role/")
	if !ok || !found || len(account) != 12 {
		return ""
	}
	return account
}

// decideTrust asks the role's trust policy alone: the caller has no policies of its own. A shared issuer, at which
// anybody can get a token, is never trusted without saying whose (A61).
func (a *assumption) decideTrust(c *policy.Caller, q *policy.Request) policy.Decision {
	if a.role == nil || checkShared(a.trust) != nil {
		return policy.Decision{Resource: a.RoleARN, Source: policy.SourceTrust} // as where the trust is refused: no role shows by its answer (A49)
	}
	return policy.EvaluateTrust(a.trust, c, q).Decision
}

// checkPerson refuses somebody who is blocked.
func (s *Service) checkPerson(ctx context.Context, account, person string) error {
	st, err := s.state(ctx, account, true)
	if err != nil {
		return err
	}
	return s.checkBlocked(ctx, account, st, person)
}

// verifyWebIdentity proves the token under the OIDC provider that the account lists for its issuer.
func (s *Service) verifyWebIdentity(ctx context.Context, account string, token vault.Secret) (*OIDCProvider, *issuer.Claims, error) {
	var provider *OIDCProvider
	var fault error
	claims, err := s.Verifier.Verify(ctx, token.RevealString(), func(iss string) (issuer.Trust, bool) {
		provider, fault = s.oidcProviderOf(ctx, account, iss)
		if provider == nil {
			return issuer.Trust{}, false
		}
		return issuer.Trust{Issuer: iss, Audiences: provider.ClientIDs, ClientIDs: provider.ClientIDs, Types: webIdentityTypes}, true
	})
	if fault != nil {
		return nil, nil, fault
	}
	if err != nil {
		return nil, nil, s.webIdentityFault(account, err)
	}
	return provider, claims, nil
}

// oidcProviderOf finds the account's OIDC provider for an issuer; nil when it lists none. Our own issuers are never
// among them: a role must not be a way to another role past its trust policy.
func (s *Service) oidcProviderOf(ctx context.Context, account, iss string) (*OIDCProvider, error) {
	_, name, ok := strings.Cut(iss, "://")
	if account == "" || !ok || s.ownIssuer(ctx, iss) {
		return nil, nil
	}
	r, err := s.Store.Record(ctx, account, KindOIDCProvider, "", name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, internal(err, "reading an OIDC provider")
	}
	p, err := decode(ctx, s, r, decodeOIDCProvider)
	if err != nil || p.URL != iss {
		return nil, err
	}
	return p, nil
}

func (s *Service) webIdentityFault(account string, err error) error {
	e, ok := errors.AsType[*issuer.Error](err)
	if !ok {
		return internal(err, "verifying a web identity token")
	}
	msg := "the web identity " + e.Error()
	switch e.Reason {
	case issuer.UntrustedIssuer:
		return refuse(TokenRefused, "No OpenIDConnect provider found in account %s for %s. List it with: aws iam create-open-id-connect-provider --url %s --client-id-list AUDIENCE", account, clip(e.Issuer), shellWord(e.Issuer))
	case issuer.Audience:
		return refuse(TokenRefused, "Incorrect token audience: %s. Add it with: aws iam add-client-id-to-open-id-connect-provider", msg)
	case issuer.Expired:
		return refuse(Expired, "%s", msg)
	case issuer.KeysUnavailable:
		return &Error{Code: IssuerUnreachable, Message: msg + ". Try again", Cause: err}
	default:
		return &Error{Code: TokenRefused, Message: msg, Cause: err}
	}
}

// audience is the one of the token's audiences that the provider lists.
func (p *OIDCProvider) audience(cl *issuer.Claims) string {
	for _, id := range p.ClientIDs {
		for _, aud := range cl.Audience {
			if aud == id {
				return aud
			}
		}
	}
	return cl.ClientID
}

// fromToken takes from the token what shapes the session, and returns its claims as condition keys.
func (a *assumption) fromToken(p *OIDCProvider, cl *issuer.Claims) (map[string][]string, error) {
	if err := a.fromClaims(cl); err != nil {
		return nil, err
	}
	return p.claimKeys(cl)
}

// claimKeys are the claims as condition keys, named host/path:claim as in IAM. Nested claims are joined with "/", as in
// host:kubernetes.io/serviceaccount/name; lists of texts have several values; what is neither text, number nor truth has
// no key. Condition keys have no case, so two claims may come to one key: which of them would count is nobody's guess, and
// the token is refused. aud has the party that the token was issued to (azp) as well, and oaud has aud alone.
func (p *OIDCProvider) claimKeys(cl *issuer.Claims) (map[string][]string, error) {
	prefix := p.record.Name + ":"
	keys := map[string][]string{}
	if err := flatten(prefix, cl.Raw, 0, keys); err != nil {
		return nil, err
	}
	if azp, ok := cl.Raw["azp"].(string); ok && azp != "" {
		keys[strings.ToLower(prefix)+"oaud"] = cl.Audience
		keys[strings.ToLower(prefix)+"aud"] = append([]string{azp}, cl.Audience...)
	}
	return keys, nil
}

const maxClaimDepth = 4

func flatten(prefix string, claims map[string]any, depth int, keys map[string][]string) error {
	for name, v := range claims {
		key := prefix + name
		if nested, ok := v.(map[string]any); ok {
			if depth < maxClaimDepth {
				if err := flatten(strings.TrimSuffix(key, "/")+"/", nested, depth+1, keys); err != nil {
					return err
				}
			}
			continue
		}
		values, ok := claimValues(v)
		if !ok {
			continue
		}
		folded := strings.ToLower(key)
		if _, twice := keys[folded]; twice {
			return refuse(TokenRefused, "the web identity token has two claims that conditions would know as %s; have its issuer leave one out", clip(folded))
		}
		keys[folded] = values
	}
	return nil
}

func claimValues(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case bool:
		return []string{strconv.FormatBool(v)}, true
	case json.Number:
		return []string{v.String()}, true
	case []any:
		return textsOf(v)
	}
	return nil, false
}

func textsOf(list []any) ([]string, bool) {
	texts := make([]string, len(list))
	for i, v := range list {
		t, ok := v.(string)
		if !ok {
			return nil, false
		}
		texts[i] = t
	}
	return texts, true
}

// Claims by which an issuer passes session tags and a source identity on (IAM user guide, session tags).
const (
	claimTags           = "https://aws.amazon.com/tags"
	claimSourceIdentity = "https://aws.amazon.com/source_identity"
)

// fromClaims takes session tags and source identity from the token, as IAM does. The trust policy must allow both.
func (a *assumption) fromClaims(cl *issuer.Claims) error {
	if v, present := cl.Raw[claimSourceIdentity]; present {
		text, ok := v.(string)
		if !ok || !sessionName(text) {
			return refuse(TokenRefused, "the web identity token's claim %s is not a source identity of 2 to 64 letters, digits and _=,.@+-", claimSourceIdentity)
		}
		a.SourceIdentity = text
	}
	v, present := cl.Raw[claimTags]
	if !present {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return internal(err, "reading a token's tags")
	}
	var tags struct {
		Principal  map[string][]string `json:"principal_tags"`
		Transitive []string            `json:"transitive_tag_keys"`
	}
	if json.Unmarshal(b, &tags) != nil {
		return refuse(TokenRefused, "the web identity token's claim %s has not the form {\"principal_tags\": {\"key\": [\"value\"]}, \"transitive_tag_keys\": [\"key\"]}", claimTags)
	}
	a.Tags = maps.Collect(func(yield func(string, string) bool) {
		for k, values := range tags.Principal {
			if len(values) == 1 && !yield(k, values[0]) {
				return
			}
		}
	})
	if len(a.Tags) != len(tags.Principal) {
		return refuse(TokenRefused, "the web identity token gives a session tag not exactly one value")
	}
	a.TransitiveTagKeys = tags.Transitive
	return nil
}

// sessionName tells the alphabet and length of session names and source identities.
func sessionName(s string) bool { return len(s) >= 2 && iamName(s, 64) }
