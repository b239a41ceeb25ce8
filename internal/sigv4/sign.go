package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sign signs a request in the header form and sets X-Amz-Date,
// X-Amz-Content-Sha256, X-Amz-Security-Token when there is a session token,
// and Authorization; a signature left from an earlier attempt is replaced. The
// signature covers the host, content-type and every x-amz- and x-amzn- header
// except the trace id, which proxies rewrite.
func Sign(r *http.Request, body []byte, c Credentials, region, service string, now time.Time) {
	SignHash(r, sha256.Sum256(body), c, region, service, now)
}

// SignHash is Sign for a body of which only the SHA-256 is known yet.
func SignHash(r *http.Request, body [sha256.Size]byte, c Credentials, region, service string, now time.Time) {
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	if r.URL.RawQuery != "" {
		r.URL.RawQuery = encodeQuery(r.URL.Query())
	}
	now = now.UTC()
	payload := hex.EncodeToString(body[:])
	r.Header.Set(headerDate, now.Format(timeLayout))
	r.Header.Set(headerPayloadHash, payload)
	r.Header.Del(headerToken)
	if c.SessionToken != "" {
		r.Header.Set(headerToken, c.SessionToken)
	}
	s := Scope{Date: now.Format(dateLayout), Region: region, Service: service}
	path, query := target(r)
	names := namesToSign(r.Header)
	sig := signature(r, c, s, now, path, query, names, payload)
	r.Header.Set(headerAuthorization, algorithm+" Credential="+c.AccessKeyID+"/"+s.String()+
		", SignedHeaders="+strings.Join(names, ";")+", Signature="+sig)
}

// Presign signs a request for an empty body in the query form, by rewriting
// its URL. The result may be used from now until it expires; its query holds
// the session token, if there is one.
func Presign(r *http.Request, c Credentials, region, service string, expires time.Duration, now time.Time) {
	for _, name := range []string{headerAuthorization, headerDate, headerToken, headerPayloadHash} {
		r.Header.Del(name)
	}
	now = now.UTC()
	s := Scope{Date: now.Format(dateLayout), Region: region, Service: service}
	names := namesToSign(r.Header)
	query := r.URL.Query()
	for i := range numAuthParams {
		query.Del(authParamName(i))
	}
	query.Set("X-Amz-Algorithm", algorithm)
	query.Set("X-Amz-Credential", c.AccessKeyID+"/"+s.String())
	query.Set("X-Amz-Date", now.Format(timeLayout))
	query.Set("X-Amz-Expires", strconv.FormatInt(int64(expires/time.Second), 10))
	query.Set("X-Amz-SignedHeaders", strings.Join(names, ";"))
	if c.SessionToken != "" {
		query.Set("X-Amz-Security-Token", c.SessionToken)
	}
	path, _ := target(r)
	raw := encodeQuery(query)
	sig := signature(r, c, s, now, path, raw, names, emptyHash)
	r.URL.RawQuery = raw + "&X-Amz-Signature=" + sig
}

// encodeQuery encodes as canonical queries are: url.Values.Encode escapes all
// that is not unreserved too, but writes a space as plus.
func encodeQuery(v url.Values) string {
	return strings.ReplaceAll(v.Encode(), "+", "%20")
}

// signature signs what will be sent. A query or a header that the server is
// going to refuse is signed as far as it is readable: the server's refusal
// explains it better than a panic here.
func signature(r *http.Request, c Credentials, s Scope, at time.Time, path, query string, names []string, payload string) string {
	params, _ := parseQuery(query)
	b := append([]byte(method(r)), '\n')
	b = append(appendPath(b, path), '\n')
	b = append(appendQuery(b, params), '\n')
	b, _ = appendHeaders(b, r, names)
	b = append(b, '\n')
	b = append(appendNames(b, names), '\n')
	sig := sign(DeriveKey([]byte(c.SecretAccessKey), s), formatTime(at), s, append(b, payload...))
	return hex.EncodeToString(sig[:])
}

func namesToSign(h http.Header) []string {
	names := []string{"host"}
	for key := range h {
		name := strings.ToLower(key)
		if name == "content-type" || strings.HasPrefix(name, "x-amz-") ||
			strings.HasPrefix(name, "x-amzn-") && name != "x-amzn-trace-id" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
