package devidp

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/lanyard-id/lanyard/api"
)

// secretHash is how a client proves by the API that it holds its secret: an HMAC over user name and client id.
func secretHash(secret []byte, username, clientID string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(username + clientID))
	return mac.Sum(nil)
}

// checkSecretHash compares in constant time. Any of the names is good: a refresh names the user by user name or by sub.
func (p *Pools) checkSecretHash(ctx context.Context, c *poolClient, given string, usernames ...string) error {
	if !c.hasSecret() {
		if given != "" {
			return refuseAs(api.NotAuthorizedException, "Client %s is not configured for secret but secret hash was received: leave SECRET_HASH out", c.id())
		}
		return nil
	}
	if given == "" {
		return refuseAs(api.NotAuthorizedException, "Client %s is configured with secret but SECRET_HASH was not received: send base64(HMAC-SHA256(client secret, user name + client id))", c.id())
	}
	secret, err := p.shelf.Secret(ctx, c.record)
	if err != nil {
		return err
	}
	sum, err := base64.StdEncoding.DecodeString(given)
	right := false
	for _, name := range usernames {
		same := hmac.Equal(sum, secretHash(secret.Reveal(), name, c.id()))
		right = right || same && err == nil
	}
	if !right {
		return refuseAs(api.NotAuthorizedException, "SecretHash does not match for the client: %s. It is base64(HMAC-SHA256(client secret, user name + client id))", c.id())
	}
	return nil
}
