package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// runtimeService is the name by which a role's trust policy lets runtimes take the role on.
const runtimeService = "bedrock-agentcore.amazonaws.com"

// JWTAuthorizer says which JWTs invoke a runtime. All that is set must hold.
type JWTAuthorizer struct {
	DiscoveryURL     string            `json:"discoveryUrl"`
	Issuer           string            `json:"issuer"` // as its discovery document said when the version was made
	Audiences        []string          `json:"audiences,omitempty"`
	Clients          []string          `json:"clients,omitempty"`
	Scopes           []string          `json:"scopes,omitempty"`
	AdvertisedScopes map[string]string `json:"advertised,omitempty"`
	Claims           []ClaimRule       `json:"claims,omitempty"`
}

// ClaimRule is a claim that a JWT must have.
type ClaimRule struct {
	Name   string   `json:"name"`
	List   bool     `json:"list,omitempty"` // the claim is a list of strings
	Values []string `json:"values"`         // it must equal or contain one of them
}

// checkConfig refuses a configuration that cannot be run or would protect nothing. role and runtime are for messages and
// conditions. It asks the authorizer's identity provider who it is.
func (s *Service) checkConfig(ctx context.Context, c *call, runtimeARN string, cfg *RuntimeConfig) error {
	if err := cfg.settle(); err != nil {
		return err
	}
	if err := s.checkRole(ctx, c, cfg.RoleARN, runtimeARN); err != nil {
		return err
	}
	if cfg.Authorizer == nil {
		return nil
	}
	return s.checkAuthorizer(ctx, cfg.Authorizer)
}

// settle fills in defaults and checks what the wire's constraints cannot say.
func (c *RuntimeConfig) settle() error {
	if c.Protocol == "" {
		c.Protocol = "HTTP"
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = defaultIdleTimeout
	}
	if c.MaxLifetime == 0 {
		c.MaxLifetime = defaultMaxLifetime
	}
	if c.IdleTimeout > c.MaxLifetime {
		return invalid("lifecycleConfiguration", "idleRuntimeSessionTimeout (%d) is longer than maxLifetime (%d); make it shorter", c.IdleTimeout, c.MaxLifetime)
	}
	for name, value := range c.Environment {
		if strings.ContainsRune(value, 0) {
			return invalid("environmentVariables", "the value of %s has a NUL character, which no environment can hold", clip(name))
		}
		if strings.HasPrefix(name, "AWS_CONTAINER_") || name == "LANYARD_HOST_ID" {
			return invalid("environmentVariables", "%s is set by the agent host for each session: it is how an agent finds its own role's credentials. Leave it out", clip(name))
		}
	}
	return nil
}

// checkRole refuses a role that the caller may not hand to a runtime, that does not exist, or that does not trust
// runtimes: an agent would otherwise be a way to permissions that its maker never had (A41).
func (s *Service) checkRole(ctx context.Context, c *call, roleARN, runtimeARN string) error {
	const action = "iam:PassRole"
	q := &policy.Request{Action: action, Resources: []string{roleARN}, Context: policy.Context{}, Now: s.Now()}
	q.Context.Set("iam:PassedToService", runtimeService)
	if _, ok := roleName(c.caller.Account, roleARN); !ok {
		return invalid("roleArn", "role %s is none of account %s, whose roles alone its runtimes can have", clip(roleARN), c.caller.Account)
	}
	if d := s.decide(ctx, request{}, c.caller, q); !d.Allowed {
		c.rec.Decision = decisionText(d)
		return refuse(Denied, "%s. %s", d.Message(c.caller, action), s.advice(c.caller, d, action, []string{roleARN}))
	}
	a, err := s.runtimeRole(ctx, c.caller.Account, roleARN, runtimeARN, "check")
	if err != nil {
		return err
	}
	if a.role == nil {
		return invalid("roleArn", "there is no role %s. Create it with CreateRole, or let `lanyard launch` make one", clip(roleARN))
	}
	if !a.trusts(s, runtimeARN) {
		return invalid("roleArn", `role %s does not trust agent runtimes. Its trust policy must allow sts:AssumeRole to {"Service": "%s"}, with conditions, if any, that %s meets`, a.role.Name, runtimeService, runtimeARN)
	}
	return nil
}

// service is the caller that stands for this server's runtimes in trust policies. It is nobody anywhere else.
func (s *Service) service(account string) *policy.Caller {
	return &policy.Caller{Account: account, ARN: runtimeService, UserID: runtimeService, Name: runtimeService, Kind: policy.KindService}
}

// runtimeRole reads the role of a runtime and its trust policy; the role is nil when there is none.
func (s *Service) runtimeRole(ctx context.Context, account, roleARN, runtimeARN, session string) (*assumption, error) {
	a := &assumption{AssumeRoleRequest: AssumeRoleRequest{RoleARN: roleARN, SessionName: session}}
	c := &call{caller: s.service(account)}
	return a, s.trusted(ctx, c, a)
}

// trusts reports whether the role lets runtimes in, for the runtime.
func (a *assumption) trusts(s *Service, runtimeARN string) bool {
	q := &policy.Request{Action: "sts:AssumeRole", Resources: []string{a.RoleARN}, ResourceTags: map[string]map[string]string{a.RoleARN: a.role.Tags}, Context: policy.Context{}, Now: s.Now()}
	q.Context.Set("aws:SourceAccount", a.role.Account)
	q.Context.Set("aws:SourceArn", runtimeARN)
	q.Context.Set("sts:RoleSessionName", a.SessionName)
	return policy.EvaluateTrust(a.trust, s.service(a.role.Account), q).Allowed
}

// checkAuthorizer refuses an authorizer that would let every token of its identity provider in, and learns the provider's
// name, which is the only one that tokens may have.
func (s *Service) checkAuthorizer(ctx context.Context, a *JWTAuthorizer) error {
	const field = "authorizerConfiguration.customJWTAuthorizer"
	if len(a.Audiences)+len(a.Clients)+len(a.Scopes)+len(a.Claims) == 0 {
		return invalid(field, "the authorizer needs at least one of allowedAudience, allowedClients, allowedScopes and customClaims: without, a token that any other application got from %s would be accepted", clip(a.DiscoveryURL))
	}
	m, err := s.OAuth.Discover(ctx, a.DiscoveryURL)
	if e, ok := errors.AsType[*oauth.Error](err); ok && e.Kind == oauth.Malformed && e.Status == http.StatusOK {
		// Issuers that give out tokens by other ways than OAuth (this server's own are such) name no token endpoint. Their
		// document is read again, and held against this issuer, whenever a token of theirs is verified.
		m, err = oauth.Metadata{Issuer: issuerOf(a.DiscoveryURL)}, nil
	}
	if err != nil {
		return &Error{Code: Invalid, Field: field + ".discoveryUrl", Cause: err, Message: fmt.Sprintf("the identity provider's discovery document cannot be used: %s. Check that this server reaches %s", err.Error(), clip(a.DiscoveryURL))}
	}
	a.Issuer = m.Issuer
	return nil
}

// issuerOf is the issuer that a discovery URL belongs to (OpenID Connect Discovery 1.0 section 4, RFC 8414 section 3).
func issuerOf(discoveryURL string) string {
	before, _, _ := strings.Cut(discoveryURL, "/.well-known/")
	return before
}

// retryMark recognises a request that is sent again after its answer was lost: by the client's token, and by what was
// asked. It rests sealed, for what was asked holds secrets.
type retryMark struct {
	Token   string `json:"token,omitempty"`
	Request string `json:"request,omitempty"`
}

func newRetryMark(token string, request any) (retryMark, error) {
	if token == "" {
		return retryMark{}, nil
	}
	b, err := json.Marshal(request)
	sum := sha256.Sum256(b)
	return retryMark{Token: token, Request: hex.EncodeToString(sum[:])}, internal(err, "encoding a request")
}

// errOther says that a mark is of another request.
var errOther = errors.New("another request")

// again tells whether the request is the stored one, sent again; errOther when it has nothing to do with it.
func (m retryMark) again(stored retryMark) error {
	switch {
	case m.Token == "" || m.Token != stored.Token:
		return errOther
	case m.Request != stored.Request:
		return invalid("clientToken", "this clientToken was sent with other parameters before; send a new one")
	}
	return nil
}
