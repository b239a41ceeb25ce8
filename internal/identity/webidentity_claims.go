package identity

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/lanyard-id/lanyard/internal/jsontext"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// webIdentityClaims are the claims of a web identity token (contract 3.3). Those without a source are left out.
type webIdentityClaims struct {
	Audience  []string
	Subject   string
	Context   webIdentityContext
	Issuer    string
	ExpiresAt int64
	IssuedAt  int64
	ID        string
}

type webIdentityContext struct {
	Account            string
	SourceRegion       string
	PrincipalID        string
	PrincipalTags      map[string]string
	RequestTags        map[string]string
	OriginalSessionExp string
	FederatedProvider  string
	SourceIdentity     string
}

// principalClaims says who the caller is. The region is the configured one, not that of the request's signature: what a
// verifier may decide by must not be the caller's to choose.
func (s *Service) principalClaims(f *Federation, caller *policy.Caller) *webIdentityClaims {
	cl := &webIdentityClaims{Subject: caller.ARN, Context: webIdentityContext{
		Account: caller.Account, SourceRegion: s.cfg.Region, PrincipalID: caller.ARN, PrincipalTags: caller.Tags}}
	sess := caller.Session
	if sess == nil {
		return cl
	}
	if sess.RoleARN != "" {
		cl.Context.PrincipalID = sess.RoleARN
		if f.Subject != SubjectSession {
			cl.Subject = sess.RoleARN
		}
	}
	cl.Context.OriginalSessionExp = sess.ExpiresAt.UTC().Format(time.RFC3339)
	cl.Context.FederatedProvider, cl.Context.SourceIdentity = sess.FederatedProvider, sess.SourceIdentity
	return cl
}

// claimsSize is room for the claims of nearly every token; more only makes the slice grow.
const claimsSize = 1024

// encode writes the claims as JSON.
func (cl *webIdentityClaims) encode() []byte {
	b := append(make([]byte, 0, claimsSize), '{')
	b = appendAudience(jsontext.AppendName(b, "aud"), cl.Audience)
	b = jsontext.AppendMember(b, "sub", cl.Subject)
	b = cl.Context.append(jsontext.AppendName(b, "https://sts.amazonaws.com/"))
	b = jsontext.AppendMember(b, "iss", cl.Issuer)
	b = strconv.AppendInt(jsontext.AppendName(b, "exp"), cl.ExpiresAt, 10)
	b = strconv.AppendInt(jsontext.AppendName(b, "iat"), cl.IssuedAt, 10)
	b = jsontext.AppendMember(b, "jti", cl.ID)
	return append(b, '}')
}

func (c *webIdentityContext) append(b []byte) []byte {
	b = append(b, '{')
	b = jsontext.AppendMember(b, "aws_account", c.Account)
	b = jsontext.AppendMember(b, "source_region", c.SourceRegion)
	b = jsontext.AppendMember(b, "principal_id", c.PrincipalID)
	b = appendTags(b, "principal_tags", c.PrincipalTags)
	b = appendTags(b, "request_tags", c.RequestTags)
	for _, m := range [...]struct{ name, value string }{
		{"original_session_exp", c.OriginalSessionExp}, {"federated_provider", c.FederatedProvider}, {"source_identity", c.SourceIdentity},
	} {
		if m.value != "" {
			b = jsontext.AppendMember(b, m.name, m.value)
		}
	}
	return append(b, '}')
}

// appendAudience writes a text when there is one, an array when there are several (RFC 7519 section 4.1.3).
func appendAudience(b []byte, list []string) []byte {
	if len(list) == 1 {
		return jsontext.AppendString(b, list[0])
	}
	b = append(b, '[')
	for i, aud := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsontext.AppendString(b, aud)
	}
	return append(b, ']')
}

// appendTags writes tags in the order of their keys.
func appendTags(b []byte, name string, tags map[string]string) []byte {
	if len(tags) == 0 {
		return b
	}
	b = append(jsontext.AppendName(b, name), '{')
	for i, key := range slices.Sorted(maps.Keys(tags)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsontext.AppendString(b, key), ':')
		b = jsontext.AppendString(b, tags[key])
	}
	return append(b, '}')
}
