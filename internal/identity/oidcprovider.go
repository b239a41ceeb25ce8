package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/policy"
)

// OIDCProvider is an issuer whose tokens may be brought in for a role (AssumeRoleWithWebIdentity). To list one lets nobody
// in: a role's trust policy must name it.
type OIDCProvider struct {
	Account, ID string
	URL         string   // the issuer, to the letter: some end in a slash, and so do their iss claims
	ClientIDs   []string // accepted audiences
	// Thumbprints are kept for the tools that set them, and never trusted: an issuer's certificate is verified against
	// the root certificates of this machine.
	Thumbprints []string
	Tags        map[string]string
	CreatedAt   time.Time

	record Record // its name is the URL without scheme
}

type oidcProviderData struct {
	identified
	URL         string            `json:"url"`
	ClientIDs   []string          `json:"clientIds,omitempty"`
	Thumbprints []string          `json:"thumbprints,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// ARN is the provider's.
func (p *OIDCProvider) ARN() string { return iamARN(p.Account, "oidc-provider/"+p.record.Name) }

func (p *OIDCProvider) labels() map[string]string { return p.Tags }

func (p *OIDCProvider) row() (*Record, any) {
	return &p.record, oidcProviderData{identified{Name: p.record.Name}, p.URL, p.ClientIDs, p.Thumbprints, p.Tags}
}

func decodeOIDCProvider(r Record) (*OIDCProvider, error) {
	var d oidcProviderData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return nil, internal(err, "decoding OpenID Connect provider "+r.Name)
	}
	return &OIDCProvider{Account: r.Account, ID: r.ID, URL: d.URL, ClientIDs: d.ClientIDs, Thumbprints: d.Thumbprints, Tags: d.Tags, CreatedAt: r.CreatedAt, record: r}, nil
}

func (s *Service) oidcTarget(account, arn string) target[*OIDCProvider] {
	return target[*OIDCProvider]{absent: arn, find: func(ctx context.Context) (*OIDCProvider, error) {
		absent := refuse(NotFound, "there is no OpenID Connect provider %s in account %s. ListOpenIDConnectProviders lists those there are", clip(arn), account)
		name, ok := strings.CutPrefix(arn, iamARN(account, "oidc-provider/"))
		if !ok { // another account's, or no provider's (A11)
			return nil, absent
		}
		r, err := s.Store.Record(ctx, account, KindOIDCProvider, "", name)
		if errors.Is(err, ErrNotFound) {
			return nil, absent
		}
		if err != nil {
			return nil, internal(err, "reading an OpenID Connect provider")
		}
		return decode(ctx, s, r, decodeOIDCProvider)
	}}
}

// NewOIDCProvider is what a caller says of an OpenID Connect provider.
type NewOIDCProvider struct {
	URL                    string
	ClientIDs, Thumbprints []string
	Tags                   map[string]string
}

const (
	maxProviderURL = 255
	maxClientIDs   = 100
	maxThumbprints = 5
)

// CreateOIDCProvider lists an issuer. Its discovery document is read when a token of it is first brought, so that this
// needs no network.
func (s *Service) CreateOIDCProvider(ctx context.Context, caller *policy.Caller, in NewOIDCProvider) (*OIDCProvider, error) {
	_, name, _ := strings.Cut(in.URL, "://")
	p := &OIDCProvider{Account: caller.Account, ID: newID(s.Rand, "oidc-"), URL: in.URL, ClientIDs: union(in.ClientIDs, nil), Thumbprints: in.Thumbprints, Tags: in.Tags}
	p.record = Record{Account: p.Account, Kind: KindOIDCProvider, ID: p.ID, Name: name}
	p, err := createEntity(ctx, s, caller, "CreateOpenIDConnectProvider", "TagOpenIDConnectProvider", p, func(context.Context) error {
		return cmp.Or(s.checkProviderURL(in.URL), checkClientIDs(in.ClientIDs), checkThumbprints(in.Thumbprints), checkTags(in.Tags))
	})
	if err != nil {
		return nil, err
	}
	p.CreatedAt = p.record.CreatedAt
	return p, nil
}

// checkProviderURL accepts what may be an issuer (OpenID Connect Discovery 1.0 section 3: no query, no fragment) and may
// ever be called.
func (s *Service) checkProviderURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(raw) > maxProviderURL || strings.ContainsAny(raw, "*?#$ ") || u.Host != strings.ToLower(u.Host) {
		return invalid("Url", "%q is not an issuer: give the value of the iss claim, such as https://oidc.example.com/id, in lower case up to the path and without query", clip(raw))
	}
	if _, err := s.URLs.Check(raw); err != nil {
		return invalid("Url", "issuer %s would never be called: %v", clip(raw), err)
	}
	return nil
}

func checkClientIDs(ids []string) error {
	if len(ids) > maxClientIDs {
		return refuse(LimitExceeded, "there are %d client ids, more than the %d that one provider may have", len(ids), maxClientIDs)
	}
	if slices.ContainsFunc(ids, func(id string) bool { return id == "" || len(id) > 255 }) {
		return invalid("ClientIDList", "a client id (an accepted aud claim) has 1 to 255 characters")
	}
	return nil
}

func checkThumbprints(list []string) error {
	if len(list) > maxThumbprints {
		return refuse(LimitExceeded, "there are %d thumbprints, more than the %d that one provider may have", len(list), maxThumbprints)
	}
	bad := func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) }
	for _, t := range list {
		if len(t) != 40 || strings.ContainsFunc(t, bad) {
			return invalid("ThumbprintList", "a thumbprint is the SHA-1 of a certificate in 40 hexadecimal digits; %q is not. It may be left out: it is not used", clip(t))
		}
	}
	return nil
}

// GetOIDCProvider returns an OpenID Connect provider.
func (s *Service) GetOIDCProvider(ctx context.Context, caller *policy.Caller, arn string) (*OIDCProvider, error) {
	return getEntity(ctx, s, caller, "GetOpenIDConnectProvider", s.oidcTarget(caller.Account, arn))
}

// ListOIDCProviders returns all OpenID Connect providers of the account, in order of URL; there are no pages of them.
func (s *Service) ListOIDCProviders(ctx context.Context, caller *policy.Caller) ([]*OIDCProvider, error) {
	return onList(ctx, s, caller, "ListOpenIDConnectProviders", "oidc-provider", "", func(ctx context.Context) ([]*OIDCProvider, error) {
		all := []*OIDCProvider{}
		err := everyRecord(ctx, s, caller.Account, KindOIDCProvider, decodeOIDCProvider, func(p *OIDCProvider) error {
			all = append(all, p)
			return nil
		})
		return all, err
	})
}

// DeleteOIDCProvider takes an issuer off the list. Roles that trust it stay, and let nobody of it in any more.
func (s *Service) DeleteOIDCProvider(ctx context.Context, caller *policy.Caller, arn string) error {
	return deleteEntity(ctx, s, caller, "DeleteOpenIDConnectProvider", s.oidcTarget(caller.Account, arn), func(context.Context, *OIDCProvider) error { return nil })
}

func (s *Service) editOIDCProvider(ctx context.Context, caller *policy.Caller, operation, arn string, change func(*OIDCProvider) error) error {
	q := iamRequest{caller: caller, operation: operation}
	_, err := editEntity(ctx, s, q, s.oidcTarget(caller.Account, arn), func(_ context.Context, p *OIDCProvider) error { return change(p) })
	return err
}

// AddClientID accepts another audience. One that is accepted already stays so.
func (s *Service) AddClientID(ctx context.Context, caller *policy.Caller, arn, clientID string) error {
	return s.editOIDCProvider(ctx, caller, "AddClientIDToOpenIDConnectProvider", arn, func(p *OIDCProvider) error {
		p.ClientIDs = union(p.ClientIDs, []string{clientID})
		return cmp.Or(checkClientIDs([]string{clientID}), checkClientIDs(p.ClientIDs))
	})
}

// RemoveClientID no longer accepts an audience. One that is not accepted stays so.
func (s *Service) RemoveClientID(ctx context.Context, caller *policy.Caller, arn, clientID string) error {
	return s.editOIDCProvider(ctx, caller, "RemoveClientIDFromOpenIDConnectProvider", arn, func(p *OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(slices.Clone(p.ClientIDs), func(id string) bool { return id == clientID })
		return nil
	})
}

// UpdateThumbprints replaces the thumbprints, which are kept and not used.
func (s *Service) UpdateThumbprints(ctx context.Context, caller *policy.Caller, arn string, thumbprints []string) error {
	return s.editOIDCProvider(ctx, caller, "UpdateOpenIDConnectProviderThumbprint", arn, func(p *OIDCProvider) error {
		p.Thumbprints = thumbprints
		return checkThumbprints(thumbprints)
	})
}
