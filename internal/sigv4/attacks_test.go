package sigv4

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestA25_EveryFlippedBitIsRefused flips each bit of a request on the wire.
// What still verifies must mean exactly what was signed.
func TestA25_EveryFlippedBitIsRefused(t *testing.T) {
	header, body := signed(t, testToken)
	query := presigned(t, testToken, time.Minute)
	for _, tt := range []struct {
		name string
		r    *http.Request
		body []byte
	}{{"header", header, body}, {"presigned", query, nil}} {
		t.Run(tt.name, func(t *testing.T) {
			raw := wireText(tt.r, tt.body)
			want, ok := meaning(t, raw)
			if !ok {
				t.Fatalf("the untouched request does not verify:\n%s", raw)
			}
			accepted := 0
			for i := range raw {
				for bit := range 8 {
					flipped := bytes.Clone(raw)
					flipped[i] ^= 1 << bit
					got, ok := meaning(t, flipped)
					if !ok {
						continue
					}
					accepted++
					if got != want {
						t.Errorf("accepted with byte %d as %q:\n%s", i, flipped[i], flipped)
					}
				}
			}
			if accepted > len(raw) { // letter case of header names, white space
				t.Errorf("%d of %d flips were accepted", accepted, 8*len(raw))
			}
		})
	}
}

// wireText has nothing unsigned in it but the protocol and the length.
func wireText(r *http.Request, body []byte) []byte {
	var b bytes.Buffer
	b.WriteString(r.Method + " " + r.RequestURI + " HTTP/1.1\r\nHost: " + r.Host + "\r\n")
	for _, k := range []string{"Authorization", "Content-Type", "Content-Length",
		"X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target"} {
		if v := r.Header.Get(k); v != "" {
			b.WriteString(k + ": " + v + "\r\n")
		}
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// meaning is what a handler would read of a request that verifies.
func meaning(t *testing.T, raw []byte) (string, bool) {
	t.Helper()
	r, err := receive(string(raw))
	if err != nil {
		return "", false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || check(r, body, testNow) != nil {
		return "", false
	}
	path, _ := target(r)
	q := r.URL.Query()
	q.Del("X-Amz-Signature")
	return strings.Join([]string{r.Method, path, q.Encode(), r.Host, r.Header.Get("Content-Type"), r.Header.Get("X-Amz-Target"),
		r.Header.Get("X-Amz-Date"), r.Header.Get("X-Amz-Security-Token"), string(body)}, "\n"), true
}

func TestA25_BodyChangedOrCut(t *testing.T) {
	r, body := signed(t, "")
	for _, b := range [][]byte{nil, body[:len(body)-1], append(bytes.Clone(body), ' ')} {
		refused(t, check(r, b, testNow), CodeInvalidSignature, "SHA-256 of the body")
	}
	// Without the declared hash, the signature itself has to catch it.
	bare := newRequest(t, "POST", "http://127.0.0.1:8585/", string(body))
	sdkSign(t, bare, body, "", "sts", testNow)
	bare = wire(t, bare)
	if err := check(bare, body, testNow); err != nil {
		t.Fatal(err)
	}
	refused(t, check(bare, body[:3], testNow), CodeInvalidSignature, "does not match")
}

func TestA26_SessionToken(t *testing.T) {
	tests := []struct {
		name       string
		token      string
		change     func(*http.Request)
		code, text string
	}{
		{"swapped", testToken, func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") }, CodeInvalidSignature, "does not match"},
		{"removed", testToken, func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") }, CodeIncomplete, "no such header"},
		{"added unsigned", "", func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") }, CodeIncomplete, "must be signed"},
		{"twice", testToken, func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", "other") }, CodeIncomplete, "2 times"},
		{"emptied", testToken, func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "") }, CodeIncomplete, "empty"},
		{"other spelling beside it", testToken, func(r *http.Request) { r.Header["x-amz-security-token"] = []string{"other"} }, CodeIncomplete, "canonical spelling"},
		{"in the query too", testToken, func(r *http.Request) { r.RequestURI += "&X-Amz-Security-Token=other" }, CodeIncomplete, "signed twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, body := signed(t, tt.token)
			tt.change(r)
			refused(t, check(r, body, testNow), tt.code, tt.text)
		})
	}
}

func TestA26_SessionTokenOfPresignedURL(t *testing.T) {
	const sent = "X-Amz-Security-Token=tok%2B%2F%3Den"
	replace := func(with string) func(*http.Request) {
		return func(r *http.Request) { r.RequestURI = strings.Replace(r.RequestURI, sent, with, 1) }
	}
	tests := []struct {
		name       string
		change     func(*http.Request)
		code, text string
	}{
		{"swapped", replace("X-Amz-Security-Token=other"), CodeInvalidSignature, "does not match"},
		{"removed", replace("x=y"), CodeInvalidSignature, "does not match"},
		{"emptied", replace("X-Amz-Security-Token="), CodeIncomplete, "empty"},
		{"twice", replace(sent + "&" + sent), CodeIncomplete, "present twice"},
		{"lower case", replace("x-amz-security-token=other"), CodeIncomplete, "must be spelled"},
		{"header beside it", func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", testToken) }, CodeIncomplete, "also has the header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := presigned(t, testToken, time.Minute)
			if !strings.Contains(r.RequestURI, sent) {
				t.Fatalf("no token in %s", r.RequestURI)
			}
			tt.change(r)
			refused(t, check(r, nil, testNow), tt.code, tt.text)
		})
	}
}

func TestA27_ReplayBeyondTheSkew(t *testing.T) {
	r, body := signed(t, "")
	for _, tt := range []struct {
		off  time.Duration
		text string // of the refusal
	}{
		{0, ""}, {5 * time.Minute, ""}, {-5 * time.Minute, ""},
		{5*time.Minute + time.Second, "Signature expired"},
		{-5*time.Minute - time.Second, "Signature not yet current"},
		{24 * time.Hour, "Signature expired"}, {-24 * time.Hour, "Signature not yet current"},
	} {
		err := check(r, body, testNow.Add(tt.off))
		if tt.text == "" {
			if err != nil {
				t.Errorf("%v off: %v", tt.off, err)
			}
			continue
		}
		refused(t, err, CodeInvalidSignature, tt.text)
		refused(t, err, CodeInvalidSignature, formatTime(testNow.Add(tt.off)))
	}
}

func TestA27_DateMoved(t *testing.T) {
	const later = "20260102T040405Z"
	r, body := signed(t, "")
	r.Header.Set("X-Amz-Date", later)
	refused(t, check(r, body, testNow.Add(time.Hour)), CodeInvalidSignature, "does not match")

	r, body = signed(t, "")
	r.Header.Set("X-Amz-Date", "20260103T030405Z")
	refused(t, check(r, body, testNow.Add(24*time.Hour)), CodeInvalidSignature, "same day")

	r, body = signed(t, "")
	r.Header.Del("X-Amz-Date")
	r.Header.Set("Date", testNow.Format(http.TimeFormat))
	refused(t, check(r, body, testNow), CodeIncomplete, "signing date")
}

func TestA30_ScopeOfAnotherServiceRegionOrDay(t *testing.T) {
	for from, to := range map[string]string{"bedrock-agentcore/": "sts/", "us-west-2": "us-east-1", "20260102/": "20260103/", "aws4_request": "aws5_request"} {
		r, body := signed(t, "")
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
		if err := check(r, body, testNow); err == nil {
			t.Errorf("accepted with %s as %s", from, to)
		}
	}
	r, body := signed(t, "")
	q, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.CheckService("sts", "bedrock-agentcore"); err != nil {
		t.Error(err)
	}
	refused(t, q.CheckService("sts", "iam"), CodeInvalidSignature, "sts or iam")
	refused(t, q.CheckService(), CodeInvalidSignature, "scoped")
	for _, s := range []Scope{
		{q.Scope.Date, q.Scope.Region, "sts"}, {q.Scope.Date, "us-east-1", q.Scope.Service}, {"20260103", q.Scope.Region, q.Scope.Service},
	} {
		refused(t, q.Verify(DeriveKey([]byte(testSecret), s), body, testNow), CodeInvalidSignature, "does not match")
	}
	refused(t, q.Verify(DeriveKey([]byte("another"), q.Scope), body, testNow), CodeInvalidSignature, "does not match")
}

// TestA30_NoKeyIsNoKey signs with the key that a failed look-up might leave.
func TestA30_NoKeyIsNoKey(t *testing.T) {
	r, body := signed(t, "")
	q, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range [][]byte{nil, {}, make([]byte, 31)} {
		q.signature = sign(key, q.date, q.Scope, append(q.canonical, q.payload...))
		refused(t, q.Verify(key, body, testNow), CodeInvalidSignature, "cannot be verified")
	}
	if err := new(Request).Verify(make([]byte, 32), nil, time.Time{}); err == nil {
		t.Error("a request that was never parsed verifies")
	}
}
