package signin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// session is what a session cookie holds. Claims are not stored twice: those of the ID token are read from it again.
type session struct {
	ID           string          `json:"id"`
	Generation   int             `json:"gen,omitempty"` // how often the issuer's tokens were refreshed
	IDToken      string          `json:"idt"`           // verified when it arrived
	AccessToken  string          `json:"at"`
	RefreshToken string          `json:"rt,omitempty"`
	UserInfo     json.RawMessage `json:"ui,omitempty"`
	AccessFrom   int64           `json:"af,omitempty"`
	AccessUntil  int64           `json:"au,omitempty"` // 0: unknown
	SignedInAt   int64           `json:"si"`
	EndsAt       int64           `json:"ea"` // whatever happens; also when a longer time is configured later
	SealedAt     int64           `json:"se"`

	claims   map[string]any // of the ID token
	userInfo map[string]any
}

// marshal refuses what would not fit into cookies and says what is large.
func (s *session) marshal() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, &Error{Kind: Internal, Message: "the session cannot be encoded", cause: err}
	}
	if b.Len() > maxRecord {
		return nil, fail(TooLarge, fmt.Sprintf(
			"what the issuer gave for this person is too large for cookies: ID token %d, access token %d, refresh token %d, userinfo %d bytes, and together at most %d; "+
				"have the issuer leave out claims such as groups, or ask for fewer scopes",
			len(s.IDToken), len(s.AccessToken), len(s.RefreshToken), len(s.UserInfo), maxRecord))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// parseSession reads what was sealed here. It still refuses what it could not use: a cookie may be of another release.
func parseSession(plain []byte) (*session, bool) {
	s := new(session)
	if err := json.Unmarshal(plain, s); err != nil || s.ID == "" || s.AccessToken == "" {
		return nil, false
	}
	return s, s.load() == nil
}

// load reads the claims out of the ID token and the userinfo.
func (s *session) load() error {
	_, rest, _ := strings.Cut(s.IDToken, ".")
	payload, _, _ := strings.Cut(rest, ".")
	data, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return err
	}
	if s.claims, err = parseObject(data); err != nil {
		return err
	}
	s.userInfo = nil
	if len(s.UserInfo) > 0 {
		if s.userInfo, err = parseObject(s.UserInfo); err != nil {
			return err
		}
	}
	if s.subject() == "" {
		return errNotObject
	}
	return nil
}

func (s *session) subject() string {
	sub, _ := s.claims["sub"].(string)
	return sub
}

// merged lays the userinfo's claims over the ID token's. Those that say whose word it is, and for whom and when, stay the
// ID token's, since it alone is signed; those that only bind the token to its delivery are of no use to anybody else.
func (s *session) merged() map[string]any {
	out := maps.Clone(s.claims)
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash"} {
		delete(out, name)
	}
	for name, value := range s.userInfo {
		switch name {
		case "iss", "sub", "aud", "azp", "exp", "iat", "nbf", "auth_time", "nonce", "at_hash", "c_hash", "s_hash":
			continue
		}
		out[name] = value
	}
	return out
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
