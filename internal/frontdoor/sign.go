package frontdoor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/lru"
	"github.com/lanyard-id/lanyard/internal/signin"
)

// maxClaims is the most that claims and access token may have together, as behind a load balancer.
const maxClaims = 11 << 10

// maxSigned bounds the sessions whose signed header is remembered. A header is some kilobytes at most and typically one.
const maxSigned = 4096

// dataSigner makes the x-amzn-oidc-data header of a session. A header is used again for half of its life, so that a page
// with a hundred requests costs one signature.
type dataSigner struct {
	keys                   *Keys
	signer, client, issuer string
	now                    func() time.Time

	signed *lru.Cache[string, signedData]
}

type signedData struct {
	subject string
	renewed time.Time // end of the access token: a refresh may have brought other claims
	token   string
	until   time.Time // when it is made anew
}

func newDataSigner(c *Config) *dataSigner {
	return &dataSigner{keys: c.Keys, signer: c.Signer, client: c.ClientID, issuer: c.Issuer, now: c.Now, signed: lru.New[string, signedData](maxSigned)}
}

// errTooLarge says why a user's requests cannot be forwarded.
var errTooLarge = errors.New("the claims and the access token of this user have more than 11 KiB together, which is more than a backend takes in its headers; have the issuer leave out claims such as groups, or ask for fewer scopes")

// data is the header of a session.
func (s *dataSigner) data(session *signin.Session) (string, error) {
	now := s.now()
	known, ok := s.signed.Get(session.ID)
	if ok && known.subject == session.Subject && known.renewed.Equal(session.AccessTokenExpiresAt) && now.Before(known.until) {
		return known.token, nil
	}
	token, err := s.make(session, now)
	if err != nil {
		return "", err
	}
	s.signed.Put(session.ID, signedData{subject: session.Subject, renewed: session.AccessTokenExpiresAt, token: token, until: now.Add(headerLife / 2)})
	return token, nil
}

// forget drops what is remembered of a session that ended.
func (s *dataSigner) forget(session string) {
	s.signed.Remove(session)
}

// dataHeader has the fields in the order in which load balancers write them.
type dataHeader struct {
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	Issuer    string `json:"iss"`
	Client    string `json:"client"`
	Signer    string `json:"signer"`
	Expires   int64  `json:"exp"`
}

func (s *dataSigner) make(session *signin.Session, now time.Time) (string, error) {
	key, expires := s.keys.signer(now), now.Add(headerLife).Unix()
	header, err := encodeJSON(dataHeader{"JWT", key.id, "ES256", s.issuer, s.client, s.signer, expires})
	if err != nil {
		return "", err
	}
	claims := userClaims(session)
	claims["exp"], claims["iss"] = expires, s.issuer
	payload, err := encodeJSON(claims)
	if err != nil {
		return "", fmt.Errorf("encoding the claims: %w", err)
	}
	if len(payload)+len(session.AccessToken.Reveal()) > maxClaims {
		return "", errTooLarge
	}
	return key.sign(header, payload)
}

// userClaims is what the issuer says about the user: the userinfo, or the ID token's claims without those about the token
// itself, which would read as claims about ours.
func userClaims(session *signin.Session) map[string]any {
	claims := maps.Clone(session.UserInfo)
	if claims == nil {
		claims = maps.Clone(session.Claims)
		for _, name := range []string{"aud", "azp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash"} {
			delete(claims, name)
		}
	}
	if claims == nil {
		claims = map[string]any{}
	}
	claims["sub"] = session.Subject
	return claims
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// isHeaderValue tells text that reaches a backend as it is.
func isHeaderValue(s string) bool {
	return s != "" && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
