package identity_test

import (
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
)

func TestOIDCProvidersAreMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	s := b.Identity
	print := strings.Repeat("0a", 20)
	p, err := s.CreateOIDCProvider(t.Context(), b.admin, identity.NewOIDCProvider{URL: "https://oidc.example.com/id/ABC", ClientIDs: []string{"sts"}, Thumbprints: []string{print}, Tags: map[string]string{"a": "b"}})
	check(t, err)
	arn := "arn:aws:iam::" + b.Account + ":oidc-provider/oidc.example.com/id/ABC"
	want(t, "ARN", p.ARN(), arn)
	_, err = s.CreateOIDCProvider(t.Context(), b.admin, identity.NewOIDCProvider{URL: "https://oidc.example.com/id/ABC"})
	coded(t, err, identity.Conflict, "exists already")
	_, err = s.CreateOIDCProvider(t.Context(), b.admin, identity.NewOIDCProvider{URL: "https://another.example.com"})
	check(t, err)

	check(t, s.AddClientID(t.Context(), b.admin, arn, "more"))
	check(t, s.AddClientID(t.Context(), b.admin, arn, "more"))
	check(t, s.RemoveClientID(t.Context(), b.admin, arn, "sts"))
	check(t, s.UpdateThumbprints(t.Context(), b.admin, arn, nil))
	check(t, s.TagOIDCProvider(t.Context(), b.admin, arn, map[string]string{"c": "d", "A": "e"}))
	check(t, s.UntagOIDCProvider(t.Context(), b.admin, arn, []string{"C"}))
	p, err = s.GetOIDCProvider(t.Context(), b.admin, arn)
	check(t, err)
	if strings.Join(p.ClientIDs, " ") != "more" || len(p.Thumbprints) != 0 || len(p.Tags) != 1 || p.Tags["A"] != "e" {
		t.Errorf("the provider is %+v", p)
	}
	l, err := s.ListOIDCProviders(t.Context(), b.admin)
	check(t, err)
	want(t, "providers", names(l, func(p *identity.OIDCProvider) string { return p.URL }), "https://another.example.com https://oidc.example.com/id/ABC")
	check(t, s.DeleteOIDCProvider(t.Context(), b.admin, arn))
	_, err = s.GetOIDCProvider(t.Context(), b.admin, arn)
	coded(t, err, identity.NotFound, "there is no OpenID Connect provider")
}

// TestOIDCProvidersKeepTheirSlash: an issuer is what its tokens say to the letter, and some end in a slash. With and
// without it they are two.
func TestOIDCProvidersKeepTheirSlash(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	for _, url := range []string{"https://sts.windows.net/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/", "https://tenant.example.com/", "https://tenant.example.com"} {
		p, err := b.Identity.CreateOIDCProvider(t.Context(), b.admin, identity.NewOIDCProvider{URL: url, ClientIDs: []string{"app"}})
		check(t, err)
		arn := "arn:aws:iam::" + b.Account + ":oidc-provider/" + strings.TrimPrefix(url, "https://")
		want(t, "ARN", p.ARN(), arn)
		p, err = b.Identity.GetOIDCProvider(t.Context(), b.admin, arn)
		check(t, err)
		want(t, "URL", p.URL, url)
	}
	_, err := b.Identity.GetOIDCProvider(t.Context(), b.admin, "arn:aws:iam::"+b.Account+":oidc-provider/sts.windows.net/8eaef023-2b34-4da1-9baa-8bc8c9d6a490")
	coded(t, err, identity.NotFound, "")
}

func TestOIDCProvidersAreHeldToTheirForm(t *testing.T) {
	t.Parallel()
	b := newIAM(t)
	for name, in := range map[string]identity.NewOIDCProvider{
		"no URL": {URL: "oidc.example.com"}, "no TLS": {URL: "http://oidc.example.com"}, "a query": {URL: "https://oidc.example.com?x"}, "a password": {URL: "https://a:b@oidc.example.com"},
		"a fragment": {URL: "https://oidc.example.com#x"}, "a wildcard": {URL: "https://oidc.example.com/*"}, "capitals": {URL: "https://OIDC.example.com"}, "metadata": {URL: "https://169.254.169.254"},
		"an empty client id": {URL: "https://oidc.example.com", ClientIDs: []string{""}}, "a short thumbprint": {URL: "https://oidc.example.com", Thumbprints: []string{"00"}},
		"a thumbprint of other letters": {URL: "https://oidc.example.com", Thumbprints: []string{strings.Repeat("g", 40)}},
	} {
		_, err := b.Identity.CreateOIDCProvider(t.Context(), b.admin, in)
		t.Run(name, func(t *testing.T) { coded(t, err, identity.Invalid, "") })
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = strings.Repeat("c", i+1)
	}
	_, err := b.Identity.CreateOIDCProvider(t.Context(), b.admin, identity.NewOIDCProvider{URL: "https://oidc.example.com", ClientIDs: many})
	coded(t, err, identity.LimitExceeded, "more than the 100")
}
