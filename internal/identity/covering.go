package identity

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// opened is a grant with what its seal holds.
type opened struct {
	row    Grant
	tokens *grantTokens
}

// covered serves a request from a wider consent of the same user, where the operator allowed it for the provider. An
// empty token means that there is none. A request that asks for no scopes means the provider's own choice of them, which
// nobody knows, so nothing covers it. Neither is a poll served: its session may have been begun by force, and then only
// the new consent counts.
func (s *Service) covered(ctx context.Context, c *call, a *ask) (vault.Secret, error) {
	if a.Force || a.SessionURI != "" || len(a.rights.scopes) == 0 || !slices.Contains(s.cfg.CoveringGrants, a.provider.Name) {
		return vault.Secret{}, nil
	}
	if needed, err := s.needsCover(ctx, a); err != nil || !needed {
		return vault.Secret{}, err
	}
	list, err := s.coveringGrants(ctx, c, a)
	if err != nil {
		return vault.Secret{}, err
	}
	for i := range list {
		token, err := s.fromCovering(ctx, c, a, &list[i])
		if err != nil || !token.Empty() {
			return token, err
		}
	}
	return vault.Secret{}, nil
}

// needsCover tells that the exact grant is missing or needs consent. A suspended one waits for an operator or its user,
// and its provider must not be used by a way round it.
func (s *Service) needsCover(ctx context.Context, a *ask) (bool, error) {
	g, err := s.Store.Grant(ctx, a.workload.Account, a.key())
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	return err == nil && g.State == GrantNeedsConsent, internal(err, "reading a grant")
}

// coverPage is how many grants are read at once; one user has few at one provider.
const coverPage = 50

// coveringGrants returns the grants that cover the request, the narrowest first, so that an agent is handed as little
// more than it asked for as can be.
func (s *Service) coveringGrants(ctx context.Context, c *call, a *ask) ([]opened, error) {
	var list []opened
	f := GrantFilter{WorkloadID: a.workload.ID, ProviderID: a.provider.ID, User: a.user.Key(), State: GrantActive}
	for after := ""; ; {
		rows, err := s.Store.ListGrants(ctx, a.workload.Account, f, after, coverPage)
		if err != nil {
			return nil, internal(err, "looking for a grant that covers the request")
		}
		for _, g := range rows {
			t, err := s.openGrant(ctx, &g)
			if err != nil {
				return nil, err
			}
			if a.coveredBy(&g, t) && s.mayAsk(c, t.granted) {
				list = append(list, opened{g, t})
			}
		}
		if len(rows) < coverPage {
			break
		}
		after = rows[len(rows)-1].ID
	}
	slices.SortFunc(list, func(x, y opened) int {
		return cmp.Or(cmp.Compare(len(x.tokens.granted), len(y.tokens.granted)), cmp.Compare(x.row.ID, y.row.ID))
	})
	return list, nil
}

// coveredBy trusts the seal alone. The columns by which the row was found can be edited; the key, to which the seal is
// bound, says whose grant it is and at which provider (A10, A32), and what was granted rests inside.
func (a *ask) coveredBy(g *Grant, t *grantTokens) bool {
	return g.Key == grantKey(a.workload.ID, a.user.Key(), a.provider.ID, t.rights) &&
		slices.Equal(t.rights.resources, a.rights.resources) && slices.Equal(t.rights.audiences, a.rights.audiences) &&
		containsAll(t.granted, a.rights.scopes)
}

// mayAsk tells whether policy lets the caller ask for these scopes: he must not be handed, by way of a request for fewer,
// what he would have been refused.
func (s *Service) mayAsk(c *call, scopes []string) bool {
	conditions := policy.Context{}
	maps.Copy(conditions, c.conditions)
	conditions.Set(scopesCondition, scopes...)
	q := &policy.Request{Action: c.rec.Action, Resources: c.rec.Resources, ResourceTags: c.tags, Context: conditions, Now: s.Now()}
	return policy.Evaluate(c.caller, q).Allowed
}

// fromCovering hands out the covering grant's token, refreshed if need be, and says so in the record. An empty one
// means that the grant turned out to be of no use.
func (s *Service) fromCovering(ctx context.Context, c *call, a *ask, o *opened) (vault.Secret, error) {
	before, good := c.rec.GrantID, s.good(&o.row, o.tokens)
	c.rec.Reason = ""
	token, err := s.fromGrant(ctx, c, a, &o.row)
	if err != nil {
		return vault.Secret{}, err
	}
	covers := !token.Empty()
	if covers && !good {
		if covers, err = s.stillCovers(ctx, c, a, o); err != nil {
			return vault.Secret{}, err
		}
	}
	if !covers {
		c.rec.GrantID, c.rec.Reason = before, "grant "+o.row.ID+" covered the request and no longer does"
		return vault.Secret{}, nil
	}
	why := "asked for scopes [" + strings.Join(a.rights.scopes, " ") + "], covered by grant " + o.row.ID + " of scopes [" + strings.Join(o.tokens.granted, " ") + "]"
	if c.rec.Reason != "" {
		why += "; " + c.rec.Reason
	}
	c.rec.Reason = why
	return token, nil
}

// stillCovers looks again after a refresh, at which a provider may take scopes away (RFC 6749 section 6).
func (s *Service) stillCovers(ctx context.Context, c *call, a *ask, o *opened) (bool, error) {
	g, err := s.Store.GrantByID(ctx, o.row.Account, o.row.ID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, internal(err, "reading a grant")
	}
	if g.State != GrantActive {
		return false, nil
	}
	t, err := s.openGrant(ctx, &g)
	return err == nil && a.coveredBy(&g, t) && s.mayAsk(c, t.granted), err
}
