package identity

import (
	"context"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/lanyard-id/lanyard/internal/vault"
)

// Web identity tokens: JWTs by which a principal of this account proves itself to a service elsewhere. Whoever holds one
// is that principal for its audiences until it expires; nothing can take it back.

// Limits of a web identity token.
const (
	minWebIdentity     = time.Minute
	maxWebIdentity     = time.Hour
	usualWebIdentity   = 5 * time.Minute
	maxAudiences       = 10
	maxAudienceLength  = 1000
	maxRequestTags     = 50
	maxTagKeyLength    = 128
	maxTagValueLength  = 256
	reservedTagPrefix  = "aws:"
	webIdentityType    = "JWT" // typ of the kind; every other kind that an issuer here signs has one of its own
	maxWebIdentitySize = 11 << 10
)

// WebIdentityTokenRequest asks for a token that says who the caller is.
type WebIdentityTokenRequest struct {
	Audiences []string
	Algorithm string        // ES384 or RS256
	Duration  time.Duration // zero for five minutes
	Tags      map[string]string
}

// WebIdentityToken is a signed JWT.
type WebIdentityToken struct {
	Token     vault.Secret
	ExpiresAt time.Time
}

// WebIdentityToken issues a token for the caller. Root may have one too: it names the account, which is what root is.
func (s *Service) WebIdentityToken(ctx context.Context, caller *policy.Caller, in WebIdentityTokenRequest) (WebIdentityToken, error) {
	if in.Duration == 0 {
		in.Duration = usualWebIdentity
	}
	r := request{caller: caller, action: "sts:GetWebIdentityToken", resources: in.conditions}
	if len(in.Tags) > 0 {
		r.also = []string{"sts:TagGetWebIdentityToken"}
	}
	return do(ctx, s, r, func(ctx context.Context, c *call) (WebIdentityToken, error) {
		f, err := s.enabledFederation(ctx, caller.Account)
		if err == nil {
			err = in.check(s.Now(), c.caller)
		}
		if err != nil {
			return WebIdentityToken{}, err
		}
		claims := s.principalClaims(f, c.caller)
		claims.Audience, claims.Context.RequestTags = in.Audiences, in.Tags
		token, err := s.signWebIdentity(ctx, f, claims, in.Algorithm, in.Duration)
		if err != nil {
			return WebIdentityToken{}, err
		}
		c.rec.Reason = token.describe(in.Audiences)
		return token.WebIdentityToken, nil
	})
}

// conditions tells policy what the token would be.
func (in *WebIdentityTokenRequest) conditions(_ context.Context, c *call) ([]string, error) {
	c.condition("sts:IdentityTokenAudience", in.Audiences...)
	c.condition("sts:DurationSeconds", strconv.Itoa(int(in.Duration/time.Second)))
	c.condition("sts:SigningAlgorithm", in.Algorithm)
	c.requestTags(in.Tags)
	return []string{"*"}, nil
}

// check holds what the wire declares, for callers that do not come over the wire, and what it cannot declare.
func (in *WebIdentityTokenRequest) check(now time.Time, caller *policy.Caller) error {
	if !slices.Contains(signingAlgorithms[:], in.Algorithm) {
		return invalid("SigningAlgorithm", "SigningAlgorithm %q is not one of %s", clip(in.Algorithm), strings.Join(signingAlgorithms[:], " and "))
	}
	if in.Duration < minWebIdentity || in.Duration > maxWebIdentity {
		return invalid("DurationSeconds", "DurationSeconds %d is not between %d and %d", in.Duration/time.Second, minWebIdentity/time.Second, maxWebIdentity/time.Second)
	}
	if err := checkTokenAudiences(in.Audiences); err != nil {
		return err
	}
	if err := checkRequestTags(in.Tags); err != nil {
		return err
	}
	if sess := caller.Session; sess != nil && now.Add(in.Duration).After(sess.ExpiresAt) {
		left := max(sess.ExpiresAt.Sub(now), 0).Truncate(time.Second)
		return refuse(DurationEscalation, "a token of %d seconds would outlive the credentials that ask for it, which end in %d (at %s). Ask for a shorter DurationSeconds, or get new credentials first",
			in.Duration/time.Second, left/time.Second, sess.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}

func checkTokenAudiences(list []string) error {
	if len(list) == 0 || len(list) > maxAudiences {
		return invalid("Audience", "a token is meant for 1 to %d audiences; %d were sent", maxAudiences, len(list))
	}
	for _, aud := range list {
		if n := utf8.RuneCountInString(aud); n == 0 || n > maxAudienceLength || unprintable(aud) {
			return invalid("Audience", "an audience has 1 to %d printable characters; %q has not", maxAudienceLength, clip(aud))
		}
	}
	return nil
}

// checkRequestTags refuses what policy and verifier could read differently: IAM compares keys without case, so two keys
// that differ in nothing else are one key with two values.
func checkRequestTags(tags map[string]string) error {
	if len(tags) > maxRequestTags {
		return invalid("Tags", "a token takes at most %d tags; %d were sent", maxRequestTags, len(tags))
	}
	seen := make(map[string]string, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		folded := strings.ToLower(key)
		switch n := utf8.RuneCountInString(key); {
		case n == 0 || n > maxTagKeyLength || unprintable(key):
			return invalid("Tags", "a tag's key has 1 to %d printable characters; %q has not", maxTagKeyLength, clip(key))
		case utf8.RuneCountInString(tags[key]) > maxTagValueLength || unprintable(tags[key]):
			return invalid("Tags", "the value of tag %q has more than %d characters, or unprintable ones", clip(key), maxTagValueLength)
		case strings.HasPrefix(folded, reservedTagPrefix):
			return invalid("Tags", "tag %q begins with %s, which nobody may set; choose another key", clip(key), reservedTagPrefix)
		case seen[folded] != "":
			return invalid("Tags", "tags %q and %q differ in case only, which policies do not tell apart; send one of them", clip(seen[folded]), clip(key))
		}
		seen[folded] = key
	}
	return nil
}

func unprintable(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError })
}

// signWebIdentity completes the claims of a web identity token, their audience and subject being set, and signs them.
func (s *Service) signWebIdentity(ctx context.Context, f *Federation, cl *webIdentityClaims, alg string, lifetime time.Duration) (signedToken, error) {
	key, err := s.activeSigner(ctx, f.Account, alg)
	if err != nil {
		return signedToken{}, err
	}
	issued := s.Now().Truncate(time.Second)
	expires := issued.Add(lifetime)
	cl.Issuer, cl.ID = s.issuerURL(f), newUUID(s.Rand)
	cl.IssuedAt, cl.ExpiresAt = issued.Unix(), expires.Unix()
	payload := cl.encode()
	if len(payload) > maxWebIdentitySize {
		return signedToken{}, refuse(TooLarge, "the token's claims would have %d bytes, and more than %d do not fit into the headers that tokens travel in. Send fewer or shorter audiences and tags", len(payload), maxWebIdentitySize)
	}
	token, err := key.SignPayload(webIdentityType, payload)
	if err != nil {
		return signedToken{}, internal(err, "signing a web identity token")
	}
	return signedToken{WebIdentityToken: WebIdentityToken{vault.NewSecret(token), expires}, id: cl.ID, keyID: key.KeyID()}, nil
}

// signedToken is a token with what the audit keeps of it.
type signedToken struct {
	WebIdentityToken
	id, keyID string
}

// describe says which token was issued for whom, and never the token.
func (t signedToken) describe(audiences []string) string {
	return "token " + t.id + " signed by key " + t.keyID + " for " + strings.Join(quoted(audiences), ", ")
}

// quoted makes names from outside harmless in an audit record.
func quoted(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strconv.QuoteToGraphic(clip(s))
	}
	return out
}

// newUUID returns a random UUID (RFC 9562 section 5.4).
func newUUID(rnd io.Reader) string {
	var b [16]byte
	mustRead(rnd, b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
