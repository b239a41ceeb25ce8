package sigv4

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// TestSignLikeTheSDK compares signatures. The SDK also signs the length of a
// body, hence none here.
func TestSignLikeTheSDK(t *testing.T) {
	for _, uri := range []string{"/", "/tags/arn%3Aaws%3Ax%2Fdefault", "/?b=2&a=1&a=0", "/p?k=a+b&k=%2B&%C3%BC=x/y", "/a b"} {
		for _, token := range []string{"", testToken} {
			ours := newRequest(t, "GET", "http://127.0.0.1:8585"+uri, "")
			ours.Header.Set("Content-Type", "application/json")
			ours.Header.Set("X-Amz-Target", "a   b ")
			ours.Header.Set("X-Amzn-Bedrock-Agentcore-Runtime-User-Id", "u")
			theirs := ours.Clone(t.Context())
			theirs.Header.Set("X-Amz-Content-Sha256", emptyHash)
			Sign(ours, nil, testCredentials(token), testRegion, "bedrock-agentcore", testNow)
			sdkSign(t, theirs, nil, token, "bedrock-agentcore", testNow)
			if a, b := ours.Header.Get("Authorization"), theirs.Header.Get("Authorization"); a != b {
				t.Errorf("%s: signed as\n%s, the SDK\n%s", uri, a, b)
			}
			if err := check(wire(t, ours), nil, testNow); err != nil {
				t.Errorf("%s: %v", uri, err)
			}
		}
	}
}

func TestPresignLikeTheSDK(t *testing.T) {
	for _, token := range []string{"", testToken} {
		ours := newRequest(t, "GET", "http://h/p%2Fq?Action=GetCallerIdentity&k=a+b", "")
		ours.ContentLength = 0
		theirs := ours.Clone(t.Context())
		theirs.URL.RawQuery += "&X-Amz-Expires=60"
		c := aws.Credentials{AccessKeyID: testID, SecretAccessKey: testSecret, SessionToken: token}
		url, _, err := v4.NewSigner().PresignHTTP(t.Context(), c, theirs, emptyHash, "sts", testRegion, testNow)
		if err != nil {
			t.Fatal(err)
		}
		Presign(ours, testCredentials(token), testRegion, "sts", time.Minute, testNow)
		if ours.URL.String() != url {
			t.Errorf("presigned as\n%s, the SDK\n%s", ours.URL, url)
		}
	}
}

// TestSDKPresignWithoutExpires: the Go SDK leaves the lifetime out, and the
// URL gets no more than the header form's window.
func TestSDKPresignWithoutExpires(t *testing.T) {
	r := newRequest(t, "GET", "http://h/?Action=GetCallerIdentity", "")
	r.ContentLength = 0
	url, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: testID, SecretAccessKey: testSecret}, r, emptyHash, "sts", testRegion, testNow)
	if err != nil {
		t.Fatal(err)
	}
	got := wire(t, newRequest(t, "GET", url, ""))
	if err := check(got, nil, testNow.Add(maxSkew-time.Second)); err != nil {
		t.Error(err)
	}
	refused(t, check(got, nil, testNow.Add(maxSkew)), CodeInvalidSignature, "Signature expired")
}

func TestSignAgainReplacesTheOldSignature(t *testing.T) {
	r := newRequest(t, "GET", "http://h/", "")
	Sign(r, nil, testCredentials(testToken), testRegion, "sts", testNow)
	later := testNow.Add(time.Hour)
	Sign(r, nil, testCredentials(""), testRegion, "sts", later)
	if err := check(wire(t, r), nil, later); err != nil {
		t.Error(err)
	}
	if r.Header.Get("X-Amz-Security-Token") != "" {
		t.Error("the first session token is still there")
	}
	r.Body = nil
	Presign(r, testCredentials(""), testRegion, "sts", time.Minute, later)
	Presign(r, testCredentials(""), testRegion, "sts", time.Minute, later)
	if err := check(wire(t, r), nil, later); err != nil {
		t.Error(err)
	}
}

func TestHeaderSigned(t *testing.T) {
	r, _ := signed(t, "")
	r.Header.Set("X-Amzn-Bedrock-Agentcore-Runtime-User-Id", "u")
	r.Header.Set("X-Amzn-Trace-Id", "t")
	q, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"Host": true, "X-Amz-Target": true, "content-type": true,
		"X-Amzn-Bedrock-AgentCore-Runtime-User-Id": false, "X-Amzn-Trace-Id": false, "": false} {
		if got := q.HeaderSigned(name); got != want {
			t.Errorf("HeaderSigned(%q) = %v", name, got)
		}
	}
}

func TestIsSigned(t *testing.T) {
	r, _ := signed(t, "")
	bearer := newRequest(t, "GET", "http://h/?a=b", "")
	bearer.Header.Set("Authorization", "Bearer AWS4-")
	for _, tt := range []struct {
		r    *http.Request
		want bool
	}{{r, true}, {presigned(t, "", time.Minute), true}, {bearer, false}, {newRequest(t, "GET", "http://h/", ""), false}} {
		if got := IsSigned(tt.r); got != tt.want {
			t.Errorf("IsSigned(%s %v) = %v", tt.r.URL, tt.r.Header, got)
		}
	}
	_, err := Parse(bearer)
	refused(t, err, CodeMissingToken, "no AWS signature")
	if strings.Contains(err.Error(), "Bearer") {
		t.Errorf("the refusal repeats the header: %v", err)
	}
}

// TestNothingPrintsSecrets prints in every way that logs and panics use.
func TestNothingPrintsSecrets(t *testing.T) {
	r, _ := signed(t, testToken)
	q, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	c := testCredentials(testToken)
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	var out strings.Builder
	for _, v := range []any{c, &c, []any{c}, struct{ C Credentials }{c}, q, *q, struct{ Q *Request }{q}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	for _, secret := range []string{testSecret, testToken, signature, fmt.Sprintf("%x", testSecret)} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed", secret)
		}
	}
	if !strings.Contains(out.String(), testID) {
		t.Error("the access key id is not shown")
	}
}

// TestA48_RefusalsAreOneQuotedLine puts control characters into every field
// that a message repeats.
func TestA48_RefusalsAreOneQuotedLine(t *testing.T) {
	evil := "\r\nx\x1b[2J\x00" + strings.Repeat("é", 500)
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.Header.Set("Authorization", "AWS4-"+evil) },
		func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+evil+", SignedHeaders=host, Signature="+emptyHash)
		},
		func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AK/"+evil[:90]+"/a/b/c, SignedHeaders=host, Signature="+emptyHash)
		},
		func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host", evil, 1))
		},
		func(r *http.Request) { r.Header.Set("X-Amz-Date", evil) },
		func(r *http.Request) { r.Header["X-Amz-"+evil] = []string{"v"} },
		func(r *http.Request) { r.RequestURI = evil },
		func(r *http.Request) { r.Host = evil },
		func(r *http.Request) { r.Host = evil[:20] },
	} {
		r, body := signed(t, "")
		change(r)
		err := check(r, body, testNow)
		if err == nil {
			t.Error("accepted")
			continue
		}
		var e *Error
		if !errors.As(err, &e) || len(e.Message) > 700 || strings.ContainsAny(e.Message, "\r\n\x1b\x00") {
			t.Errorf("%q", err.Error())
		}
	}
}

func TestA50_FieldsAreBounded(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	header := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	tests := map[string]func(*http.Request){
		"path":           func(r *http.Request) { r.RequestURI = "/" + long(maxPath) },
		"query":          func(r *http.Request) { r.RequestURI = "/?" + long(maxQuery+1) },
		"parameters":     func(r *http.Request) { r.RequestURI = "/?a" + strings.Repeat("&a", maxQueryParams) },
		"method":         func(r *http.Request) { r.Method = long(maxMethod + 1) },
		"host":           func(r *http.Request) { r.Host = long(maxHost + 1) },
		"no host":        func(r *http.Request) { r.Host, r.URL.Host = "", "" },
		"Authorization":  header("Authorization", "AWS4-HMAC-SHA256 "+long(maxAuthorization)),
		"Credential":     header("Authorization", "AWS4-HMAC-SHA256 Credential="+long(500)+", SignedHeaders=host, Signature="+emptyHash),
		"access key id":  header("Authorization", "AWS4-HMAC-SHA256 Credential="+long(maxAccessKeyID+1)+"/20260102/r/s/aws4_request, SignedHeaders=host, Signature="+emptyHash),
		"region":         header("Authorization", "AWS4-HMAC-SHA256 Credential=A/20260102/"+long(maxScopeField+1)+"/s/aws4_request, SignedHeaders=host, Signature="+emptyHash),
		"signed headers": header("Authorization", "AWS4-HMAC-SHA256 Credential=A/20260102/r/s/aws4_request, SignedHeaders=a"+strings.Repeat(";a", maxSignedHeaders)+", Signature="+emptyHash),
		"header name":    header("Authorization", "AWS4-HMAC-SHA256 Credential=A/20260102/r/s/aws4_request, SignedHeaders="+long(maxHeaderName+1)+", Signature="+emptyHash),
		"token":          header("X-Amz-Security-Token", long(maxToken+1)),
		"header value":   header("X-Amz-Target", long(maxCanonicalBytes)),
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			r, _ := signed(t, testToken)
			change(r)
			_, err := Parse(r)
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("got %v, want a refusal", err)
			}
		})
	}
}
