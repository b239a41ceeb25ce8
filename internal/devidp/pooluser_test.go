package devidp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

func TestUserIsDescribedAsMade(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	out := w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice", "UserAttributes": []members{{"Name": "email", "Value": "a@example.com"}}})
	if at(out, "User", "UserStatus") != "FORCE_CHANGE_PASSWORD" || at(out, "User", "Enabled") != true || at(out, "User", "Username") != "alice" {
		t.Errorf("made as %v", out)
	}
	w.refused(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice"}, api.UsernameExistsException)
	w.refused(api.AdminGetUser, members{"UserPoolId": pool, "Username": "bob"}, api.UserNotFoundException)
	w.refused(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "bob", "MessageAction": "RESEND"}, api.UserNotFoundException)
	w.refused(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "bob", "UserAttributes": []members{{"Name": "custom:undefined", "Value": "x"}}}, api.InvalidParameterException)
	w.refused(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "bob", "UserAttributes": []members{{"Name": "sub", "Value": "x"}}}, api.InvalidParameterException)
	w.call(api.AdminSetUserPassword, members{"UserPoolId": pool, "Username": "alice", "Password": poolPassword, "Permanent": true})
	w.refused(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice", "MessageAction": "RESEND"}, api.UnsupportedUserState)
	if got := w.call(api.AdminGetUser, members{"UserPoolId": pool, "Username": "alice"}); textAt(got, "UserStatus") != "CONFIRMED" || len(got["UserAttributes"].([]any)) != 2 {
		t.Errorf("described as %v", got)
	}
}

// TestPasswordRulesAreThePools: a pool that asks for nothing takes what the quickstart's script makes, sixteen random
// characters of any class; one that asks is obeyed.
func TestPasswordRulesAreThePools(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	plain := w.newPool()
	strict := w.newPool(members{"Policies": members{"PasswordPolicy": members{"MinimumLength": 10, "RequireUppercase": true, "RequireLowercase": true, "RequireNumbers": true, "RequireSymbols": true}}})
	for _, pool := range []string{plain, strict} {
		w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice"})
	}
	set := func(pool, password string) members {
		return members{"UserPoolId": pool, "Username": "alice", "Password": password, "Permanent": true}
	}
	for _, password := range []string{"abcdefghijklmnop", "1234567890123456", "!@#$%^&*()_+-=[]", "{}|;:,.<>?ABCDEF", "пароль-пароль"} {
		w.call(api.AdminSetUserPassword, set(plain, password))
	}
	w.refused(api.AdminSetUserPassword, set(plain, "short12"), api.InvalidPasswordException)
	w.refused(api.AdminSetUserPassword, set(plain, "with a space"), api.InvalidParameterException)
	w.refused(api.AdminSetUserPassword, set(plain, strings.Repeat("x", 257)), api.InvalidParameterException)
	for broken, password := range map[string]string{"long enough": "Ab1!efghi", "uppercase": "ab1!efghij", "lowercase": "AB1!EFGHIJ", "numeric": "Abc!efghij", "symbol": "Abc1efghij"} {
		if msg := w.refused(api.AdminSetUserPassword, set(strict, password), api.InvalidPasswordException); !strings.Contains(msg, broken) || strings.Contains(msg, password) {
			t.Errorf("%s: %s", broken, msg)
		}
	}
	w.call(api.AdminSetUserPassword, set(strict, "Ab1!efghij"))
	if got := at(w.call(api.DescribeUserPool, members{"UserPoolId": strict}), "UserPool", "Policies", "PasswordPolicy", "MinimumLength"); got != 10.0 {
		t.Errorf("MinimumLength is %v", got)
	}
}

// TestA60_CaseTellsUsersApart: unless the pool says otherwise, and then it never does.
func TestA60_CaseTellsUsersApart(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	exact, folded := w.newPool(), w.newPool(members{"UsernameConfiguration": members{"CaseSensitive": false}})
	if w.newUser(exact, "Alice") == w.newUser(exact, "alice") {
		t.Error("two users share a sub")
	}
	w.newUser(folded, "Alice")
	w.refused(api.AdminCreateUser, members{"UserPoolId": folded, "Username": "aLICE"}, api.UsernameExistsException)
	w.call(api.InitiateAuth, signIn(w.newClient(folded, apiClient), "ALICE", poolPassword))
}

// TestUsersNamedByEmail: their user name is the sub, and they sign in by the address.
func TestUsersNamedByEmail(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool(members{"UsernameAttributes": []string{"email"}})
	c := w.newClient(pool, apiClient)
	sub := w.newUser(pool, "alice@example.com")
	out := w.call(api.InitiateAuth, signIn(c, "alice@example.com", poolPassword))
	if claims := w.claims(pool, textAt(out, "AuthenticationResult", "IdToken")); claims["cognito:username"] != sub || claims["email"] != "alice@example.com" {
		t.Errorf("ID token says %v", claims)
	}
	w.refused(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "bob"}, api.InvalidParameterException)
	w.refused(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "+123456"}, api.InvalidParameterException)
}

// TestA59_AUserMadeAgainInheritsNothing: neither tokens nor sub nor password.
func TestA59_AUserMadeAgainInheritsNothing(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t)
	pool := w.newPool()
	c := w.newClient(pool, apiClient)
	sub := w.newUser(pool, "alice")
	token := textAt(w.call(api.InitiateAuth, signIn(c, "alice", poolPassword)), "AuthenticationResult", "RefreshToken")
	w.call(api.AdminDeleteUser, members{"UserPoolId": pool, "Username": "alice"})
	w.refused(api.InitiateAuth, renewal(c, token, "alice"), api.NotAuthorizedException)
	out := w.call(api.AdminCreateUser, members{"UserPoolId": pool, "Username": "alice"})
	if strings.Contains(fmt.Sprint(out), sub) {
		t.Error("the new user has the old sub")
	}
	w.refused(api.InitiateAuth, signIn(c, "alice", poolPassword), api.NotAuthorizedException)
	w.refused(api.InitiateAuth, renewal(c, token, "alice"), api.NotAuthorizedException)
}
