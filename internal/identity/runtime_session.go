package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// StopSession authorises ending a session of a runtime, whoever uses it.
func (s *Service) StopSession(ctx context.Context, caller *policy.Caller, t RuntimeTarget) (*Runtime, error) {
	r := request{caller: caller, action: "bedrock-agentcore:StopRuntimeSession", durable: true, workload: t.ID, resources: s.onTarget(t)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Runtime, error) {
		if err := ownTarget(caller, t); err != nil {
			return nil, err
		}
		rt, _, err := s.invoked(ctx, t)
		return rt, err
	})
}

// RuntimeForOperator authorises one of Lanyard's own operations on a runtime: its sessions, its logs.
func (s *Service) RuntimeForOperator(ctx context.Context, caller *policy.Caller, operation, id string) (*Runtime, error) {
	r := request{caller: caller, action: "lanyard:" + operation, workload: id, resources: s.onRuntime(id)}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (*Runtime, error) { return s.runtime(ctx, caller.Account, id, true) })
}

// MayReadLogs tells whether a caller may see what the runtime's agents wrote. It is asked to decide how much an error
// says, so it is not audited.
func (s *Service) MayReadLogs(ctx context.Context, caller *policy.Caller, rt *Runtime) bool {
	arn := s.RuntimeARN(rt.Account, rt.ID)
	q := &policy.Request{Action: "lanyard:GetRuntimeLogs", Resources: []string{arn}, ResourceTags: map[string]map[string]string{arn: rt.Tags}, Now: s.Now()}
	return caller.Account == rt.Account && s.decide(ctx, request{}, caller, q).Allowed
}

// AllowArchive authorises an upload of an agent's archive. f carries it out.
func (s *Service) AllowArchive(ctx context.Context, caller *policy.Caller, f func(ctx context.Context) error) error {
	r := request{caller: caller, action: "lanyard:UploadAgentArchive", durable: true, resources: on([]string{s.accountARN(caller.Account)})}
	_, err := do(ctx, s, r, func(ctx context.Context, _ *call) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

// RuntimeProcess names one agent process, as the agent host names it to the server.
type RuntimeProcess struct {
	RuntimeARN, RuntimeID, SessionID, UserKey string
	Version                                   int
}

// RuntimeCredentials are the credentials of a runtime's role for one process.
type RuntimeCredentials struct {
	TemporaryCredentials
	RoleARN string
}

// RuntimeRole takes the role of a runtime on for one of its processes. The agent host asks, over a connection that only
// it can have; it gets credentials for runtimes that this server sent to it and for no other, and of the role that this
// server has on record.
func (s *Service) RuntimeRole(ctx context.Context, p RuntimeProcess) (RuntimeCredentials, error) {
	const action = "lanyard:GetRuntimeCredentials"
	rt, v, err := s.process(ctx, p)
	if err != nil {
		return RuntimeCredentials{}, s.RefuseStranger(ctx, Stranger{Action: action}, err)
	}
	a := &assumption{AssumeRoleRequest: AssumeRoleRequest{RoleARN: v.Config.RoleARN, SessionName: processSession(p.SessionID)}}
	arn := s.RuntimeARN(rt.Account, rt.ID)
	r := request{caller: s.service(rt.Account), action: "sts:AssumeRole", durable: true, workload: rt.ID, explain: a.explain,
		decide: func(c *policy.Caller, q *policy.Request) policy.Decision {
			if a.role == nil {
				return policy.Decision{Resource: a.RoleARN, Source: policy.SourceTrust}
			}
			return policy.EvaluateTrust(a.trust, c, q).Decision
		},
		resources: func(ctx context.Context, c *call) ([]string, error) {
			a.conditions(c)
			c.condition("aws:SourceAccount", rt.Account)
			c.condition("aws:SourceArn", arn)
			return []string{a.RoleARN}, s.trusted(ctx, c, a)
		}}
	out, err := do(ctx, s, r, func(ctx context.Context, c *call) (Assumed, error) { return s.beginRoleSession(ctx, c, a) })
	return RuntimeCredentials{out.Credentials, a.RoleARN}, err
}

// process finds the runtime of a process that the agent host names, if it has the user key that this server gave out.
func (s *Service) process(ctx context.Context, p RuntimeProcess) (*Runtime, *RuntimeVersion, error) {
	unknown := refuse(Denied, "the agent host names a process that this server did not start")
	t, err := s.Target(p.RuntimeARN, "", "")
	if err != nil || t.ID != p.RuntimeID || p.Version == 0 {
		return nil, nil, unknown
	}
	rt, err := s.runtime(ctx, t.Account, t.ID, true)
	if err == nil {
		var secret runtimeSecret
		if err = s.openJSON(ctx, &rt.record, &secret); err == nil && !ownUserKey(secret.Key, rt.ID, p.UserKey) {
			return nil, nil, unknown
		}
	}
	if err != nil {
		if codeOf(err) == NotFound {
			return nil, nil, unknown
		}
		return nil, nil, err
	}
	v, err := s.runtimeVersion(ctx, rt, p.Version)
	if err == nil && v.Missing || err != nil && codeOf(err) == NotFound {
		return nil, nil, unknown
	}
	return rt, v, err
}

// maxSessionName is the longest name of a role's session.
const maxSessionName = 64

// processSession is the name of the role's session of a runtime session: readable, and of no two the same.
func processSession(id string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_+=,.@-", r) {
			return r
		}
		return '-'
	}, id)
	if name == id && len(name) <= maxSessionName {
		return name
	}
	sum := sha256.Sum256([]byte(id))
	tail := "-" + hex.EncodeToString(sum[:8])
	return name[:min(len(name), maxSessionName-len(tail))] + tail
}

// ModelCall is an agent's call of a model, as it signed it.
type ModelCall struct {
	Process RuntimeProcess
	Action  string   // bedrock:InvokeModel …
	Models  []string // ARNs
}

// AllowModelCall decides whether an agent may call a model with the operator's credentials: the signature must be that
// of the very process's role session, and the role's policies must allow the call.
func (s *Service) AllowModelCall(ctx context.Context, caller *policy.Caller, in ModelCall) error {
	r := request{caller: caller, action: in.Action, workload: in.Process.RuntimeID, resources: func(ctx context.Context, _ *call) ([]string, error) {
		_, v, err := s.process(ctx, in.Process)
		if err != nil {
			return in.Models, err
		}
		if caller.Kind != policy.KindRoleSession || caller.Session == nil || caller.Session.RoleARN != v.Config.RoleARN || caller.Session.Name != processSession(in.Process.SessionID) {
			return in.Models, refuse(Denied, "the call is not signed with the credentials of the agent's own process; use those of the endpoint in AWS_CONTAINER_CREDENTIALS_FULL_URI")
		}
		return in.Models, nil
	}}
	_, err := do(ctx, s, r, func(context.Context, *call) (struct{}, error) { return struct{}{}, nil })
	return err
}
