package sigv4

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzParse feeds whole requests. Whatever is accepted must be bounded, of one
// form, cover host and date, and not verify under a key the client cannot know.
func FuzzParse(f *testing.F) {
	for _, v := range clientVectors(f) {
		f.Add(v.Raw)
	}
	r, body := signed(f, testToken)
	f.Add(string(wireText(r, body)))
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := receive(raw)
		if err != nil {
			return
		}
		before := r.Header.Clone()
		q, err := Parse(r)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("unquoted text in %q", err)
			}
			return
		}
		for k, v := range before {
			if strings.Join(v, "\n") != strings.Join(r.Header[k], "\n") {
				t.Errorf("header %s changed", k)
			}
		}
		if !q.HeaderSigned("host") || !q.Presigned && !q.HeaderSigned("x-amz-date") {
			t.Error("host or date unsigned")
		}
		if q.AccessKeyID == "" || q.Scope.Date != q.SignedAt.Format(dateLayout) || len(q.canonical) > maxCanonicalBytes+4*maxPath+4*maxQuery {
			t.Errorf("accepted %s", q)
		}
		if q.Verify(make([]byte, 32), nil, q.SignedAt) == nil {
			t.Error("verifies under a key of zeros")
		}
	})
}

// FuzzCanonicalAgainstSDKSigner has the SDK sign; what it signed must verify
// after its way over the wire, and not after any change.
func FuzzCanonicalAgainstSDKSigner(f *testing.F) {
	f.Add("POST", "/tags/arn%3Aaws%3Ax%2Fdefault", "k=a%20b&k=%2B", "X-Amz-Target", "a  b", []byte(`{}`), uint16(7))
	f.Add("GET", "/", "", "Accept", "", []byte{}, uint16(0))
	f.Add("DELETE", "/a(b)'*!~/ü", "tagKeys=a/b&tagKeys=a-b&=x", "X-Amz-Meta", "\tü ", []byte("x"), uint16(300))
	f.Fuzz(func(t *testing.T, method, path, query, key, value string, body []byte, at uint16) {
		r, ok := fuzzRequest(method, path, query, key, value, body)
		if !ok {
			return
		}
		sdkSign(t, r, body, testToken, "bedrock-agentcore", testNow)
		var b bytes.Buffer
		if r.Write(&b) != nil {
			return
		}
		got, err := receive(b.String())
		if err != nil {
			return
		}
		if err := check(got, readBody(t, got), testNow); err != nil {
			t.Fatalf("signed by the SDK, refused with %v:\n%s", err, b.String())
		}
		flipOne(t, got, body, int(at))
	})
}

// flipOne changes one byte of one signed part.
func flipOne(t *testing.T, r *http.Request, body []byte, at int) {
	t.Helper()
	r = r.Clone(t.Context())
	switch at % 5 {
	case 0:
		body = append(bytes.Clone(body), 'x')
	case 1:
		r.RequestURI = flip(r.RequestURI, at/5)
	case 2:
		r.Host = flip(r.Host, at/5)
	case 3:
		r.Header.Set("X-Amz-Security-Token", flip(testToken, at/5))
	case 4:
		r.Method = flip(r.Method, at/5)
	}
	if check(r, body, testNow) == nil {
		t.Errorf("accepted after a change of part %d: %s %s", at%5, r.Method, r.RequestURI)
	}
}

// flip replaces the byte at i by one that no encoding makes equal to it.
func flip(s string, i int) string {
	b := []byte(s)
	if b[i%len(b)] == 'Q' {
		b[i%len(b)] = 'R'
	} else {
		b[i%len(b)] = 'Q'
	}
	return string(b)
}

// fuzzRequest builds a request that a client could send to us: paths with
// empty or dot segments are left out, which the SDK signs and we refuse, and
// so are tabs within values, which the SDKs treat in different ways.
func fuzzRequest(method, path, query, key, value string, body []byte) (*http.Request, bool) {
	u, err := url.Parse("http://127.0.0.1:8585" + path)
	if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") || checkPath(u.EscapedPath()) != nil {
		return nil, false
	}
	key = http.CanonicalHeaderKey(key)
	values, err := url.ParseQuery(query)
	if err != nil || values.Has("") || len(values) > 50 || len(query) > 1000 || usesAuthNames(values, key) {
		return nil, false
	}
	u.RawQuery = values.Encode()
	if !all(strings.ToLower(key), isHeaderByte) || len(key) < 1 || len(key) > maxHeaderName || len(value) > 1000 || strings.ContainsAny(value, "\r\n\t\x00") {
		return nil, false
	}
	r, err := http.NewRequest(method, u.String(), bytes.NewReader(body))
	if err != nil || len(method) > maxMethod || method == "CONNECT" {
		return nil, false
	}
	r.Header.Set(key, value)
	return r, true
}

// usesAuthNames rules out what the signer owns, and the headers that net/http
// takes off the header map or rewrites on the way.
func usesAuthNames(v url.Values, key string) bool {
	for k := range v {
		if hasPrefixFold(k, "X-Amz-") {
			return true
		}
	}
	switch key {
	case "Authorization", "X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Security-Token", "Host", "Connection", "Trailer",
		"Transfer-Encoding", "Content-Length", "User-Agent", "Upgrade", "Te", "Expect", "Pragma", "Cache-Control", "Accept-Encoding":
		return true
	}
	return false
}
