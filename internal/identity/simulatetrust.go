package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// Whether a principal may take a role on is decided by its own policies and by the role's trust policy together. A
// simulation asks the same function as the request itself, so that the two cannot come to differ.

// trustActions are decided by the trust policy, too.
var trustActions = []string{"sts:assumerole", "sts:tagsession", "sts:setsourceidentity"}

// asksTrust tells whether the pair is about taking on a role of the account.
func asksTrust(account string, pair simulatedPair) bool {
	_, role := roleName(account, pair.resource)
	return role && slices.Contains(trustActions, strings.ToLower(pair.action))
}

// simulateAssume decides as AssumeRole would, about the role that the request's resource is.
func (s *Service) simulateAssume(ctx context.Context, m *simulation, q *policy.Request) (SimulationResult, error) {
	a := &assumption{AssumeRoleRequest: AssumeRoleRequest{RoleARN: q.Resources[0]}}
	c := &call{caller: m.as}
	if err := s.trusted(ctx, c, a); err != nil {
		return SimulationResult{}, err
	}
	if q.ResourceTags == nil { // the simulation does not say, and this resource is known
		q.ResourceTags = c.tags
	}
	x := a.explain(m.as, q)
	x.Decision = a.decideOwn(m.as, q)
	if a.role == nil {
		out := m.result(q, x)
		out.Note = "there is no role " + clip(a.RoleARN) + " in account " + m.as.Account
		return out, nil
	}
	trust := policy.ExplainTrust(a.trust, m.as, q)
	x.MissingContextValues = union(x.MissingContextValues, trust.MissingContextValues)
	out := m.result(q, x)
	out.Warnings = append(slices.Clone(m.warnings), warningsOf(a.trust)...)
	switch pinned := a.role.checkPinned(m.as); {
	case out.Explicit:
	case !trust.Decision.Allowed:
		out.Note = "the role's trust policy must let the principal in, whatever the principal's own policies allow"
	case pinned != nil:
		out.Allowed, out.Note = false, pinned.Error()
	case !out.Allowed:
		out.Suggestion = policy.Suggest(m.as, q)
	}
	return out, nil
}
