package devidp_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/devidp"
	"github.com/lanyard-id/lanyard/internal/devidp/devidptest"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/server"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

const (
	poolPassword  = "correct-horse-battery"
	instanceUUID  = "/identities/oauth2/callback/da484587-7e5b-4a88-5b96-f16a8593e18c"
	standIn       = "https://bedrock-agentcore.us-west-2.amazonaws.com/identities/oauth2/callback"
	idpURL        = "https://cognito-idp.us-west-2.amazonaws.com/"
	targetVersion = "AWSCognitoIdentityProviderService."
)

// poolWorld is a whole service with user pools, called over the wire.
type poolWorld struct {
	*servertest.Service
	t       *testing.T
	pools   *devidp.Pools
	records *devidptest.Store
}

// poolKey is the one key of all pools here: making one is costly.
var poolKey = sync.OnceValue(func() *issuer.SigningKey {
	key, err := issuer.GenerateKey("RS256", nil)
	if err != nil {
		panic(err)
	}
	return key
})

// late is wired into the edge before the pools are made.
type late struct{ server.UserPools }

func newPoolWorld(t *testing.T) *poolWorld {
	t.Helper()
	w := &poolWorld{t: t}
	wire := &late{}
	w.Service = servertest.New(t, servertest.Dev(), servertest.Edge(func(c *server.Config) {
		c.UserPools = wire
		c.Extra = map[string]http.Handler{devidp.PoolsPath: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.pools.Handler().ServeHTTP(rw, r)
		})}
	}))
	w.records = devidptest.NewStore(w.Clock.Now)
	w.pools = w.newPools()
	wire.UserPools = w.pools
	return w
}

func (w *poolWorld) newPools() *devidp.Pools {
	w.t.Helper()
	pools, err := devidp.NewPools(devidp.PoolsConfig{Identity: w.Identity, Region: w.Region, PublicURL: w.Public, Store: w.records,
		Now: w.Clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	pools.Cheapen(poolKey())
	return pools
}

type members = map[string]any

// as calls an operation with credentials; of those that are unsigned it sends no signature.
func (w *poolWorld) as(c servertest.Credentials, op api.Operation, in members) *servertest.Answer {
	w.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, w.URL+"/", strings.NewReader(string(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", targetVersion+op.Name)
	if !op.Unsigned {
		w.Sign(w.t, c, r, "cognito-idp")
	}
	a := w.Do(w.t, r)
	if got := a.Header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
		w.t.Errorf("%s: Content-Type %q", op.Name, got)
	}
	if a.Status >= 400 {
		a.Into(w.t, &a.Exception)
	}
	return a
}

// call expects success and returns the answer.
func (w *poolWorld) call(op api.Operation, in members) members {
	w.t.Helper()
	a := w.as(w.Root, op, in)
	if a.Status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", op.Name, a.Status, a.Body)
	}
	var out members
	a.Into(w.t, &out)
	return out
}

// refused expects an exception of this name, in the protocol's form, and returns its message.
func (w *poolWorld) refused(op api.Operation, in members, want api.ExceptionName) string {
	w.t.Helper()
	return w.isRefusal(w.as(w.Root, op, in), want)
}

func (w *poolWorld) isRefusal(a *servertest.Answer, want api.ExceptionName) string {
	w.t.Helper()
	var e struct {
		Type    api.ExceptionName `json:"__type"`
		Message string            `json:"message"`
	}
	a.Into(w.t, &e)
	if a.Status != http.StatusBadRequest || e.Type != want || e.Message == "" {
		w.t.Fatalf("got %d %s, want 400 %s", a.Status, a.Body, want)
	}
	return e.Message
}

func at(m members, path ...string) any {
	var v any = m
	for _, name := range path {
		v, _ = v.(members)[name]
		if v == nil {
			return nil
		}
	}
	return v
}

func textAt(m members, path ...string) string {
	s, _ := at(m, path...).(string)
	return s
}

// newPool makes a pool and returns its id.
func (w *poolWorld) newPool(with ...members) string {
	w.t.Helper()
	in := members{"PoolName": "people"}
	for _, m := range with {
		for k, v := range m {
			in[k] = v
		}
	}
	return textAt(w.call(api.CreateUserPool, in), "UserPool", "Id")
}

// registered is a client as it was registered.
type registered struct{ pool, id, secret string }

// newClient registers a client; without anything else it is the one of the quickstart.
func (w *poolWorld) newClient(pool string, with ...members) registered {
	w.t.Helper()
	in := members{"UserPoolId": pool, "ClientName": "app", "GenerateSecret": true, "CallbackURLs": []string{standIn}, "AllowedOAuthFlows": []string{"code"},
		"AllowedOAuthScopes": []string{"openid", "profile", "email"}, "AllowedOAuthFlowsUserPoolClient": true, "SupportedIdentityProviders": []string{"COGNITO"}}
	for _, m := range with {
		for k, v := range m {
			in[k] = v
		}
	}
	out := w.call(api.CreateUserPoolClient, in)
	return registered{pool, textAt(out, "UserPoolClient", "ClientId"), textAt(out, "UserPoolClient", "ClientSecret")}
}

// apiClient is what get-cognito-inbound-token uses: no secret, sign-in by API.
var apiClient = members{"GenerateSecret": false, "ExplicitAuthFlows": []string{"ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
	"AllowedOAuthFlowsUserPoolClient": false, "AllowedOAuthFlows": []string{}, "AllowedOAuthScopes": []string{}, "CallbackURLs": []string{}}

// newUser makes a user with a permanent password and returns their sub.
func (w *poolWorld) newUser(pool, username string, attributes ...members) string {
	w.t.Helper()
	out := w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": username, "MessageAction": "SUPPRESS", "UserAttributes": attributes})
	w.call(api.AdminSetUserPassword, members{"UserPoolId": pool, "Username": username, "Password": poolPassword, "Permanent": true})
	for _, a := range at(out, "User", "Attributes").([]any) {
		if m := a.(members); m["Name"] == "sub" {
			return m["Value"].(string)
		}
	}
	w.t.Fatalf("a user without a sub: %v", out)
	return ""
}

func (c registered) hash(username string) string {
	mac := hmac.New(sha256.New, []byte(c.secret))
	mac.Write([]byte(username + c.id))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func signIn(c registered, username, password string) members {
	params := members{"USERNAME": username, "PASSWORD": password}
	if c.secret != "" {
		params["SECRET_HASH"] = c.hash(username)
	}
	return members{"ClientId": c.id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": params}
}

// base is the local address of a pool.
func (w *poolWorld) base(pool string) string { return w.Public + devidp.PoolsPath + pool }

// callback is the callback URL of a credential provider of this instance.
func (w *poolWorld) callback() string { return w.Public + instanceUUID }

// authorization is a good authorization request of a client.
func (w *poolWorld) authorization(c registered, change ...func(url.Values)) string {
	q := url.Values{"response_type": {"code"}, "client_id": {c.id}, "redirect_uri": {w.callback()}, "scope": {"openid email"}, "state": {"s1"},
		"nonce": {"n1"}, "code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"}}
	for _, f := range change {
		f(q)
	}
	return w.base(c.pool) + "/oauth2/authorize?" + q.Encode()
}

func (w *poolWorld) person(username string) devidptest.Person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return devidptest.Person{HTTP: &http.Client{Jar: jar}, Username: username, Password: poolPassword}
}

// consent walks a person through and returns the parameters of the answer.
func (w *poolWorld) consent(c registered, username string, change ...func(url.Values)) url.Values {
	w.t.Helper()
	target, err := w.person(username).Allow(w.t.Context(), w.authorization(c, change...))
	if err != nil {
		w.t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil || !strings.HasPrefix(target, w.callback()+"?") {
		w.t.Fatalf("the browser was sent to %q, %v", target, err)
	}
	return u.Query()
}

// post sends a form to an endpoint of a pool, with the client's secret.
func (w *poolWorld) post(c registered, endpoint string, form url.Values) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.base(c.pool)+endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c.id, c.secret)
	return w.send(r)
}

func (w *poolWorld) send(r *http.Request) reply {
	w.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	out := reply{status: resp.StatusCode, header: resp.Header}
	data, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(data, &out.body)
	}
	if err != nil {
		w.t.Fatalf("%s %s: %d %q: %v", r.Method, r.URL, resp.StatusCode, data, err)
	}
	return out
}

func (w *poolWorld) get(address string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.send(r)
}

// claims verifies a token against the keys that the pool publishes.
func (w *poolWorld) claims(pool, token string) members {
	w.t.Helper()
	raw, err := json.Marshal(w.get(w.base(pool) + "/.well-known/jwks.json").body)
	if err != nil {
		w.t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		w.t.Fatal(err)
	}
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		w.t.Fatal(err)
	}
	payload, err := signed.Verify(set.Key(signed.Signatures[0].Protected.KeyID)[0])
	if err != nil {
		w.t.Fatal(err)
	}
	var claims members
	if err := json.Unmarshal(payload, &claims); err != nil {
		w.t.Fatal(err)
	}
	return claims
}

var allAudit identity.AuditFilter

// stored is all that the database files hold, as text.
func (w *poolWorld) stored() string {
	w.t.Helper()
	var all strings.Builder
	files, err := os.ReadDir(w.Dir)
	if err != nil || len(files) == 0 {
		w.t.Fatalf("database files: %v, %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(w.Dir, f.Name()))
		if err != nil {
			w.t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
