package devidp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// TestSignInByPassword: the tokens say what clients of Cognito read in them, and no more.
func TestSignInByPassword(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient)
	sub := w.newUser(pool, "alice", members{"Name": "email", "Value": "alice@example.com"}, members{"Name": "email_verified", "Value": "true"})
	out := w.call(api.InitiateAuth, signIn(c, "alice", poolPassword))
	if at(out, "AuthenticationResult", "TokenType") != "Bearer" || at(out, "AuthenticationResult", "ExpiresIn") != 3600.0 {
		t.Errorf("answer is %v", out)
	}
	access := w.claims(pool, textAt(out, "AuthenticationResult", "AccessToken"))
	now := float64(w.Clock.Now().Unix())
	wantAccess := members{"sub": sub, "iss": idpURL + pool, "client_id": c.id, "token_use": "access", "scope": "aws.cognito.signin.user.admin",
		"username": "alice", "auth_time": now, "iat": now, "exp": now + 3600}
	for name, want := range wantAccess {
		if access[name] != want {
			t.Errorf("access token: %s is %v, want %v", name, access[name], want)
		}
	}
	if _, ok := access["aud"]; ok || access["jti"] == "" || access["origin_jti"] == "" {
		t.Errorf("access token says %v", access)
	}
	id := w.claims(pool, textAt(out, "AuthenticationResult", "IdToken"))
	wantID := members{"sub": sub, "iss": idpURL + pool, "aud": c.id, "token_use": "id", "cognito:username": "alice",
		"email": "alice@example.com", "email_verified": true, "origin_jti": access["origin_jti"]}
	for name, want := range wantID {
		if id[name] != want {
			t.Errorf("ID token: %s is %v, want %v", name, id[name], want)
		}
	}
}

// TestSecretHash: a client with a secret proves it in every sign-in, one without must not pretend to.
func TestSecretHash(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	secret, public := w.newClient(pool, apiClient, members{"GenerateSecret": true}), w.newClient(pool, apiClient)
	w.newUser(pool, "alice")
	w.newUser(pool, "bob")
	w.call(api.InitiateAuth, signIn(secret, "alice", poolPassword))
	for name, hash := range map[string]any{"missing": nil, "of another user": secret.hash("bob"), "of another client": registered{pool, public.id, secret.secret}.hash("alice"),
		"not base64": "§", "empty": "", "the secret itself": secret.secret} {
		in := signIn(secret, "alice", poolPassword)
		in["AuthParameters"].(members)["SECRET_HASH"] = hash
		if hash == nil {
			delete(in["AuthParameters"].(members), "SECRET_HASH")
		}
		if msg := w.refused(api.InitiateAuth, in, api.NotAuthorizedException); strings.Contains(msg, secret.secret) {
			t.Errorf("%s: the message tells the secret", name)
		}
	}
	in := signIn(public, "alice", poolPassword)
	in["AuthParameters"].(members)["SECRET_HASH"] = secret.hash("alice")
	w.refused(api.InitiateAuth, in, api.NotAuthorizedException)
}

// TestA49_WrongPasswordTellsNothing: a wrong password, a user who does not exist and a disabled one get one answer. A
// client that was registered to be told of users who do not exist is told of those alone.
func TestA49_WrongPasswordTellsNothing(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient)
	w.newUser(pool, "alice")
	w.newUser(pool, "gone")
	w.call(api.AdminDisableUser, members{"UserPoolId": pool, "Username": "gone"})
	answers := map[string]bool{}
	for _, in := range []members{signIn(c, "alice", "wrong"), signIn(c, "nobody", poolPassword), signIn(c, "gone", poolPassword), signIn(c, "Alice", poolPassword)} {
		answers[w.refused(api.InitiateAuth, in, api.NotAuthorizedException)] = true
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
	legacy := w.newClient(pool, apiClient, members{"PreventUserExistenceErrors": "LEGACY"})
	w.refused(api.InitiateAuth, signIn(legacy, "nobody", poolPassword), api.UserNotFoundException)
	w.refused(api.InitiateAuth, signIn(legacy, "alice", "wrong"), api.NotAuthorizedException)
	w.call(api.AdminEnableUser, members{"UserPoolId": pool, "Username": "gone"})
	w.call(api.InitiateAuth, signIn(c, "gone", poolPassword))
}

// TestA50_GuessingIsSlowed: the right password does not help after too many wrong ones, until time has passed.
func TestA50_GuessingIsSlowed(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient)
	w.newUser(pool, "alice")
	for range 10 {
		w.refused(api.InitiateAuth, signIn(c, "alice", "wrong"), api.NotAuthorizedException)
	}
	if msg := w.refused(api.InitiateAuth, signIn(c, "alice", poolPassword), api.NotAuthorizedException); !strings.Contains(msg, "wait") {
		t.Errorf("message is %q", msg)
	}
	w.Clock.Advance(time.Minute)
	w.call(api.InitiateAuth, signIn(c, "alice", poolPassword))
}

func TestFlowsNotRegisteredAreRefused(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	quickstart, c := w.newClient(pool), w.newClient(pool, apiClient)
	w.newUser(pool, "alice")
	w.refused(api.InitiateAuth, signIn(quickstart, "alice", poolPassword), api.InvalidParameterException)
	for _, flow := range []string{"USER_SRP_AUTH", "CUSTOM_AUTH", "ADMIN_NO_SRP_AUTH", "NONE"} {
		in := signIn(c, "alice", poolPassword)
		in["AuthFlow"] = flow
		w.refused(api.InitiateAuth, in, api.InvalidParameterException)
	}
	w.refused(api.InitiateAuth, members{"ClientId": c.id, "AuthFlow": "CLIENT_CREDENTIALS"}, api.NotAuthorizedException)
	w.refused(api.InitiateAuth, members{"ClientId": "unknown", "AuthFlow": "USER_PASSWORD_AUTH"}, api.ResourceNotFoundException)
	w.refused(api.InitiateAuth, members{"ClientId": c.id, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": members{"USERNAME": "alice"}}, api.InvalidParameterException)
}

func renewal(c registered, token, hashed string) members {
	params := members{"REFRESH_TOKEN": token}
	if c.secret != "" {
		params["SECRET_HASH"] = c.hash(hashed)
	}
	return members{"ClientId": c.id, "AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": params}
}

// TestRefreshByAPI: a refresh token stays good and is not answered again, until it is revoked, its user is disabled or
// its time is over; another client cannot use it.
func TestRefreshByAPI(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c, other := w.newClient(pool, apiClient, members{"GenerateSecret": true}), w.newClient(pool, apiClient)
	sub := w.newUser(pool, "alice")
	first := w.call(api.InitiateAuth, signIn(c, "alice", poolPassword))
	token := textAt(first, "AuthenticationResult", "RefreshToken")
	w.Clock.Advance(2 * time.Hour)
	for _, name := range []string{"alice", sub} {
		again := w.call(api.InitiateAuth, renewal(c, token, name))
		if at(again, "AuthenticationResult", "RefreshToken") != nil || textAt(again, "AuthenticationResult", "IdToken") == "" {
			t.Errorf("renewed as %v", again)
		}
		claims := w.claims(pool, textAt(again, "AuthenticationResult", "AccessToken"))
		if claims["auth_time"] == claims["iat"] || claims["username"] != "alice" {
			t.Errorf("renewed token says %v", claims)
		}
	}
	w.refused(api.InitiateAuth, renewal(c, token, "mallory"), api.NotAuthorizedException)
	w.refused(api.InitiateAuth, renewal(other, token, "alice"), api.NotAuthorizedException)
	w.refused(api.InitiateAuth, renewal(c, token+"x", "alice"), api.NotAuthorizedException)
	w.call(api.AdminDisableUser, members{"UserPoolId": pool, "Username": "alice"})
	w.refused(api.InitiateAuth, renewal(c, token, "alice"), api.NotAuthorizedException)
	w.call(api.AdminEnableUser, members{"UserPoolId": pool, "Username": "alice"})
	w.call(api.InitiateAuth, renewal(c, token, "alice"))
	w.Clock.Advance(30 * 24 * time.Hour)
	w.refused(api.InitiateAuth, renewal(c, token, "alice"), api.NotAuthorizedException)
}

func TestRevokeToken(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c, other := w.newClient(pool, apiClient, members{"GenerateSecret": true}), w.newClient(pool, apiClient)
	w.newUser(pool, "alice")
	out := w.call(api.InitiateAuth, signIn(c, "alice", poolPassword))
	token := textAt(out, "AuthenticationResult", "RefreshToken")
	w.refused(api.RevokeToken, members{"ClientId": c.id, "Token": token}, api.NotAuthorizedException)
	w.refused(api.RevokeToken, members{"ClientId": c.id, "Token": token, "ClientSecret": strings.Repeat("x", 52)}, api.NotAuthorizedException)
	w.refused(api.RevokeToken, members{"ClientId": other.id, "Token": token, "ClientSecret": c.secret}, api.NotAuthorizedException)
	w.call(api.RevokeToken, members{"ClientId": other.id, "Token": token}) // another client's: nothing happens
	w.call(api.InitiateAuth, renewal(c, token, "alice"))
	w.refused(api.RevokeToken, members{"ClientId": c.id, "Token": textAt(out, "AuthenticationResult", "AccessToken"), "ClientSecret": c.secret}, api.UnsupportedTokenType)
	w.call(api.RevokeToken, members{"ClientId": c.id, "Token": token, "ClientSecret": c.secret})
	w.refused(api.InitiateAuth, renewal(c, token, "alice"), api.NotAuthorizedException)
	w.call(api.RevokeToken, members{"ClientId": c.id, "Token": token, "ClientSecret": c.secret}) // again: no error
}

// TestNewPasswordRequired: a temporary password opens nothing but the way to a permanent one, once.
func TestNewPasswordRequired(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool(members{"Policies": members{"PasswordPolicy": members{"MinimumLength": 12, "RequireNumbers": true}}})
	c, other := w.newClient(pool, apiClient), w.newClient(pool, apiClient)
	w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice", "TemporaryPassword": "temporary-12"})
	begin := func() members {
		out := w.call(api.InitiateAuth, signIn(c, "alice", "temporary-12"))
		if at(out, "ChallengeName") != "NEW_PASSWORD_REQUIRED" || at(out, "AuthenticationResult") != nil || textAt(out, "Session") == "" {
			t.Fatalf("answer is %v", out)
		}
		return members{"ClientId": c.id, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": textAt(out, "Session"),
			"ChallengeResponses": members{"USERNAME": "alice", "NEW_PASSWORD": "permanent-password-1"}}
	}
	answer := begin()
	but := func(change func(members)) members {
		in := members{}
		for k, v := range answer {
			in[k] = v
		}
		responses := members{}
		for k, v := range answer["ChallengeResponses"].(members) {
			responses[k] = v
		}
		in["ChallengeResponses"] = responses
		change(in)
		return in
	}
	w.refused(api.RespondToAuthChallenge, but(func(m members) { m["ChallengeResponses"].(members)["NEW_PASSWORD"] = "short1" }), api.InvalidPasswordException)
	w.refused(api.RespondToAuthChallenge, but(func(m members) { m["ClientId"] = other.id }), api.NotAuthorizedException)
	w.refused(api.RespondToAuthChallenge, but(func(m members) { m["ChallengeResponses"].(members)["USERNAME"] = "bob" }), api.NotAuthorizedException)
	w.refused(api.RespondToAuthChallenge, but(func(m members) { m["Session"] = strings.Repeat("A", 43) }), api.NotAuthorizedException)
	w.refused(api.RespondToAuthChallenge, but(func(m members) { m["ChallengeName"] = "SMS_MFA" }), api.InvalidParameterException)
	w.refused(api.RespondToAuthChallenge, but(func(m members) { m["ChallengeResponses"].(members)["userAttributes.email"] = "x@y.z" }), api.InvalidParameterException)
	if out := w.call(api.RespondToAuthChallenge, answer); textAt(out, "AuthenticationResult", "AccessToken") == "" {
		t.Errorf("answer is %v", out)
	}
	w.refused(api.RespondToAuthChallenge, answer, api.NotAuthorizedException)
	w.refused(api.InitiateAuth, signIn(c, "alice", "temporary-12"), api.NotAuthorizedException)
	w.call(api.InitiateAuth, signIn(c, "alice", "permanent-password-1"))
	if got := textAt(w.call(api.AdminGetUser, members{"UserPoolId": pool, "Username": "alice"}), "UserStatus"); got != "CONFIRMED" {
		t.Errorf("status is %s", got)
	}
}

// TestChallengesAndTemporaryPasswordsExpire: both have a time, after which an administrator must act.
func TestChallengesAndTemporaryPasswordsExpire(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient)
	w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice", "TemporaryPassword": "temporary-12"})
	session := textAt(w.call(api.InitiateAuth, signIn(c, "alice", "temporary-12")), "Session")
	w.Clock.Advance(3 * time.Minute)
	w.refused(api.RespondToAuthChallenge, members{"ClientId": c.id, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": session,
		"ChallengeResponses": members{"USERNAME": "alice", "NEW_PASSWORD": "permanent-password"}}, api.NotAuthorizedException)
	w.Clock.Advance(7 * 24 * time.Hour)
	w.refused(api.InitiateAuth, signIn(c, "alice", "temporary-12"), api.NotAuthorizedException)
	w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice", "MessageAction": "RESEND"})
	if out := w.call(api.InitiateAuth, signIn(c, "alice", "temporary-12")); at(out, "ChallengeName") != "NEW_PASSWORD_REQUIRED" {
		t.Errorf("after an invitation was sent again: %v", out)
	}
}
