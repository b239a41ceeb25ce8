package identity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lanyard-id/lanyard/internal/egress"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

const audienceURL = "https://api.example.com"

// federated is a service whose account issues web identity tokens.
func federated(t testing.TB, opts ...servertest.Option) (*servertest.Service, string) {
	t.Helper()
	s := servertest.New(t, opts...)
	u, err := s.Identity.EnableOutboundFederation(t.Context(), rootCaller(s.Account))
	check(t, err)
	return s, u
}

func rootCaller(account string) *policy.Caller {
	return &policy.Caller{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Name: "root", Kind: policy.KindRoot}
}

// roleCaller is a session of a role that ends in an hour and may do what the policies say.
func roleCaller(t testing.TB, s *servertest.Service, policies ...string) *policy.Caller {
	t.Helper()
	c := &policy.Caller{Account: s.Account, ARN: "arn:aws:sts::" + s.Account + ":assumed-role/Agent/run-7", UserID: "AROAEXAMPLE:run-7", Name: "run-7", Kind: policy.KindRoleSession,
		Session: &policy.Session{RoleARN: "arn:aws:iam::" + s.Account + ":role/team/Agent", RoleID: "AROAEXAMPLE", Name: "run-7", IssuedAt: s.Clock.Now(), ExpiresAt: s.Clock.Now().Add(time.Hour)}}
	for _, p := range policies {
		c.Policies = append(c.Policies, document(t, p))
	}
	return c
}

func document(t testing.TB, text string) *policy.Document {
	t.Helper()
	d, err := policy.Parse("test", []byte(text))
	check(t, err)
	return d
}

var mayGetTokens = servertest.Allow("*", "sts:GetWebIdentityToken")

// wanting is a request for a token; change edits it.
func wanting(change ...func(*identity.WebIdentityTokenRequest)) identity.WebIdentityTokenRequest {
	in := identity.WebIdentityTokenRequest{Audiences: []string{audienceURL}, Algorithm: "ES384"}
	for _, f := range change {
		f(&in)
	}
	return in
}

func signedBy(alg string) func(*identity.WebIdentityTokenRequest) {
	return func(in *identity.WebIdentityTokenRequest) { in.Algorithm = alg }
}

func lasting(d time.Duration) func(*identity.WebIdentityTokenRequest) {
	return func(in *identity.WebIdentityTokenRequest) { in.Duration = d }
}

func meantFor(list ...string) func(*identity.WebIdentityTokenRequest) {
	return func(in *identity.WebIdentityTokenRequest) { in.Audiences = list }
}

func tagged(pairs ...string) func(*identity.WebIdentityTokenRequest) {
	return func(in *identity.WebIdentityTokenRequest) {
		in.Tags = map[string]string{}
		for kv := range slices.Chunk(pairs, 2) {
			in.Tags[kv[0]] = kv[1]
		}
	}
}

// mint asks for a token and expects one.
func mint(t testing.TB, s *servertest.Service, c *policy.Caller, change ...func(*identity.WebIdentityTokenRequest)) string {
	t.Helper()
	out, err := s.Identity.WebIdentityToken(t.Context(), c, wanting(change...))
	check(t, err)
	return out.Token.RevealString()
}

// part decodes the header (0) or the claims (1) of a token.
func part(t testing.TB, token string, n int) map[string]any {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	check(t, err)
	var m map[string]any
	check(t, json.Unmarshal(b, &m))
	return m
}

// outside verifies as a service elsewhere does: it fetches the keys over HTTP and trusts exactly one issuer.
func outside(t testing.TB, s *servertest.Service) *issuer.Verifier {
	t.Helper()
	c, err := egress.New(egress.Config{Loopback: true})
	check(t, err)
	t.Cleanup(c.CloseIdle)
	return issuer.NewVerifier(c, s.Clock.Now)
}

func verify(t testing.TB, v *issuer.Verifier, token, issuerURL, audience string, types ...string) (*issuer.Claims, error) {
	t.Helper()
	return v.Verify(context.Background(), token, func(iss string) (issuer.Trust, bool) {
		return issuer.Trust{Issuer: issuerURL, Audiences: []string{audience}, Types: types}, iss == issuerURL
	})
}

// coded expects a domain refusal with this code and text.
func coded(t testing.TB, err error, code identity.Code, text string) {
	t.Helper()
	e, ok := err.(*identity.Error)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) {
		t.Fatalf("error is %v, want %v with %q", err, code, text)
	}
}

func TestWebIdentityTokenOfARoleSession(t *testing.T) {
	s, iss := federated(t)
	c := roleCaller(t, s, servertest.Allow("*", "sts:*"))
	c.Tags = map[string]string{"team": "search", "env": "prod"}
	c.Session.SourceIdentity, c.Session.FederatedProvider = "alice", "arn:aws:iam::"+s.Account+":oidc-provider/idp.example.com"
	out, err := s.Identity.WebIdentityToken(t.Context(), c, wanting(lasting(10*time.Minute), tagged("job", "nightly")))
	check(t, err)
	token := out.Token.RevealString()

	got := part(t, token, 1)
	iat, exp, jti := got["iat"].(float64), got["exp"].(float64), got["jti"].(string)
	want := map[string]any{
		"iss": iss, "aud": audienceURL, "sub": "arn:aws:iam::000000000000:role/team/Agent", "iat": iat, "exp": iat + 600, "jti": jti,
		"https://sts.amazonaws.com/": map[string]any{
			"aws_account": "000000000000", "source_region": "us-west-2", "principal_id": "arn:aws:iam::000000000000:role/team/Agent",
			"principal_tags": map[string]any{"team": "search", "env": "prod"}, "request_tags": map[string]any{"job": "nightly"},
			"original_session_exp": c.Session.ExpiresAt.UTC().Format(time.RFC3339),
			"federated_provider":   "arn:aws:iam::000000000000:oidc-provider/idp.example.com", "source_identity": "alice",
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("claims differ:\n%s", d)
	}
	if out.ExpiresAt.Unix() != int64(exp) || len(jti) != 36 {
		t.Errorf("ends at %v, exp %v, jti %q", out.ExpiresAt, exp, jti)
	}
	if _, err := verify(t, outside(t, s), token, iss, audienceURL); err != nil {
		t.Error(err)
	}
	if mint(t, s, c) == mint(t, s, c) {
		t.Error("two tokens are the same")
	}
}

// TestWebIdentityTokenLeavesOutWhatHasNoSource also holds for the users and the root of an account.
func TestWebIdentityTokenLeavesOutWhatHasNoSource(t *testing.T) {
	s, _ := federated(t)
	user := &policy.Caller{Account: s.Account, ARN: "arn:aws:iam::" + s.Account + ":user/dev", UserID: "AIDAEXAMPLE", Name: "dev", Kind: policy.KindUser, Policies: []*policy.Document{document(t, mayGetTokens)}}
	for _, c := range []*policy.Caller{user, rootCaller(s.Account)} {
		claims := part(t, mint(t, s, c), 1)
		want := map[string]any{"aws_account": s.Account, "source_region": s.Region, "principal_id": c.ARN}
		if d := cmp.Diff(want, claims["https://sts.amazonaws.com/"]); d != "" || claims["sub"] != c.ARN {
			t.Errorf("%s: sub %v, context differs:\n%s", c.Name, claims["sub"], d)
		}
		if exp := claims["exp"].(float64) - claims["iat"].(float64); exp != 300 {
			t.Errorf("%s: the usual lifetime is %v s", c.Name, exp)
		}
		if names := slices.Sorted(maps.Keys(claims)); strings.Join(names, " ") != "aud exp https://sts.amazonaws.com/ iat iss jti sub" {
			t.Errorf("%s: claims are %v", c.Name, names)
		}
	}
}

func TestWebIdentitySubjectForms(t *testing.T) {
	for form, want := range map[identity.SubjectForm]string{
		"":                      "arn:aws:iam::000000000000:role/team/Agent",
		identity.SubjectRole:    "arn:aws:iam::000000000000:role/team/Agent",
		identity.SubjectSession: "arn:aws:sts::000000000000:assumed-role/Agent/run-7",
	} {
		t.Run("account "+string(form), func(t *testing.T) {
			s, _ := federated(t)
			if form != "" {
				check(t, s.Identity.SetWebIdentitySubject(t.Context(), s.Account, form))
			}
			claims := part(t, mint(t, s, roleCaller(t, s, mayGetTokens)), 1)
			principal := claims["https://sts.amazonaws.com/"].(map[string]any)["principal_id"]
			if claims["sub"] != want || principal != "arn:aws:iam::000000000000:role/team/Agent" {
				t.Errorf("sub is %v of principal %v, want %s", claims["sub"], principal, want)
			}
		})
		t.Run("configured "+string(form), func(t *testing.T) {
			s, _ := federated(t, servertest.Configure(func(c *identity.Config) { c.WebIdentitySubject = form }))
			if got := part(t, mint(t, s, roleCaller(t, s, mayGetTokens)), 1)["sub"]; got != want {
				t.Errorf("sub is %v, want %s", got, want)
			}
		})
	}
	s, _ := federated(t)
	coded(t, s.Identity.SetWebIdentitySubject(t.Context(), s.Account, "user"), identity.Invalid, "not one of")
}

func TestWebIdentityAudienceIsAStringOrAnArray(t *testing.T) {
	s, iss := federated(t)
	c, v := roleCaller(t, s, mayGetTokens), outside(t, s)
	one := mint(t, s, c)
	if got := part(t, one, 1)["aud"]; got != audienceURL {
		t.Errorf("aud of one is %v", got)
	}
	ten := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", audienceURL}
	many := mint(t, s, c, meantFor(ten...))
	got, _ := part(t, many, 1)["aud"].([]any)
	if len(got) != 10 || got[0] != "a" || got[9] != audienceURL {
		t.Errorf("aud of ten is %v", got)
	}
	for _, token := range []string{one, many} {
		if _, err := verify(t, v, token, iss, audienceURL); err != nil {
			t.Error(err)
		}
	}
}

func TestWebIdentityAlgorithms(t *testing.T) {
	s, iss := federated(t)
	v, kids := outside(t, s), map[any]bool{}
	for _, alg := range []string{"ES384", "RS256"} {
		token := mint(t, s, roleCaller(t, s, mayGetTokens), signedBy(alg))
		h := part(t, token, 0)
		if len(h) != 3 || h["alg"] != alg || h["typ"] != "JWT" {
			t.Errorf("header is %v", h)
		}
		kids[h["kid"]] = true
		c, err := verify(t, v, token, iss, audienceURL)
		check(t, err)
		if c.Algorithm != alg || c.KeyID != h["kid"] {
			t.Errorf("verified as %+v", c)
		}
	}
	if len(kids) != 2 {
		t.Errorf("the keys are %v", kids)
	}
}

// TestWebIdentityTokenIsAuditedWithoutItself: who asked, for which audiences, and the token's id and key.
func TestWebIdentityTokenIsAuditedWithoutItself(t *testing.T) {
	s, _ := federated(t)
	c := roleCaller(t, s, mayGetTokens)
	token := mint(t, s, c, meantFor(audienceURL, "second\u2028line"))
	r := audited(t, s, identity.AuditFilter{Action: "sts:GetWebIdentityToken"}, part(t, token, 1)["jti"].(string))
	kid := part(t, token, 0)["kid"].(string)
	if r.Result != identity.AuditAllowed || r.Caller != c.ARN || !strings.Contains(r.Reason, kid) || !strings.Contains(r.Reason, `"`+audienceURL+`"`) {
		t.Errorf("the record is %+v", r)
	}
	signature := token[strings.LastIndexByte(token, '.')+1:]
	all, err := json.Marshal(s.Audit(t, identity.AuditFilter{}))
	check(t, err)
	if strings.Contains(string(all)+s.Logs(), signature) {
		t.Error("the token's signature is in the audit or the log")
	}
}
