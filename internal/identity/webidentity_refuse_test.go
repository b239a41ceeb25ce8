package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// change edits a request for a token.
type change = func(*identity.WebIdentityTokenRequest)

func TestWebIdentityRequestsThatCannotBeRight(t *testing.T) {
	s, _ := federated(t)
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprint("k", i)
	}
	for name, c := range map[string]struct {
		change change
		text   string
	}{
		"no audience":              {meantFor(), "1 to 10"},
		"eleven audiences":         {meantFor(strings.Split("a b c d e f g h i j k", " ")...), "1 to 10"},
		"empty audience":           {meantFor("a", ""), "1 to 1000"},
		"long audience":            {meantFor(strings.Repeat("é", 1001)), "1 to 1000"},
		"audience with a line":     {meantFor("a\nb"), "printable"},
		"audience that is no text": {meantFor("a\xff"), "printable"},
		"A17 alg none":             {signedBy("none"), "ES384 and RS256"},
		"A18 symmetric algorithm":  {signedBy("HS256"), "ES384 and RS256"},
		"other algorithm":          {signedBy("ES256"), "ES384 and RS256"},
		"algorithm in lower case":  {signedBy("es384"), "ES384 and RS256"},
		"too short":                {lasting(59 * time.Second), "60 and 3600"},
		"too long":                 {lasting(3601 * time.Second), "60 and 3600"},
		"negative":                 {lasting(-time.Second), "60 and 3600"},
		"51 tags":                  {func(in *identity.WebIdentityTokenRequest) { in.Tags = tagsOf(many) }, "at most 50"},
		"empty tag key":            {tagged("", "v"), "1 to 128"},
		"long tag key":             {tagged(strings.Repeat("k", 129), "v"), "1 to 128"},
		"long tag value":           {tagged("k", strings.Repeat("v", 257)), "256"},
		"tag key with a zero":      {tagged("k\x00", "v"), "printable"},
		"tag value with a line":    {tagged("k", "a\nb"), "unprintable"},
		"tags that differ in case": {tagged("Env", "prod", "env", "dev"), "case"},
		"reserved tag":             {tagged("aws:principal", "x"), "aws:"},
		"reserved tag in capitals": {tagged("AWS:principal", "x"), "aws:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Identity.WebIdentityToken(t.Context(), rootCaller(s.Account), wanting(c.change))
			coded(t, err, identity.Invalid, c.text)
		})
	}
}

func tagsOf(keys []string) map[string]string {
	tags := map[string]string{}
	for _, k := range keys {
		tags[k] = "v"
	}
	return tags
}

// TestFederationStartsDisabled in every account, a development instance's included, and the refusal begins with the word
// by which tools know it.
func TestFederationStartsDisabled(t *testing.T) {
	for name, opts := range map[string][]servertest.Option{"serve": nil, "dev": {servertest.Dev()}} {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t, opts...)
			_, err := s.Identity.WebIdentityToken(t.Context(), rootCaller(s.Account), wanting())
			coded(t, err, identity.FederationDisabled, "aws iam enable-outbound-web-identity-federation")
			if !strings.HasPrefix(err.Error(), "FeatureDisabledException") {
				t.Errorf("the message is %q", err)
			}
			check(t, s.Identity.CreateAccount(t.Context(), "111122223333"))
			_, err = s.Identity.WebIdentityToken(t.Context(), rootCaller("111122223333"), wanting())
			coded(t, err, identity.FederationDisabled, "111122223333")
		})
	}
}

func TestTokenNeverOutlivesTheSessionThatAsks(t *testing.T) {
	s, _ := federated(t)
	c := roleCaller(t, s, mayGetTokens)
	s.Clock.Advance(56 * time.Minute)
	_, err := s.Identity.WebIdentityToken(t.Context(), c, wanting())
	coded(t, err, identity.DurationEscalation, "DurationSeconds")
	out, err := s.Identity.WebIdentityToken(t.Context(), c, wanting(lasting(3*time.Minute)))
	check(t, err)
	if out.ExpiresAt.After(c.Session.ExpiresAt) {
		t.Errorf("the token ends at %v, the session at %v", out.ExpiresAt, c.Session.ExpiresAt)
	}
	user := &policy.Caller{Account: s.Account, ARN: "arn:aws:iam::" + s.Account + ":user/dev", Kind: policy.KindUser, Policies: c.Policies}
	mint(t, s, user, lasting(time.Hour)) // long-term keys end by nothing
}

func TestTokensFitIntoHeaders(t *testing.T) {
	s, _ := federated(t)
	ten := make([]string, 10)
	for i := range ten {
		ten[i] = fmt.Sprint(i) + strings.Repeat("a", 999)
	}
	for _, alg := range []string{"ES384", "RS256"} {
		if n := len(mint(t, s, rootCaller(s.Account), meantFor(ten...), signedBy(alg))); n > 16<<10 {
			t.Errorf("the token has %d bytes", n)
		}
	}
	tags := map[string]string{}
	for i := range 50 {
		tags[fmt.Sprint("key-", i)] = strings.Repeat("v", 256)
	}
	_, err := s.Identity.WebIdentityToken(t.Context(), rootCaller(s.Account), wanting(func(in *identity.WebIdentityTokenRequest) { in.Tags = tags }))
	coded(t, err, identity.TooLarge, "fewer or shorter")
}

func TestWebIdentityNeedsPermission(t *testing.T) {
	s, _ := federated(t)
	conditional := func(block string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:GetWebIdentityToken","sts:TagGetWebIdentityToken"],"Resource":"*","Condition":` + block + `}]}`
	}
	audiences := conditional(`{"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":["` + audienceURL + `","b"]},"Null":{"sts:IdentityTokenAudience":"false"}}`)
	duration := conditional(`{"NumericLessThanEquals":{"sts:DurationSeconds":"300"}}`)
	algorithm := conditional(`{"StringEquals":{"sts:SigningAlgorithm":"ES384"}}`)
	requestTag := conditional(`{"StringEquals":{"aws:RequestTag/env":"dev"},"ForAllValues:StringEquals":{"aws:TagKeys":["env"]}}`)
	for name, c := range map[string]struct {
		policy  string
		allowed []change
		denied  []change
	}{
		"nothing at all": {servertest.Allow("*", "sts:GetCallerIdentity"), nil, []change{meantFor(audienceURL)}},
		"no tags":        {mayGetTokens, []change{meantFor(audienceURL)}, []change{tagged("env", "dev")}},
		"audiences":      {audiences, []change{meantFor(audienceURL), meantFor("b", audienceURL)}, []change{meantFor("c"), meantFor(audienceURL, "c")}},
		"duration":       {duration, []change{lasting(0), lasting(time.Minute)}, []change{lasting(301 * time.Second)}},
		"algorithm":      {algorithm, []change{signedBy("ES384")}, []change{signedBy("RS256")}},
		"request tags":   {requestTag, []change{tagged("env", "dev")}, []change{tagged("env", "prod"), tagged("env", "dev", "job", "1"), meantFor(audienceURL)}},
	} {
		t.Run(name, func(t *testing.T) {
			caller := roleCaller(t, s, c.policy)
			for i, f := range c.allowed {
				if _, err := s.Identity.WebIdentityToken(t.Context(), caller, wanting(f)); err != nil {
					t.Errorf("allowed %d: %v", i, err)
				}
			}
			for i, f := range c.denied {
				if _, err := s.Identity.WebIdentityToken(t.Context(), caller, wanting(f)); err == nil || err.(*identity.Error).Code != identity.Denied {
					t.Errorf("denied %d: %v", i, err)
				}
			}
		})
	}
}
