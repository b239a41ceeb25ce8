package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

const (
	bindingSigner = "arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/front/50dc6c495c0c9188"
	bindingIssuer = "https://login.example.com"
)

// readyLog is a log that tells the address in its line "ready".
type readyLog struct {
	mu      sync.Mutex
	text    bytes.Buffer
	address chan string
}

func (l *readyLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var line struct{ Msg, Listen string }
	if json.Unmarshal(p, &line) == nil && line.Msg == "ready" {
		l.address <- line.Listen
	}
	return l.text.Write(p)
}

func (l *readyLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// binding is `lanyard session-binding` at work before a whole service, behind a front door that the test plays.
type binding struct {
	t       *testing.T
	service *servertest.Service
	agent   *servertest.Agent
	key     *ecdsa.PrivateKey
	url     string
	log     *readyLog
}

// newBinding starts the command with the policy that it prints, and ends it with the test.
func newBinding(t *testing.T, settings string) *binding {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = pem.Encode(w, &pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}))
	t.Cleanup(keys.Close)
	s := servertest.New(t)
	b := &binding{t: t, service: s, agent: s.NewAgent(t), key: key, log: &readyLog{address: make(chan string, 1)}}
	_, policy, _ := cli(t, nil, "session-binding", "--print-policy")
	cred := s.User(t, "session-binding", policy)
	path := filepath.Join(t.TempDir(), "session-binding.yaml")
	config := fmt.Sprintf("listen: 127.0.0.1:0\nendpoint: %s\nregion: us-west-2\nsigner: %s\nclient: client-1\nissuer: %s\nkeys_url: %s\n%s", s.URL, bindingSigner, bindingIssuer, keys.URL, settings)
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	env := testEnvironment(map[string]string{"AWS_ACCESS_KEY_ID": cred.AccessKeyID, "AWS_SECRET_ACCESS_KEY": cred.Secret}, io.Discard, b.log, "session-binding", "--config", path)
	env.now = s.Clock.Now
	b.start(env)
	return b
}

func (b *binding) start(env *environment) {
	b.t.Helper()
	ctx, stop := newContext(b.t)
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, env) }()
	select {
	case address := <-b.log.address:
		b.url = "http://" + address
	case code := <-ended:
		b.t.Fatalf("it ended with %d: %s", code, b.log)
	}
	b.t.Cleanup(func() {
		stop()
		if code := <-ended; code != 0 || !strings.Contains(b.log.String(), "letting requests finish") {
			b.t.Errorf("stopped with %d: %s", code, b.log)
		}
	})
}

// header is what the front door says of a user.
func (b *binding) header(user string) string {
	b.t.Helper()
	e, exp := base64.URLEncoding, b.service.Clock.Now().Add(2*time.Minute).Unix()
	signed := e.EncodeToString(fmt.Appendf(nil, `{"typ":"JWT","kid":"key-1","alg":"ES256","iss":%q,"client":"client-1","signer":%q,"exp":%d}`, bindingIssuer, bindingSigner, exp)) +
		"." + e.EncodeToString(fmt.Appendf(nil, `{"sub":%q,"iss":%q,"exp":%d}`, user, bindingIssuer, exp))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, b.key, digest[:])
	if err != nil {
		b.t.Fatal(err)
	}
	return signed + "." + e.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// visit opens the page with the query with which the browser came back, as a user whom the front door signed in, with
// further headers.
func (b *binding) visit(back, user string, more ...string) (int, string) {
	b.t.Helper()
	_, query, _ := strings.Cut(back, "?")
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+sessionbinding.Path+"?"+query, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if user != "" {
		r.Header.Set(oidcdata.HeaderData, b.header(user))
	}
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// ends demands the ending of a visit.
func (b *binding) ends(back, user string, status int, says string, more ...string) {
	b.t.Helper()
	code, body := b.visit(back, user, more...)
	if code != status || !strings.Contains(body, says) {
		b.t.Errorf("as %q: %d, want %d and %q\n%s\n%s", user, code, status, says, body, b.log)
	}
}

// begin has the agent ask for a user, and the user consent. It returns where the browser comes back.
func (b *binding) begin(user string, change ...func(*data.GetResourceOauth2TokenInput)) string {
	b.t.Helper()
	return b.service.Consent(b.t, *b.agent.Begin(b.t, user, change...).AuthorizationUrl)
}

// TestSessionBindingForTwoUsers: each gets a grant of their own.
func TestSessionBindingForTwoUsers(t *testing.T) {
	b := newBinding(t, "environment: test\n")
	alice, bob := b.begin("alice"), b.begin("bob")
	b.ends(bob, "bob", 200, "Authorization complete")
	b.ends(alice, "alice", 200, "Authorization complete")
	if first, second := b.agent.Get(t, "alice"), b.agent.Get(t, "bob"); first == second {
		t.Error("two users share a token")
	}
	b.ends(alice, "alice", 401, "used already")
	resp, err := http.Get(b.url + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(body), `"healthy"`) {
		t.Errorf("%s %v", body, err)
	}
	for _, secret := range []string{servertest.SessionURI(t, alice), servertest.SessionURI(t, bob), `"alice"`, `"bob"`} {
		saysNot(t, b.log.String(), secret)
	}
}

// TestA08_TheVictimDoesNotConnectForTheAttacker: the attacker begins, the victim consents and comes back.
func TestA08_TheVictimDoesNotConnectForTheAttacker(t *testing.T) {
	b := newBinding(t, "")
	back := b.begin("mallory")
	b.ends(back, "alice", 401, "opened for another account")
	if n := len(b.service.Grants(t)); n != 0 {
		t.Fatalf("%d grants", n)
	}
	b.ends(back, "", 401, "not signed in")
	b.ends(back+"&user=mallory", "alice", 400, "not complete")
	b.ends(back, "mallory", 200, "Authorization complete") // whom it was for may still end it
}

// TestA13_SessionsThatAreNone: guessed, too old, not consented to.
func TestA13_SessionsThatAreNone(t *testing.T) {
	b := newBinding(t, "")
	b.ends("?session_id=urn:ietf:params:oauth:request_uri:guessed-guessed-guessed", "alice", 401, "cannot be used here")
	begun := b.agent.Begin(t, "alice")
	b.ends("?session_id="+*begun.SessionUri, "alice", 401, "not there yet")
	back := b.service.Consent(t, *begun.AuthorizationUrl)
	b.service.Clock.Advance(11 * time.Minute)
	b.ends(back, "alice", 401, "too old")
	if n := len(b.service.Grants(t)); n != 0 {
		t.Errorf("%d grants", n)
	}
}

// TestA09_StateBindsTheConsentToItsUser: with a key, a consent that this application did not begin for the user who comes
// back ends before the service is asked.
func TestA09_StateBindsTheConsentToItsUser(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	file := filepath.Join(t.TempDir(), "state.key")
	if err := os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBinding(t, "state_key_file: "+file+"\n")
	state, err := sessionbinding.NewState(key, b.service.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	with := func(user string) func(*data.GetResourceOauth2TokenInput) {
		return func(in *data.GetResourceOauth2TokenInput) { in.CustomState = aws.String(state.Issue(user)) }
	}
	b.ends(b.begin("bob"), "bob", 403, "not begun by you")
	b.ends(b.begin("carol", with("mallory")), "carol", 403, "not begun by you")
	back := b.begin("alice", with("alice"))
	b.ends(back, "bob", 403, "not begun by you")
	b.ends(back, "alice", 200, "Authorization complete")
}

// TestSessionBindingByJWT: where a signer is configured too, the JWT alone does not do.
func TestSessionBindingByJWT(t *testing.T) {
	b := newBinding(t, "user: jwt\njwt_header: X-Amzn-Oidc-Accesstoken\n")
	users := b.service.NewIssuer(t)
	if err := b.service.Identity.PutInboundIssuer(t.Context(), b.service.Account, "", issuer.Trust{Issuer: users.URL, Audiences: []string{"lanyard"}}); err != nil {
		t.Fatal(err)
	}
	jwt := func(user, id string) string { return users.Mint(t, user, time.Hour, map[string]any{"jti": id}) }
	wat, err := b.agent.Data.GetWorkloadAccessTokenForJWT(t.Context(), &data.GetWorkloadAccessTokenForJWTInput{WorkloadName: &b.agent.Workload, UserToken: aws.String(jwt("alice", "1"))})
	if err != nil {
		t.Fatal(err)
	}
	begun, err := b.agent.Ask(*wat.WorkloadAccessToken)
	if err != nil {
		t.Fatal(err)
	}
	back := b.service.Consent(t, *begun.AuthorizationUrl)
	b.ends(back, "alice", 401, "not signed in")
	b.ends(back, "", 401, "not signed in", oidcdata.HeaderAccessToken, jwt("alice", "2"))
	b.ends(back, "bob", 401, "opened for another account", oidcdata.HeaderAccessToken, jwt("bob", "3"))
	forged := jwt("alice", "4")
	b.ends(back, "bob", 401, "cannot be used here", oidcdata.HeaderAccessToken, forged[:strings.LastIndex(forged, ".")+1]+strings.Repeat("A", 86))
	b.ends(back, "alice", 200, "Authorization complete", oidcdata.HeaderAccessToken, jwt("alice", "5"))
}

// TestSessionBindingWithoutItsPermission: the person is told that it is not their mistake, and the operator what to mend.
func TestSessionBindingWithoutItsPermission(t *testing.T) {
	b := newBinding(t, "")
	back := b.begin("alice")
	other := servertest.Allow("*", "bedrock-agentcore:GetResourceOauth2Token")
	if err := b.service.Identity.PutUserPolicy(t.Context(), identity.LocalAdmin(b.service.Account), "session-binding", "policy", other); err != nil {
		t.Fatal(err)
	}
	b.ends(back, "alice", 401, "not allowed to finish")
	says(t, b.log.String(), `"level":"ERROR"`, `"ending":"not permitted"`, `"exception":"AccessDeniedException"`, "LanyardSessionBinding")
}

// TestA53_ThePrintedPolicyAsksForNoToken: the page's principal completes, and can do nothing else.
func TestA53_ThePrintedPolicyAsksForNoToken(t *testing.T) {
	_, policy, _ := cli(t, nil, "session-binding", "--print-policy")
	s := servertest.New(t)
	agent := s.NewAgent(t)
	asPage := agent.At(s, s.User(t, "page", policy))
	if _, err := asPage.Data.GetWorkloadAccessTokenForUserId(t.Context(), &data.GetWorkloadAccessTokenForUserIdInput{WorkloadName: &agent.Workload, UserId: aws.String("alice")}); err == nil {
		t.Error("the page gets workload access tokens")
	}
	if _, err := asPage.Ask(agent.Token(t, "alice")); err == nil {
		t.Error("the page gets resource tokens")
	}
	back := s.Consent(t, *agent.Begin(t, "alice").AuthorizationUrl)
	if err := asPage.Complete(servertest.SessionURI(t, back), "alice"); err != nil {
		t.Error(err)
	}
}
