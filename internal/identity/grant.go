package identity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lanyard-id/lanyard/internal/oauth"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// rights are what a grant is asked for, each a sorted set: the same words in another order are the same grant.
type rights struct{ scopes, resources, audiences []string }

func newRights(scopes, resources, audiences []string) rights {
	return rights{union(scopes, nil), union(resources, nil), union(audiences, nil)}
}

// grantKey is the identity of a grant: this workload, this user (or none), this provider, exactly these rights. It is
// unique within the account, and part of the place to which the tokens are sealed (A09, A10, A59).
func grantKey(workloadID, user, providerID string, r rights) [32]byte {
	b := appendTexts(make([]byte, 0, 256), workloadID, user, providerID)
	for _, list := range [][]string{r.scopes, r.resources, r.audiences} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		b = appendTexts(b, list...)
	}
	return sha256.Sum256(b)
}

func grantPlace(g *Grant) vault.Place {
	return vault.Place{Account: g.Account, Table: "grants", Row: g.ID, Field: hex.EncodeToString(g.Key[:])}
}

// grantTokens is what a grant's ciphertext holds: the tokens, and the endpoints they may be sent to. The endpoints are
// pinned here, under the seal, so neither an edit of the provider nor of the row redirects a refresh token (A56).
type grantTokens struct {
	access, refresh       vault.Secret
	issuer, tokenEndpoint string
	rights                rights   // asked for: they are part of the grant's key
	granted               []string // the scopes that the provider gave, which may be others
	obtainedAt            time.Time
}

const grantFormat = 1

func (t *grantTokens) encode() []byte {
	access, refresh := t.access.Reveal(), t.refresh.Reveal()
	b := make([]byte, 0, 256+len(access)+len(refresh))
	b = append(b, grantFormat)
	b = binary.BigEndian.AppendUint64(b, uint64(t.obtainedAt.UnixMilli()))
	for _, list := range [][]string{t.rights.scopes, t.rights.resources, t.rights.audiences, t.granted} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		b = appendTexts(b, list...)
	}
	for _, secret := range [][]byte{access, refresh} {
		b = append(binary.AppendUvarint(b, uint64(len(secret))), secret...)
	}
	return appendTexts(b, t.issuer, t.tokenEndpoint)
}

func (t *grantTokens) seal(ctx context.Context, s *Service, g *Grant) error {
	var err error
	g.Sealed, err = s.Vault.Seal(ctx, grantPlace(g), vault.NewSecret(t.encode()))
	return internal(err, "sealing a grant")
}

func (s *Service) openGrant(ctx context.Context, g *Grant) (*grantTokens, error) {
	secret, err := s.Vault.Open(ctx, grantPlace(g), g.Sealed)
	if err != nil {
		return nil, internal(err, "opening grant "+g.ID)
	}
	t, err := decodeGrant(secret.Reveal())
	if err != nil {
		return nil, internal(err, "decoding grant "+g.ID)
	}
	return t, nil
}

// decodeGrant reads what encode wrote. The tokens stay where they were opened: each copy of them would be one more.
func decodeGrant(b []byte) (*grantTokens, error) {
	if len(b) < 9 || b[0] != grantFormat {
		return nil, errors.New("not a grant of this format")
	}
	t := &grantTokens{obtainedAt: time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:9])))}
	r := textReader{rest: b[9:]}
	for _, list := range []*[]string{&t.rights.scopes, &t.rights.resources, &t.rights.audiences, &t.granted} {
		*list = r.list()
	}
	t.access, t.refresh = vault.NewSecret(r.next()), vault.NewSecret(r.next())
	t.issuer, t.tokenEndpoint = string(r.next()), string(r.next())
	if r.failed || len(r.rest) != 0 {
		return nil, errors.New("truncated, or with trailing bytes")
	}
	return t, nil
}

// textReader reads texts that appendTexts wrote. After a failure it reads nothing more.
type textReader struct {
	rest   []byte
	failed bool
}

// number reads a length, which no more bytes than are left can have.
func (r *textReader) number() int {
	n, used := binary.Uvarint(r.rest)
	if used <= 0 || n > uint64(len(r.rest)-used) {
		r.rest, r.failed = nil, true
		return 0
	}
	r.rest = r.rest[used:]
	return int(n)
}

func (r *textReader) next() []byte {
	n := r.number()
	text := r.rest[:n:n]
	r.rest = r.rest[n:]
	return text
}

func (r *textReader) list() []string {
	l := make([]string, r.number())
	for i := range l {
		l[i] = string(r.next())
	}
	return l
}

// take fills the grant and its tokens from a provider's answer. An answer without a refresh token keeps the old one:
// losing it would lose the user's consent. One without scopes means those asked for (RFC 6749 section 5.1) or, at a
// refresh, those granted before (section 6).
func (g *Grant) take(t *grantTokens, answer oauth.Token, now time.Time) {
	t.access, t.obtainedAt = answer.Access, now
	if !answer.Refresh.Empty() {
		t.refresh = answer.Refresh
	}
	g.HasRefresh = !t.refresh.Empty()
	g.State, g.Reason = GrantActive, ""
	g.AccessExpiresAt, g.UpdatedAt = answer.ExpiresAt, now
	switch {
	case answer.ScopesKnown:
		t.granted = union(answer.Scopes, nil)
	case t.granted == nil:
		t.granted = t.rights.scopes
	}
	g.Scopes = t.granted
}

// refreshScopes are what a refresh may name: no scope that was not granted (RFC 6749 section 6).
func (t *grantTokens) refreshScopes() []string {
	if containsAll(t.granted, t.rights.scopes) {
		return t.rights.scopes
	}
	return t.granted
}

// containsAll tells whether the set holds every one of the others.
func containsAll(set, others []string) bool {
	for _, s := range others {
		if !slices.Contains(set, s) {
			return false
		}
	}
	return true
}

// pinnedTo compares where the grant was made with where the provider is now.
func (t *grantTokens) pinnedTo(p oauth.Provider) bool {
	return t.tokenEndpoint == p.TokenEndpoint && t.issuer == p.Issuer
}

// earlyWindow is how long before its end a token is renewed: a fifth of its life, at most a minute, a little less for
// some grants than for others so that they do not all fall due at once.
func earlyWindow(g *Grant, obtainedAt time.Time) time.Duration {
	w := min(g.AccessExpiresAt.Sub(obtainedAt)/5, time.Minute)
	return w - w/4*time.Duration(g.Key[0])/255
}

// lastMoments is how close to its end a token is no longer handed out: it would expire on the way to the resource.
func lastMoments(g *Grant, obtainedAt time.Time) time.Duration {
	return min(g.AccessExpiresAt.Sub(obtainedAt)/10, 5*time.Second)
}

// ListGrants lists stored consents, without their tokens.
func (s *Service) ListGrants(ctx context.Context, caller *policy.Caller, f GrantFilter, p Page) (List[Grant], error) {
	r := request{caller: caller, action: "lanyard:ListGrants", resources: on([]string{s.accountARN(caller.Account)})}
	return do(ctx, s, r, func(ctx context.Context, _ *call) (List[Grant], error) {
		after, err := pageStart("grant", p.Token)
		if err != nil {
			return List[Grant]{}, err
		}
		if err := s.namesToIDs(ctx, caller.Account, &f); err != nil {
			return List[Grant]{}, err
		}
		rows, err := s.Store.ListGrants(ctx, caller.Account, f, after, p.Max+1)
		if err != nil {
			return List[Grant]{}, internal(err, "listing grants")
		}
		out := List[Grant]{Items: rows}
		if len(rows) > p.Max {
			out.Items = rows[:p.Max]
			out.Next = pageToken("grant", rows[p.Max-1].ID)
		}
		for i := range out.Items {
			out.Items[i].WorkloadID, out.Items[i].ProviderID = s.names(ctx, caller.Account, out.Items[i].WorkloadID, out.Items[i].ProviderID)
		}
		return out, nil
	})
}

// namesToIDs replaces the filter's names of workload and provider by their ids.
func (s *Service) namesToIDs(ctx context.Context, account string, f *GrantFilter) error {
	if f.WorkloadID != "" {
		w, err := s.workload(ctx, account, f.WorkloadID, true)
		if err != nil {
			return err
		}
		f.WorkloadID = w.ID
	}
	if f.ProviderID != "" {
		p, err := s.provider(ctx, account, f.ProviderID, true)
		if err != nil {
			return err
		}
		f.ProviderID = p.ID
	}
	return nil
}

// names gives the names that people know; an id whose record is gone stays an id.
func (s *Service) names(ctx context.Context, account, workloadID, providerID string) (workload, provider string) {
	workload, provider = workloadID, providerID
	st, err := s.state(ctx, account, false)
	if err != nil {
		return workload, provider
	}
	if w, err := lookupID(ctx, s, st, account, KindWorkload, workloadID, decodeWorkload); err == nil {
		workload = w.Name
	}
	if p, err := lookupID(ctx, s, st, account, KindOAuth2Provider, providerID, decodeProvider); err == nil {
		provider = p.Name
	}
	return workload, provider
}

// touchSet collects the grants that were handed out, so that a read costs no write: FlushTouches stores them at leisure.
type touchSet struct {
	mu  sync.Mutex
	ids map[string]string // grant id -> account
}

// touchEvery is how coarse LastUsedAt is.
const touchEvery = time.Hour

const maxTouched = 50_000

func (s *Service) touch(g *Grant) {
	if s.Now().Sub(g.LastUsedAt) < touchEvery {
		return
	}
	s.touched.mu.Lock()
	defer s.touched.mu.Unlock()
	if len(s.touched.ids) < maxTouched {
		s.touched.ids[g.ID] = g.Account
	}
}

// FlushTouches stores which grants were used of late.
func (s *Service) FlushTouches(ctx context.Context) error {
	s.touched.mu.Lock()
	ids := s.touched.ids
	s.touched.ids = map[string]string{}
	s.touched.mu.Unlock()
	byAccount := map[string][]string{}
	for id, account := range ids {
		byAccount[account] = append(byAccount[account], id)
	}
	for account, list := range byAccount {
		for chunk := range slices.Chunk(list, 500) {
			if err := s.Store.TouchGrants(ctx, account, chunk, s.Now()); err != nil {
				return internal(err, "storing when grants were used")
			}
		}
	}
	return nil
}
