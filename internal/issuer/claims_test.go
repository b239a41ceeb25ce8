package issuer

import (
	"crypto/elliptic"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// newSigner returns an issuer with one key, and its pen.
func newSigner(t *testing.T) (*idp, func(header, claims map[string]any) string) {
	key := ecKey(elliptic.P256())
	return newIDP(t, public("k1", key)), func(header, claims map[string]any) string {
		return sign(jose.ES256, key, header, claimSet(claims))
	}
}

func TestA20_IssuerLookAlikes(t *testing.T) {
	for _, iss := range []string{
		"https://idp.example/tenant/", "https://idp.example/Tenant", "https://IDP.example/tenant", "http://idp.example/tenant",
		"https://idp.example:443/tenant", "https://idp.example/tenant?", "https://idp.example/./tenant", "https://idp.example/tenant%2f",
		"https://idp.example", "https://evil.example/tenant", "https://idp.example.evil.example/tenant", " https://idp.example/tenant",
		"https://idp.example@evil.example/tenant", "https://\u0456dp.example/tenant", "idp.example/tenant",
	} {
		p, pen := newSigner(t)
		if e := p.wantRefused(pen(nil, map[string]any{"iss": iss}), UntrustedIssuer); e.Issuer != iss {
			t.Errorf("Issuer %q, want %q", e.Issuer, iss)
		}
		if p.total() != 0 {
			t.Errorf("%s: an untrusted issuer caused %d requests", iss, p.total())
		}
	}
}

func TestA20_TrustForAnotherIssuerIsNotBorrowed(t *testing.T) {
	p, pen := newSigner(t)
	token := pen(nil, map[string]any{"iss": "https://evil.example"})
	_, err := p.verifier.Verify(t.Context(), token, func(string) (Trust, bool) { return p.trusted, true })
	if err == nil || err.(*Error).Reason != UntrustedIssuer {
		t.Errorf("%v, want UntrustedIssuer", err)
	}
}

func TestA20_Audience(t *testing.T) {
	for name, tc := range map[string]struct {
		claims   map[string]any
		accepted bool
	}{
		"listed":                  {map[string]any{"aud": testAudience}, true},
		"one of several":          {map[string]any{"aud": []string{"other", testAudience}}, true},
		"no aud, listed client":   {map[string]any{"aud": nil, "client_id": "app"}, true},
		"other aud, listed azp":   {map[string]any{"aud": "other", "azp": "app"}, true},
		"other":                   {map[string]any{"aud": "https://other.example"}, false},
		"prefix":                  {map[string]any{"aud": testAudience + "/x"}, false},
		"case":                    {map[string]any{"aud": strings.ToUpper(testAudience)}, false},
		"none":                    {map[string]any{"aud": nil}, false},
		"empty":                   {map[string]any{"aud": ""}, false},
		"empty list":              {map[string]any{"aud": []string{}}, false},
		"client id as aud":        {map[string]any{"aud": "app"}, false},
		"audience as client":      {map[string]any{"aud": nil, "client_id": testAudience}, false},
		"other client":            {map[string]any{"aud": nil, "client_id": "app2"}, false},
		"client_id overrides azp": {map[string]any{"aud": nil, "client_id": "evil", "azp": "app"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, pen := newSigner(t)
			if tc.accepted {
				p.wantAccepted(pen(nil, tc.claims))
				return
			}
			p.wantRefused(pen(nil, tc.claims), Audience)
			if p.total() != 0 {
				t.Errorf("a foreign token caused %d requests", p.total())
			}
		})
	}
}

func TestA20_EmptyTrustRefusesEverything(t *testing.T) {
	p, pen := newSigner(t)
	p.trusted = Trust{Issuer: testIssuer}
	p.wantRefused(pen(nil, nil), Audience)
	p.wantRefused(pen(nil, map[string]any{"aud": "", "client_id": ""}), Audience)
	p.trusted = Trust{Issuer: testIssuer, Audiences: []string{""}, ClientIDs: []string{""}}
	p.wantRefused(pen(nil, map[string]any{"aud": ""}), Audience)
	p.trusted = Trust{Issuer: testIssuer, AnyAudience: true}
	p.wantAccepted(pen(nil, map[string]any{"aud": nil}))
}

func TestA20_AudienceIsCheckedOnEveryCall(t *testing.T) {
	p, pen := newSigner(t)
	token := pen(nil, nil)
	p.wantAccepted(token)
	p.trusted.Audiences = []string{"https://moved.example"}
	p.wantRefused(token, Audience)
	p.trusted.Issuer = "https://idp.example/other"
	p.wantRefused(token, UntrustedIssuer)
}

func TestA21_Times(t *testing.T) {
	at := func(d time.Duration) int64 { return epoch.Add(d).Unix() }
	for name, tc := range map[string]struct {
		claims map[string]any
		reason Reason // empty: accepted
	}{
		"no exp":                {map[string]any{"exp": nil}, NoExpiry},
		"expired":               {map[string]any{"exp": at(-time.Second)}, Expired},
		"expires now":           {map[string]any{"exp": at(0)}, Expired},
		"last second":           {map[string]any{"exp": at(time.Second)}, ""},
		"expired within leeway": {map[string]any{"exp": at(-30 * time.Second)}, Expired},
		"fraction":              {map[string]any{"exp": float64(at(0)) + 0.9}, Expired},
		"exp 0":                 {map[string]any{"exp": 0}, Expired},
		"exp string":            {map[string]any{"exp": "9999999999"}, Malformed},
		"exp null":              {map[string]any{"exp": rawNull{}}, Malformed},
		"exp negative":          {map[string]any{"exp": -1}, Malformed},
		"exp beyond time":       {map[string]any{"exp": 1e300}, Malformed},
		"exp true":              {map[string]any{"exp": true}, Malformed},
		"nbf soon":              {map[string]any{"nbf": at(59 * time.Second)}, ""},
		"nbf later":             {map[string]any{"nbf": at(61 * time.Second)}, NotYetValid},
		"nbf string":            {map[string]any{"nbf": "0"}, Malformed},
		"iat soon":              {map[string]any{"iat": at(59 * time.Second)}, ""},
		"iat later":             {map[string]any{"iat": at(61 * time.Second)}, NotYetValid},
		"no iat":                {map[string]any{"iat": nil}, ""},
		"31 days":               {map[string]any{"exp": at(maxLifetime)}, ""},
		"longer":                {map[string]any{"exp": at(maxLifetime + time.Second)}, TooLongLived},
		"longer without iat":    {map[string]any{"iat": nil, "exp": at(maxLifetime + time.Second)}, TooLongLived},
		"longer, old iat":       {map[string]any{"iat": at(-maxLifetime), "exp": at(time.Hour)}, TooLongLived},
	} {
		t.Run(name, func(t *testing.T) {
			p, pen := newSigner(t)
			token := pen(nil, tc.claims)
			if tc.reason == "" {
				p.wantAccepted(token)
				return
			}
			p.wantRefused(token, tc.reason)
		})
	}
}

type rawNull struct{}

func (rawNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func TestA21_CachedTokenExpires(t *testing.T) {
	p, pen := newSigner(t)
	token := pen(nil, map[string]any{"exp": epoch.Add(5 * time.Minute).Unix()})
	p.wantAccepted(token)
	p.advance(5*time.Minute - time.Second)
	p.wantAccepted(token)
	p.advance(time.Second)
	p.wantRefused(token, Expired)
}

func TestA60_Subject(t *testing.T) {
	for name, tc := range map[string]struct {
		sub    any
		reason Reason
	}{
		"absent":       {nil, NoSubject},
		"empty":        {"", NoSubject},
		"number":       {42, Malformed},
		"list":         {[]string{"a"}, Malformed},
		"too long":     {strings.Repeat("a", maxSubjectBytes+1), Malformed},
		"zero byte":    {"user-1\x00", Malformed},
		"line break":   {"user-1\nadmin", Malformed},
		"escape":       {"user-1\x1b[2J", Malformed},
		"delete":       {"user-1\x7f", Malformed},
		"C1 control":   {"user-1\u0085", Malformed},
		"longest":      {strings.Repeat("a", maxSubjectBytes), ""},
		"any language": {"Zoë|auth0/ユーザー", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, pen := newSigner(t)
			token := pen(nil, map[string]any{"sub": tc.sub})
			if tc.reason == "" {
				if c := p.wantAccepted(token); c.Subject != tc.sub {
					t.Errorf("subject %q, want %q", c.Subject, tc.sub)
				}
				return
			}
			p.wantRefused(token, tc.reason)
		})
	}
}

// Two different half surrogates decode to the same replacement character.
func TestA60_SubjectsThatDecodeAlike(t *testing.T) {
	key := ecKey(elliptic.P256())
	p := newIDP(t, public("k1", key))
	for _, sub := range []string{`\ud800`, `\ud801`, `\udfff`} {
		payload := strings.Replace(string(encode(claimSet(nil))), "user-1", sub, 1)
		p.wantRefused(signRaw(jose.ES256, key, []byte(`{"alg":"ES256","kid":"k1"}`), []byte(payload)), Malformed)
	}
}

func TestA61_OtherKindsOfToken(t *testing.T) {
	for _, typ := range []string{"logout+jwt", "dpop+jwt", "secevent+jwt", "token-introspection+jwt", "oauth-authz-req+jwt", "application/logout+jwt", "JOSE", "web-identity+jwt", "jwt2"} {
		p, pen := newSigner(t)
		p.wantRefused(pen(map[string]any{"typ": typ}, nil), Type)
		if p.total() != 0 {
			t.Errorf("%s caused %d requests", typ, p.total())
		}
	}
	for _, typ := range []any{"JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt", "", nil} {
		p, pen := newSigner(t)
		p.wantAccepted(pen(map[string]any{"typ": typ}, nil))
	}
}

func TestA61_CallerMayExpectItsOwnKind(t *testing.T) {
	p, pen := newSigner(t)
	p.trusted.Types = []string{"oauth-id-jag+jwt"}
	p.wantAccepted(pen(map[string]any{"typ": "oauth-id-jag+jwt"}, nil))
	p.wantRefused(pen(map[string]any{"typ": "JWT"}, nil), Type)
	p.wantRefused(pen(map[string]any{"typ": nil}, nil), Type)
}

func TestMalformedClaims(t *testing.T) {
	many := make([]string, maxAudiences+1)
	for name, claims := range map[string]map[string]any{
		"no issuer":        {"iss": nil},
		"issuer number":    {"iss": 1},
		"issuer too long":  {"iss": "https://" + strings.Repeat("a", maxIssuerBytes)},
		"issuer control":   {"iss": testIssuer + "\r\n"},
		"aud number":       {"aud": 1},
		"aud mixed":        {"aud": []any{testAudience, 1}},
		"aud object":       {"aud": map[string]any{testAudience: true}},
		"too many auds":    {"aud": many},
		"client_id number": {"client_id": 1},
		"azp list":         {"azp": []string{"app"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, pen := newSigner(t)
			p.wantRefused(pen(nil, claims), Malformed)
		})
	}
}

func TestScopeForms(t *testing.T) {
	for want, claims := range map[string]map[string]any{
		"read write": {"scope": "read write"},
		"User.Read":  {"scp": "User.Read"},
		"a b":        {"scp": []string{"a", "b"}},
		"first":      {"scope": "first", "scp": "second"},
		"":           {"scope": 1},
	} {
		p, pen := newSigner(t)
		if c := p.wantAccepted(pen(nil, claims)); c.Scope != want {
			t.Errorf("scope %q, want %q", c.Scope, want)
		}
	}
}

func TestCallersCannotChangeWhatIsRemembered(t *testing.T) {
	p, pen := newSigner(t)
	token := pen(nil, nil)
	first := p.wantAccepted(token)
	first.Subject, first.Audience[0], first.Raw["sub"] = "admin", "x", "admin"
	second := p.wantAccepted(token)
	if second.Subject != "user-1" || second.Audience[0] != testAudience || second.Raw["sub"] != "user-1" {
		t.Errorf("the second caller got %+v", second)
	}
}
