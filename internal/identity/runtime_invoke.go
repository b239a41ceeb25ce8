package identity

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Invocations: who may reach an agent, as which user, and what the agent is told of it. The agent host decides nothing;
// all that it passes on was decided here.

// RuntimeTarget names what is invoked: a runtime by its ARN or, with an account, by its id, and one of its endpoints.
type RuntimeTarget struct {
	Account, ID, Endpoint string
}

// runtimeIDForm is what newRuntimeID makes.
var runtimeIDForm = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}$`)

// Target reads how a request names a runtime: an ARN of this instance, or an id and the account beside it.
func (s *Service) Target(arnOrID, account, endpoint string) (RuntimeTarget, error) {
	t := RuntimeTarget{Account: account, ID: arnOrID, Endpoint: cmp.Or(endpoint, DefaultEndpoint)}
	if runtimeIDForm.MatchString(arnOrID) {
		if account == "" {
			return t, invalid("agentRuntimeArn", "%q is no ARN; send the runtime's ARN, or its id with the query parameter accountId", clip(arnOrID))
		}
		return t, nil
	}
	part := strings.SplitN(arnOrID, ":", 6)
	if len(part) == 6 {
		t.Account, t.ID = part[4], strings.TrimPrefix(part[5], "runtime/")
	}
	switch {
	case len(part) != 6 || s.RuntimeARN(t.Account, t.ID) != arnOrID || !runtimeIDForm.MatchString(t.ID):
		return t, invalid("agentRuntimeArn", "%q is not the ARN of an agent runtime here; it looks like %s", clip(arnOrID), s.RuntimeARN("000000000000", "my_agent-a1b2c3d4e5"))
	case account != "" && account != t.Account:
		return t, invalid("accountId", "accountId %s differs from the account in the ARN; leave it out", clip(account))
	}
	return t, nil
}

// InvokeRequest is the head of an invocation.
type InvokeRequest struct {
	Target    RuntimeTarget
	UserID    string // vouched for by the caller; "" for none
	ReturnURL string // which the agent shall use for consents; "" lets Lanyard choose
}

// Invocation is one authorised invocation: what to run, for whom, and what the agent is told.
type Invocation struct {
	Runtime *Runtime
	Version *RuntimeVersion
	// Environment is the version's, opened for this one invocation.
	Environment map[string]string
	// UserKey names the user to the agent host without saying who it is: the same user of the same runtime has the same.
	UserKey string
	UserID  string       // told to the agent; "" for none
	Token   vault.Secret // workload access token; empty when nobody is known for whom the agent acts
	// ReturnURL is told to the agent as the one to use for consents; "" when it has none or several.
	ReturnURL string
}

// BeginInvocation authorises an invocation by a caller who signed it. Acting for a user id needs a permission of its own
// (A54); runtimes that take JWTs take nothing else.
func (s *Service) BeginInvocation(ctx context.Context, caller *policy.Caller, in InvokeRequest) (*Invocation, error) {
	r := request{caller: caller, action: "bedrock-agentcore:InvokeAgentRuntime", workload: in.Target.ID, resources: s.onTarget(in.Target)}
	if in.UserID != "" {
		r.also = []string{"bedrock-agentcore:InvokeAgentRuntimeForUser"}
	}
	return do(ctx, s, r, func(ctx context.Context, c *call) (*Invocation, error) {
		if err := ownTarget(caller, in.Target); err != nil {
			return nil, err
		}
		i, w, err := s.invocation(ctx, in)
		if err != nil {
			return nil, err
		}
		if i.Version.Config.Authorizer != nil {
			return nil, refuse(Denied, "Authorization method mismatch: agent runtime %s takes JWTs of %s alone, and this request is signed. Send Authorization: Bearer, or update the runtime without an authorizerConfiguration", i.Runtime.ID, i.Version.Config.Authorizer.Issuer)
		}
		if in.UserID == "" {
			return s.forUser(ctx, c, i, w, callerKey(caller))
		}
		u := User{Subject: in.UserID}
		c.rec.User, i.UserID = u.Key(), in.UserID
		if err := checkUserID(in.UserID); err != nil {
			return nil, err
		}
		if err := s.vouchable(w, in.UserID); err != nil {
			return nil, err
		}
		if i.Token, err = s.mintToken(ctx, w, u, "", time.Time{}); err != nil {
			return nil, err
		}
		return s.forUser(ctx, c, i, w, u.Key())
	})
}

// onTarget names a runtime and its endpoint. Another account's are found by nobody (A11).
func (s *Service) onTarget(t RuntimeTarget) resources {
	return func(ctx context.Context, c *call) ([]string, error) {
		if t.Account != c.caller.Account {
			return []string{s.RuntimeARN(t.Account, t.ID), s.EndpointARN(t.Account, t.ID, t.Endpoint)}, nil
		}
		return s.onEndpoint(t.ID, t.Endpoint)(ctx, c)
	}
}

// ownTarget refuses another account's runtime, in the words for one that does not exist: a caller's policies speak for
// its own account alone, whatever ARNs they allow.
func ownTarget(caller *policy.Caller, t RuntimeTarget) error {
	if t.Account == caller.Account {
		return nil
	}
	return noRuntime(t.Account, t.ID)
}

// callerKey names a caller who acts for nobody else. A role's sessions come and go; the role is who uses the session.
func callerKey(c *policy.Caller) string {
	if c.Session != nil && c.Session.RoleID != "" {
		return "role:" + c.Session.RoleID
	}
	return "caller:" + c.UserID
}

// invocation finds what an invocation is about. The account is that of the target: the caller was authorised for it.
func (s *Service) invocation(ctx context.Context, in InvokeRequest) (*Invocation, *Workload, error) {
	rt, v, err := s.invoked(ctx, in.Target)
	if err != nil {
		return nil, nil, err
	}
	st, err := s.state(ctx, rt.Account, false)
	if err != nil {
		return nil, nil, err
	}
	w, err := lookupID(ctx, s, st, rt.Account, KindWorkload, rt.WorkloadID, decodeWorkload)
	if err != nil || w.RuntimeID != rt.ID {
		return nil, nil, cmp.Or(internal(err, "reading the workload identity of runtime "+rt.ID), error(refuse(Internal, "the workload identity of runtime %s is another's", rt.ID)))
	}
	i := &Invocation{Runtime: rt, Version: v}
	if i.ReturnURL, err = s.invocationReturnURL(w, in.ReturnURL); err != nil {
		return nil, nil, err
	}
	i.Environment, err = s.OpenEnvironment(ctx, v)
	return i, w, err
}

// invoked finds the version that a target leads to.
func (s *Service) invoked(ctx context.Context, t RuntimeTarget) (*Runtime, *RuntimeVersion, error) {
	rt, err := s.runtime(ctx, t.Account, t.ID, false)
	if err != nil {
		return nil, nil, err
	}
	e, err := s.endpoint(ctx, rt, t.Endpoint)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.runtimeVersion(ctx, rt, e.Version)
	if err == nil && v.Missing {
		err = refuse(Conflict, "making version %d of agent runtime %s was interrupted; delete the runtime and make it again", v.Number, rt.ID)
	}
	return rt, v, err
}

// invocationReturnURL is the return URL that the agent is told: the one that the invocation names, if the workload
// identity registered exactly it, or the only one registered (A12).
func (s *Service) invocationReturnURL(w *Workload, named string) (string, error) {
	switch {
	case named != "" && !s.returnURLAllowed(w, named):
		return "", s.unregistered(w, "the invocation's "+clip(named)+" is not one of them")
	case named != "":
		return named, s.checkReturnURL("oauth2ReturnUrl", named)
	case len(w.ReturnURLs) == 1:
		return w.ReturnURLs[0], nil
	}
	return "", nil
}

// forUser names the user to the agent host.
func (s *Service) forUser(ctx context.Context, c *call, i *Invocation, w *Workload, user string) (*Invocation, error) {
	var secret runtimeSecret
	if err := s.openJSON(ctx, &i.Runtime.record, &secret); err != nil {
		return nil, err
	}
	i.UserKey = userKey(secret.Key, i.Runtime.ID, user)
	c.rec.Workload = w.Name
	return i, nil
}

// userKey is a pseudonym of a user at one runtime, and a tag by which this server knows later that it gave it out. The
// agent host learns who shares a session, and nothing else; and it can name no user of its own making.
func userKey(key []byte, runtimeID, user string) string {
	pseudonym := keyed(key, "user", runtimeID, user)
	return pseudonym + "." + keyed(key, "host", runtimeID, pseudonym)
}

// ownUserKey reports whether a user key is one that this server gave out for the runtime.
func ownUserKey(key []byte, runtimeID, userKey string) bool {
	pseudonym, tag, ok := strings.Cut(userKey, ".")
	return ok && hmac.Equal([]byte(tag), []byte(keyed(key, "host", runtimeID, pseudonym)))
}

func keyed(key []byte, texts ...string) string {
	m := hmac.New(sha256.New, key)
	m.Write(appendTexts(nil, texts...))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// BeginInvocationJWT authorises an invocation by a user whose JWT the runtime's authorizer accepts. No policy is asked:
// whoever configured the authorizer decided.
func (s *Service) BeginInvocationJWT(ctx context.Context, in InvokeRequest, token vault.Secret, from Stranger) (*Invocation, error) {
	return s.byJWT(ctx, "InvokeAgentRuntime", in, token, from, func(ctx context.Context, i *Invocation, w *Workload, c *issuer.Claims) (err error) {
		i.UserID = c.Subject
		i.Token, err = s.mintToken(ctx, w, User{Issuer: c.Issuer, Subject: c.Subject}, token.RevealString(), c.ExpiresAt)
		return err
	})
}

// StopSessionJWT authorises a user to end a session of their own: the user key tells the agent host whose.
func (s *Service) StopSessionJWT(ctx context.Context, t RuntimeTarget, token vault.Secret, from Stranger) (*Invocation, error) {
	return s.byJWT(ctx, "StopRuntimeSession", InvokeRequest{Target: t}, token, from, func(context.Context, *Invocation, *Workload, *issuer.Claims) error { return nil })
}

func (s *Service) byJWT(ctx context.Context, operation string, in InvokeRequest, token vault.Secret, from Stranger, f func(context.Context, *Invocation, *Workload, *issuer.Claims) error) (*Invocation, error) {
	claims, err := s.verifyForRuntime(ctx, in.Target, token)
	if err != nil {
		from.Action = "bedrock-agentcore:" + operation
		return nil, s.RefuseStranger(ctx, from, err)
	}
	u := User{Issuer: claims.Issuer, Subject: claims.Subject}
	caller := &policy.Caller{Account: in.Target.Account, ARN: u.Key(), UserID: u.Key(), Name: claims.Subject, Kind: policy.KindWebIdentity, SourceIP: from.SourceIP}
	r := request{caller: caller, action: "bedrock-agentcore:" + operation, workload: in.Target.ID, resources: s.onTarget(in.Target), decide: byAuthorizer}
	return do(ctx, s, r, func(ctx context.Context, c *call) (*Invocation, error) {
		c.rec.User = u.Key()
		i, w, err := s.invocation(ctx, in)
		if err != nil {
			return nil, err
		}
		a := i.Version.Config.Authorizer
		if a == nil || a.Issuer != claims.Issuer {
			return nil, refuse(Conflict, "agent runtime %s was updated at this very moment; try again", i.Runtime.ID)
		}
		if err := a.allows(claims); err != nil {
			return nil, err
		}
		if err := s.checkPerson(ctx, in.Target.Account, User{Issuer: claims.Issuer, Subject: claims.Subject}.Key()); err != nil {
			return nil, err
		}
		if err := f(ctx, i, w, claims); err != nil {
			return nil, err
		}
		return s.forUser(ctx, c, i, w, u.Key())
	})
}

// byAuthorizer allows whom the runtime's authorizer let in.
func byAuthorizer(*policy.Caller, *policy.Request) policy.Decision {
	return policy.Decision{Allowed: true, Policy: "the runtime's authorizer"}
}

// verifyForRuntime proves the user of a JWT by the authorizer of the target. Which claims are allowed is asked later, of
// somebody who is known by then.
func (s *Service) verifyForRuntime(ctx context.Context, t RuntimeTarget, token vault.Secret) (*issuer.Claims, error) {
	_, v, err := s.invoked(ctx, t)
	if err != nil {
		return nil, err
	}
	a := v.Config.Authorizer
	if a == nil {
		return nil, refuse(Denied, "Authorization method mismatch: agent runtime %s takes signed requests alone, and this one brings a bearer token. Sign it, or update the runtime with an authorizerConfiguration", t.ID)
	}
	claims, err := s.Verifier.Verify(ctx, token.RevealString(), func(iss string) (issuer.Trust, bool) {
		return issuer.Trust{Issuer: a.Issuer, DiscoveryURL: a.DiscoveryURL, AnyAudience: true}, iss == a.Issuer
	})
	if err != nil {
		return nil, runtimeTokenFault(a, err)
	}
	return claims, nil
}
