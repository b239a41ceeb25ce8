package sessionbinding

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client/oidcdata"
)

// UserFunc tells who is signed in. An error means that nobody is, and its text is logged: it holds no secret.
type UserFunc func(*http.Request) (api.UserIdentifier, error)

// FromOIDCData names the user by user id: the subject of the header that a front door signed. Workload access tokens are
// then made with GetWorkloadAccessTokenForUserId and the same subject.
func FromOIDCData(v *oidcdata.Verifier) UserFunc {
	return func(r *http.Request) (api.UserIdentifier, error) {
		c, err := v.VerifyRequest(r)
		if err != nil {
			return api.UserIdentifier{}, err
		}
		return api.UserIdentifier{UserID: &c.Subject}, nil
	}
}

// FromJWT names the user by the JWT in a header, with or without "Bearer" before it. The service verifies it. Workload
// access tokens are then made with GetWorkloadAccessTokenForJWT and a JWT of the same issuer and subject.
func FromJWT(header string) UserFunc {
	header = http.CanonicalHeaderKey(header)
	return func(r *http.Request) (api.UserIdentifier, error) {
		values := r.Header[header]
		if len(values) != 1 || values[0] == "" {
			return api.UserIdentifier{}, fmt.Errorf("the request has %d values in its %s header, where one JWT of the user is expected", len(values), header)
		}
		token := values[0]
		if scheme, rest, ok := strings.Cut(token, " "); ok && strings.EqualFold(scheme, "Bearer") {
			token = strings.TrimLeft(rest, " ")
		}
		if _, err := JWTUser(token); err != nil {
			return api.UserIdentifier{}, fmt.Errorf("the %s header: %w", header, err)
		}
		secret := api.Sensitive(token)
		return api.UserIdentifier{UserToken: &secret}, nil
	}
}

// JWTUser names the user of a JWT for State.Issue: its issuer and subject, which stay the same when the JWT is minted anew.
// Nothing is verified here, and nothing needs to be: a forged JWT passes no further than the service, which verifies it.
func JWTUser(token string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("it is not a JWT: three segments with a dot between them")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]json.RawMessage
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return "", errors.New("it is not a JWT whose claims can be read")
	}
	issuer, subject := "", ""
	if json.Unmarshal(claims["iss"], &issuer) != nil || json.Unmarshal(claims["sub"], &subject) != nil || issuer == "" || subject == "" {
		return "", errors.New("it is a JWT without iss or sub, so it names no user")
	}
	return issuer + " " + subject, nil
}

// stateUser is the user as State knows them.
func stateUser(u api.UserIdentifier) (string, error) {
	switch {
	case u.UserID != nil && u.UserToken == nil && *u.UserID != "":
		return *u.UserID, nil
	case u.UserToken != nil && u.UserID == nil:
		return JWTUser(string(*u.UserToken))
	}
	return "", errors.New("the User function named no user, or named one in two ways")
}
