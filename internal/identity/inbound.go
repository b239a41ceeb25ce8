package identity

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// inboundData is the stored trust in an issuer of inbound JWTs, of the account (no parent) or narrower, of one workload
// identity (its parent).
type inboundData struct {
	identified
	Audiences    []string `json:"audiences,omitempty"`
	ClientIDs    []string `json:"clientIds,omitempty"`
	DiscoveryURL string   `json:"discoveryUrl,omitempty"`
}

func decodeInbound(r Record) (issuer.Trust, error) {
	var d inboundData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return issuer.Trust{}, internal(err, "decoding inbound issuer "+r.Name)
	}
	return issuer.Trust{Issuer: r.Name, Audiences: d.Audiences, ClientIDs: d.ClientIDs, DiscoveryURL: d.DiscoveryURL}, nil
}

// verifyInbound proves the user of an inbound JWT, for this workload. Only listed issuers with listed audiences or
// client ids are believed: otherwise a token that another application got from the same identity provider would buy a
// workload access token here (A20).
func (s *Service) verifyInbound(ctx context.Context, w *Workload, token vault.Secret) (*issuer.Claims, error) {
	claims, err := s.verifyListed(ctx, w, token)
	if e, ok := errors.AsType[*issuer.Error](err); ok && (e.Reason == issuer.UntrustedIssuer || e.Reason == issuer.Audience) {
		if _, serr := s.state(ctx, w.Account, true); serr != nil { // the list may have grown since it was cached
			return nil, serr
		}
		claims, err = s.verifyListed(ctx, w, token)
	}
	if err != nil {
		return nil, s.inboundFault(w, err)
	}
	return claims, nil
}

func (s *Service) verifyListed(ctx context.Context, w *Workload, token vault.Secret) (*issuer.Claims, error) {
	trusts, err := s.inboundIssuers(ctx, w)
	if err != nil {
		return nil, err
	}
	return s.Verifier.Verify(ctx, token.RevealString(), func(iss string) (issuer.Trust, bool) {
		if s.ownIssuer(ctx, iss) { // our tokens say who a workload is, never who a user is (A61)
			return issuer.Trust{}, false
		}
		if i := slices.IndexFunc(trusts, func(t issuer.Trust) bool { return t.Issuer == iss }); i >= 0 {
			return trusts[i], true
		}
		if s.cfg.InsecureLoopbackIssuers && isLoopbackURL(iss) || s.cfg.InsecureIssuer != nil && s.cfg.InsecureIssuer(ctx, iss) {
			return issuer.Trust{Issuer: iss, AnyAudience: true}, true
		}
		return issuer.Trust{}, false
	})
}

// inboundIssuers are the workload's own, if it has any, else the account's and the configuration's.
func (s *Service) inboundIssuers(ctx context.Context, w *Workload) ([]issuer.Trust, error) {
	own, err := s.storedIssuers(ctx, w.Account, w.ID)
	if err != nil || len(own) > 0 {
		return own, err
	}
	stored, err := s.storedIssuers(ctx, w.Account, "")
	return merged(append(stored, s.cfg.Issuers...)), err
}

// merged joins what is said of one issuer in several places.
func merged(list []issuer.Trust) []issuer.Trust {
	var out []issuer.Trust
	for _, t := range list {
		i := slices.IndexFunc(out, func(o issuer.Trust) bool { return o.Issuer == t.Issuer })
		if i < 0 {
			out = append(out, t)
			continue
		}
		out[i].Audiences, out[i].ClientIDs = union(out[i].Audiences, t.Audiences), union(out[i].ClientIDs, t.ClientIDs)
		if out[i].DiscoveryURL == "" {
			out[i].DiscoveryURL = t.DiscoveryURL
		}
	}
	return out
}

const maxIssuers = 100

func (s *Service) storedIssuers(ctx context.Context, account, parent string) ([]issuer.Trust, error) {
	st, err := s.state(ctx, account, false)
	if err != nil {
		return nil, err
	}
	key := KindInboundIssuer + "\x00all\x00" + parent
	if v, ok := st.get(key); ok {
		return slices.Clip(v.([]issuer.Trust)), nil
	}
	rows, err := s.Store.ListRecords(ctx, account, KindInboundIssuer, parent, "", maxIssuers)
	if err != nil {
		return nil, internal(err, "reading inbound issuers")
	}
	list := make([]issuer.Trust, 0, len(rows))
	for _, r := range rows {
		t, err := decode(ctx, s, r, decodeInbound)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	st.put(key, list)
	return slices.Clip(list), nil
}

// inboundFault says why a JWT was refused, and the command that would list its issuer.
func (s *Service) inboundFault(w *Workload, err error) error {
	e, ok := errors.AsType[*issuer.Error](err)
	if !ok {
		return internal(err, "verifying an inbound JWT")
	}
	msg := "the user's JWT is refused for workload identity " + w.Name + ": " + e.Message
	switch e.Reason {
	case issuer.UntrustedIssuer:
		msg += ". If it is yours, list it with: " + s.command("admin issuer add --issuer "+shellWord(e.Issuer)+" --audience AUDIENCE_OR_CLIENT_ID")
	case issuer.Audience:
		msg += ". To accept another audience or client: " + s.command("admin issuer add --issuer "+shellWord(e.Issuer)+" --audience AUDIENCE --client-id CLIENT_ID")
	case issuer.KeysUnavailable:
		return &Error{Code: Unavailable, Message: msg + ". The issuer cannot be reached now; try again", Cause: err}
	}
	return &Error{Code: Unauthorized, Field: "userToken", Message: msg, Cause: err}
}

// shellWord quotes what a stranger wrote, so that a command that is pasted from a message runs nothing else.
func shellWord(s string) string { return "'" + strings.ReplaceAll(clip(s), "'", `'\''`) + "'" }

// PutInboundIssuer lists an issuer, for the account or (with a name) for one workload identity. Audiences and client
// ids add to those that are listed.
func (s *Service) PutInboundIssuer(ctx context.Context, account, workload string, t issuer.Trust) error {
	_, err := admin(ctx, s, account, "PutInboundIssuer", func(ctx context.Context) (struct{}, error) {
		if u, err := url.Parse(t.Issuer); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return struct{}{}, invalid("issuer", "issuer %q is not a URL; give the value of the iss claim, such as https://login.example.com", clip(t.Issuer))
		}
		if len(t.Audiences)+len(t.ClientIDs) == 0 {
			return struct{}{}, invalid("audience", "issuer %s needs at least one --audience or --client-id: without, a token that any other application got from it would be accepted", t.Issuer)
		}
		parent, err := s.issuerParent(ctx, account, workload)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.mergeIssuer(ctx, account, parent, t)
	})
	return err
}

func (s *Service) issuerParent(ctx context.Context, account, workload string) (string, error) {
	if workload == "" {
		return "", nil
	}
	w, err := s.workload(ctx, account, workload, true)
	if err != nil {
		return "", err
	}
	return w.ID, nil
}

func (s *Service) mergeIssuer(ctx context.Context, account, parent string, t issuer.Trust) error {
	r, err := s.Store.Record(ctx, account, KindInboundIssuer, parent, t.Issuer)
	if errors.Is(err, ErrNotFound) {
		r = Record{Account: account, Kind: KindInboundIssuer, ID: newID(s.Rand, "ii-"), Name: t.Issuer, Parent: parent}
		return internal(s.insert(ctx, &r, inboundData{identified{t.Issuer, parent}, t.Audiences, t.ClientIDs, t.DiscoveryURL}, vault.Secret{}), "storing issuer "+t.Issuer)
	}
	if err != nil {
		return internal(err, "reading issuer "+t.Issuer)
	}
	old, err := decode(ctx, s, r, decodeInbound)
	if err != nil {
		return err
	}
	d := inboundData{identified{t.Issuer, parent}, union(old.Audiences, t.Audiences), union(old.ClientIDs, t.ClientIDs), old.DiscoveryURL}
	if t.DiscoveryURL != "" {
		d.DiscoveryURL = t.DiscoveryURL
	}
	return internal(s.replace(ctx, &r, d, vault.Secret{}), "storing issuer "+t.Issuer)
}

// InboundIssuers lists the stored issuers of the account, or of one workload identity.
func (s *Service) InboundIssuers(ctx context.Context, account, workload string) ([]issuer.Trust, error) {
	parent, err := s.issuerParent(ctx, account, workload)
	if err != nil {
		return nil, err
	}
	return s.storedIssuers(ctx, account, parent)
}

// DeleteInboundIssuer takes an issuer off the list.
func (s *Service) DeleteInboundIssuer(ctx context.Context, account, workload, iss string) error {
	_, err := admin(ctx, s, account, "DeleteInboundIssuer", func(ctx context.Context) (struct{}, error) {
		parent, err := s.issuerParent(ctx, account, workload)
		if err != nil {
			return struct{}{}, err
		}
		r, err := s.Store.Record(ctx, account, KindInboundIssuer, parent, iss)
		if errors.Is(err, ErrNotFound) {
			return struct{}{}, refuse(NotFound, "issuer %s is not listed", clip(iss))
		}
		if err != nil {
			return struct{}{}, internal(err, "reading issuer "+iss)
		}
		return struct{}{}, s.remove(ctx, &r)
	})
	return err
}

// union is a sorted set of both lists.
func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return strings.TrimSpace(s) == "" })
}
