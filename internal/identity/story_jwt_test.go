package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	dtypes "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore/types"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// jwtAgent is an agent whose users come with JWTs of a listed issuer.
type jwtAgent struct {
	*servertest.Agent
	iss *servertest.Issuer
}

func newJWTAgent(t *testing.T) *jwtAgent {
	t.Helper()
	s := servertest.New(t)
	a := &jwtAgent{s.NewAgent(t), s.NewIssuer(t)}
	a.trust(t, a.iss)
	return a
}

func (a *jwtAgent) trust(t *testing.T, iss *servertest.Issuer) {
	t.Helper()
	check(t, a.Service.Identity.PutInboundIssuer(context.Background(), a.Service.Account, "", issuer.Trust{Issuer: iss.URL, Audiences: []string{"lanyard"}}))
}

func (a *jwtAgent) token(jwt string) (string, error) {
	out, err := a.Data.GetWorkloadAccessTokenForJWT(context.Background(), &data.GetWorkloadAccessTokenForJWTInput{WorkloadName: &a.Workload, UserToken: &jwt})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.WorkloadAccessToken), nil
}

func (a *jwtAgent) complete(sessionURI, jwt string) error {
	_, err := a.Data.CompleteResourceTokenAuth(context.Background(), &data.CompleteResourceTokenAuthInput{
		SessionUri: &sessionURI, UserIdentifier: &dtypes.UserIdentifierMemberUserToken{Value: jwt}})
	return err
}

// TestA60_JWTUsersAreKnownByIssuerAndSubject: a JWT minted anew for the same user completes the session, one of another user
// or of the same subject elsewhere does not, and neither does the user id that spells the same.
func TestA60_JWTUsersAreKnownByIssuerAndSubject(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	elsewhere := a.Service.NewIssuer(t)
	a.trust(t, elsewhere)
	token, err := a.token(a.iss.Mint(t, "alice", time.Hour, nil))
	check(t, err)
	begun, err := a.Ask(token)
	check(t, err)
	back := servertest.SessionURI(t, a.Service.Consent(t, *begun.AuthorizationUrl))
	refused(t, a.complete(back, a.iss.Mint(t, "bob", time.Hour, nil)), api.AccessDeniedException, "it was begun for another user")
	refused(t, a.complete(back, elsewhere.Mint(t, "alice", time.Hour, nil)), api.AccessDeniedException, "it was begun for another user")
	refused(t, a.Complete(back, "alice"), api.AccessDeniedException, "it was begun for another user")
	refused(t, a.complete(back, a.iss.Mint(t, "alice", time.Hour, map[string]any{"aud": "elsewhere"})), api.UnauthorizedException, "")
	a.Service.Clock.Advance(time.Minute)
	check(t, a.complete(back, a.iss.Mint(t, "alice", 2*time.Hour, nil)))
	out, err := a.Ask(token)
	check(t, err)
	if out.AccessToken == nil {
		t.Error("the grant is not found")
	}
	token, err = a.token(elsewhere.Mint(t, "alice", time.Hour, nil))
	check(t, err)
	if out, err = a.Ask(token); err != nil || out.AccessToken != nil {
		t.Errorf("the same subject of another issuer was served: %v", err)
	}
}

// TestLargeJWTRestsSealed: a JWT that does not fit into a header rests sealed in a row until it expires; the token stays
// small and works the same.
func TestLargeJWTRestsSealed(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	for _, size := range []int{100, 4000, 90_000} {
		jwt := a.iss.Mint(t, "alice", time.Hour, map[string]any{"groups": strings.Repeat("g", size)})
		token, err := a.token(jwt)
		check(t, err)
		if len(token) > 3*1024 {
			t.Errorf("a JWT of %d bytes makes a token of %d", len(jwt), len(token))
		}
		if _, err := a.Ask(token); err != nil {
			t.Errorf("%d: %v", size, err)
		}
	}
	if n := rows(t, a.Service, "SELECT COUNT(*) FROM inbound_tokens"); n != 2 {
		t.Errorf("%d JWTs rest in rows, want the two large ones", n)
	}
	a.Service.Clock.Advance(2 * time.Hour)
	check(t, a.Service.Identity.Sweep(context.Background(), 0))
	if n := rows(t, a.Service, "SELECT COUNT(*) FROM inbound_tokens"); n != 0 {
		t.Errorf("%d expired JWTs are kept", n)
	}
}

// TestTokenNeverOutlivesItsJWT: the workload access token ends with the JWT that bought it.
func TestTokenNeverOutlivesItsJWT(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	token, err := a.token(a.iss.Mint(t, "alice", 5*time.Minute, nil))
	check(t, err)
	a.Service.Clock.Advance(5 * time.Minute)
	_, err = a.Ask(token)
	refused(t, err, api.UnauthorizedException, "expired at")
}

// TestA20_OnlyListedIssuersAndAudiences: a token that another application got from a listed issuer buys nothing, nor does
// one of an unlisted issuer that looks alike; a workload identity with a list of its own uses that alone.
func TestA20_OnlyListedIssuersAndAudiences(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	stranger := a.Service.NewIssuer(t)
	for name, jwt := range map[string]string{
		"unlisted issuer":   stranger.Mint(t, "alice", time.Hour, nil),
		"claims the listed": stranger.Mint(t, "alice", time.Hour, map[string]any{"iss": a.iss.URL}),
		"look-alike":        a.iss.Mint(t, "alice", time.Hour, map[string]any{"iss": a.iss.URL + "/"}),
		"other audience":    a.iss.Mint(t, "alice", time.Hour, map[string]any{"aud": []string{"another-app"}}),
		"no subject":        a.iss.Mint(t, "", time.Hour, nil),
		"expired (A21)":     a.iss.Mint(t, "alice", -time.Second, nil),
		"from tomorrow":     a.iss.Mint(t, "alice", 48*time.Hour, map[string]any{"nbf": a.Service.Clock.Now().Add(24 * time.Hour).Unix()}),
	} {
		_, err := a.token(jwt)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		refused(t, err, api.UnauthorizedException, "")
	}
	if n := len(a.Service.Audit(t, identity.AuditFilter{Action: "bedrock-agentcore:GetWorkloadAccessTokenForJWT", Result: identity.AuditDenied})); n != 7 {
		t.Errorf("%d refusals audited, want 7", n)
	}
	check(t, a.Service.Identity.PutInboundIssuer(t.Context(), a.Service.Account, a.Workload, issuer.Trust{Issuer: stranger.URL, Audiences: []string{"lanyard"}}))
	if _, err := a.token(stranger.Mint(t, "alice", time.Hour, nil)); err != nil {
		t.Errorf("the workload's own issuer is refused: %v", err)
	}
	_, err := a.token(a.iss.Mint(t, "alice", time.Hour, nil))
	refused(t, err, api.UnauthorizedException, "admin issuer add")
}

// TestA23_RevokedUserStaysRefused: a user whose tokens were revoked gets in again only with what was minted afterwards.
func TestA23_RevokedUserStaysRefused(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	jwt := a.iss.Mint(t, "alice", time.Hour, nil)
	token, err := a.token(jwt)
	check(t, err)
	begun, err := a.Ask(token)
	check(t, err)
	back := servertest.SessionURI(t, a.Service.Consent(t, *begun.AuthorizationUrl))
	check(t, a.Service.Identity.RevokeTokens(t.Context(), a.Service.Account, "", identity.User{Issuer: a.iss.URL, Subject: "alice"}.Key()))
	_, err = a.Ask(token)
	refused(t, err, api.UnauthorizedException, "was revoked")
	refused(t, a.complete(back, jwt), api.UnauthorizedException, "was revoked")
}
