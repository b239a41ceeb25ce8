package sigv4

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func TestA28_DuplicatesAndOrder(t *testing.T) {
	edit := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			a := r.Header.Get("Authorization")
			if !strings.Contains(a, from) {
				panic(from)
			}
			r.Header.Set("Authorization", strings.Replace(a, from, to, 1))
		}
	}
	add := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Add(k, v) } }
	tests := []struct {
		name   string
		change func(*http.Request)
		text   string
	}{
		{"two Authorization headers", add("Authorization", "Bearer x"), "2 times"},
		{"two dates", add("X-Amz-Date", "20260102T030405Z"), "2 times"},
		{"two payload hashes", add("X-Amz-Content-Sha256", emptyHash), "2 times"},
		{"two targets", add("X-Amz-Target", "Other"), "2 times"},
		{"two content types", add("Content-Type", "text/plain"), "2 times"},
		{"unsigned x-amz header", add("X-Amz-Other", "v"), "must be signed"},
		{"x-amz header in another spelling", func(r *http.Request) { r.Header["x-AMZ-other"] = []string{"v"} }, "canonical spelling"},
		{"Authorization in another spelling", func(r *http.Request) { r.Header["authorization"] = []string{"v"} }, "canonical spelling"},
		{"host unsigned", edit("host;", ""), "host\" must be signed"},
		{"date unsigned", edit("x-amz-date;", ""), "x-amz-date\" must be signed"},
		{"content type unsigned", edit("content-type;", ""), "content-type\" must be signed"},
		{"unsorted", edit("content-type;host", "host;content-type"), "not sorted"},
		{"name twice", edit("host;", "host;host;"), "not sorted or names"},
		{"upper case", edit("host;", "Host;"), "lower-case header name"},
		{"empty name", edit("host;", "host;;"), "lower-case header name"},
		{"signs itself", edit("=content-type", "=authorization;content-type"), "cannot sign itself"},
		{"absent header", edit("x-amz-target", "x-amz-target;zz"), "no such header"},
		{"presigned as well", func(r *http.Request) { r.RequestURI += "&X-Amz-Signature=" + emptyHash }, "signed twice"},
		{"Credential twice", edit(", Signed", ", Credential=a, Signed"), "Credential twice"},
		{"unknown part", edit(", Signed", ", Other=a, Signed"), "unknown part"},
		{"no signature", edit(", Signature=", ", Signature=,x="), "is empty"},
		{"upper-case signature", func(r *http.Request) {
			head, sig, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", head+"Signature="+strings.ToUpper(sig))
		}, "lower-case hexadecimal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, body := signed(t, testToken)
			tt.change(r)
			refused(t, check(r, body, testNow), CodeIncomplete, tt.text)
		})
	}
}

// TestA28_HeaderSpaces has what signers and proxies do to white space.
func TestA28_HeaderSpaces(t *testing.T) {
	send := func(signed, received string) error {
		r := newRequest(t, "GET", "http://h/", "")
		r.Header["X-Amz-Meta"] = []string{signed}
		Sign(r, nil, testCredentials(""), testRegion, "sts", testNow)
		got := wire(t, r)
		got.Header["X-Amz-Meta"] = []string{received}
		return check(got, nil, testNow)
	}
	for _, received := range []string{"a b", " a b", "a b \t", "a    b"} {
		if err := send("a  b", received); err != nil {
			t.Errorf("%q: %v", received, err)
		}
	}
	for _, received := range []string{"ab", "a\tb", "a b,", "a b\nx-amz-target:y", "a b\x00", ""} {
		if err := send("a  b", received); err == nil {
			t.Errorf("%q was accepted", received)
		}
	}
}

// TestA28_ControlCharacters: a line break would make one value look like two
// canonical lines, whatever let it through.
func TestA28_ControlCharacters(t *testing.T) {
	for _, v := range []string{"a\nx-amz-zed:b", "a\rb", "a\x00", "a\x7f"} {
		r, _ := signed(t, "")
		r.Header.Set("X-Amz-Target", v)
		_, err := Parse(r)
		refused(t, err, CodeIncomplete, "control character")
	}
}

// TestA28_CommaAndLines: values on two lines and one value with a comma sign
// alike, which is harmless only in headers that are lists.
func TestA28_CommaAndLines(t *testing.T) {
	r := newRequest(t, "GET", "http://h/", "")
	r.Header["Accept"] = []string{"a", "b"}
	sdkSign(t, r, nil, "", "sts", testNow)
	got := wire(t, r)
	if err := check(got, nil, testNow); err != nil {
		t.Error(err)
	}
	got.Header["Accept"] = []string{"b", "a"}
	refused(t, check(got, nil, testNow), CodeInvalidSignature, "does not match")
}

// TestA28_PathEncodedTwice signs as S3 does, with the path encoded once.
func TestA28_PathEncodedTwice(t *testing.T) {
	c := aws.Credentials{AccessKeyID: testID, SecretAccessKey: testSecret}
	for _, once := range []bool{true, false} {
		r := newRequest(t, "GET", "http://h/tags/arn%3Aaws%3Ax%2Fy", "")
		err := v4.NewSigner().SignHTTP(context.Background(), c, r, emptyHash, "sts", testRegion, testNow,
			func(o *v4.SignerOptions) { o.DisableURIPathEscaping = once })
		if err != nil {
			t.Fatal(err)
		}
		if err := check(wire(t, r), nil, testNow); (err == nil) == once {
			t.Errorf("encoded once: %v, got %v", once, err)
		}
	}
}

// TestA28_PathForms: the path is the one on the wire, not a decoded one.
func TestA28_PathForms(t *testing.T) {
	for _, uri := range []string{"/a%2Fb", "/a%2fb", "/a/b", "/a/b/", "/a%252Fb", "/a:b", "/a%3Ab", "/%2E%2E/a", "/~a"} {
		r := newRequest(t, "GET", "http://h"+uri, "")
		Sign(r, nil, testCredentials(""), testRegion, "sts", testNow)
		for _, received := range []string{"/a%2Fb", "/a%2fb", "/a/b", "/a/b/", "/a%252Fb", "/a:b", "/a%3Ab", "/%2E%2E/a", "/~a", "/%7Ea"} {
			got := wire(t, r)
			got.RequestURI = received
			if err := check(got, nil, testNow); (err == nil) != (uri == received) {
				t.Errorf("signed %s, received %s: %v", uri, received, err)
			}
		}
	}
	for _, uri := range []string{"//a", "/a//b", "/./a", "/a/.", "/a/..", "/../a", "/a//", "a", "*"} {
		r, body := signed(t, "")
		r.RequestURI = uri
		refused(t, check(r, body, testNow), CodeIncomplete, "")
	}
	r, body := signed(t, "")
	r.RequestURI = "http://127.0.0.1:8585" + r.RequestURI
	if err := check(r, body, testNow); err != nil {
		t.Errorf("absolute form: %v", err)
	}
}

func TestA28_QueryForms(t *testing.T) {
	r := newRequest(t, "GET", "http://h/?b=2&a=x%20y&a=%2B&c", "")
	Sign(r, nil, testCredentials(""), testRegion, "sts", testNow)
	for query, text := range map[string]string{
		"b=2&a=x%20y&a=%2B&c":      "", // as it was written
		"a=%2B&a=x%20y&b=2&c=":     "", // sorted
		"%61=%2b&a=x%20y&b=%32&c=": "", // encoded differently, same meaning
		"b=2&a=x+y&a=%2B&c":        "two readings",
		"b=2&a=x%20y&a=+&c":        "two readings",
		"b=2;a=x%20y&a=%2B&c":      "two readings",
		"b=2&a=x%2520y&a=%2B&c":    "does not match",
		"b=2&a=x%20y&a=%2B":        "does not match",
		"b=2&a=x%20y&a=%2B&c&c":    "does not match",
		"b=2&a=x%20y&a=%2B&c&":     "without a name",
		"b=2&a=x%20y&a=%2B&c&=1":   "without a name",
		"b=2&a=x%2":                "two hexadecimal digits",
		"b=2&a=x%zz":               "two hexadecimal digits",
	} {
		got := wire(t, r)
		got.RequestURI = "/?" + query
		switch err := check(got, nil, testNow); {
		case text == "" && err != nil:
			t.Errorf("%s: %v", query, err)
		case text != "" && (err == nil || !strings.Contains(err.Error(), text)):
			t.Errorf("%s: got %v, want %q", query, err, text)
		}
	}
}

func TestA29_PresignedWindow(t *testing.T) {
	r := presigned(t, testToken, time.Minute)
	for off, text := range map[time.Duration]string{
		0: "", 59 * time.Second: "", -5 * time.Minute: "",
		time.Minute: "Signature expired", time.Hour: "Signature expired",
		-5*time.Minute - time.Second: "Signature not yet current",
	} {
		switch err := check(r, nil, testNow.Add(off)); {
		case text == "" && err != nil:
			t.Errorf("%v: %v", off, err)
		case text != "":
			refused(t, err, CodeInvalidSignature, text)
		}
	}
}

func TestA29_PresignedAltered(t *testing.T) {
	edit := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			if !strings.Contains(r.RequestURI, from) {
				panic(from)
			}
			r.RequestURI = strings.Replace(r.RequestURI, from, to, 1)
		}
	}
	tests := []struct {
		name   string
		change func(*http.Request)
		text   string
	}{
		{"longer life", edit("Expires=60", "Expires=600"), "does not match"},
		{"other action", edit("GetCallerIdentity", "GetSessionToken"), "does not match"},
		{"parameter added", edit("?", "?a=b&"), "does not match"},
		{"method", func(r *http.Request) { r.Method = "POST" }, "does not match"},
		{"host", func(r *http.Request) { r.Host = "other:8585" }, "does not match"},
		{"header added", func(r *http.Request) { r.Header.Set("X-Amz-Target", "v") }, "must be signed"},
		{"date header", func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260102T030405Z") }, "also has the header"},
		{"Authorization", func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a") }, "signed twice"},
		{"Expires zero", edit("Expires=60", "Expires=0"), "must be 1 to"},
		{"Expires negative", edit("Expires=60", "Expires=-60"), "must be 1 to"},
		{"Expires signed", edit("Expires=60", "Expires=%2B60"), "must be 1 to"},
		{"Expires padded", edit("Expires=60", "Expires=060"), "must be 1 to"},
		{"Expires beyond a week", edit("Expires=60", "Expires=604801"), "must be 1 to"},
		{"Expires empty", edit("Expires=60", "Expires="), "must be 1 to"},
		{"Expires twice", edit("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=60"), "present twice"},
		{"signature twice", edit("X-Amz-Date", "X-Amz-Signature=a&X-Amz-Date"), "present twice"},
		{"no signature", edit("X-Amz-Signature", "X-Amz-Signatur"), "lacks X-Amz-Signature"},
		{"no date", edit("X-Amz-Date", "X-Amz-Dat"), "lacks X-Amz-Date"},
		{"other algorithm", edit("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), "not supported"},
		{"host unsigned", edit("SignedHeaders=host", "SignedHeaders=accept"), "must be signed"},
		{"name encoded", edit("X-Amz-Date", "X%2DAmz-Date=20260102T030405Z&X-Amz-Date"), "present twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := presigned(t, "", time.Minute)
			tt.change(r)
			if err := check(r, nil, testNow); err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
}

func TestA29_UnsignedPayload(t *testing.T) {
	r := newRequest(t, "POST", "http://h/", "body")
	for _, declared := range []string{"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"} {
		refused(t, signDeclared(t, r, declared, []byte("body")), CodeInvalidSignature, "no unsigned or chunk-signed body")
		refused(t, signDeclared(t, r, declared, nil), CodeInvalidSignature, "no unsigned or chunk-signed body")
	}
	for _, declared := range []string{emptyHash, "unsigned-payload", "x", strings.ToUpper(emptyHash)} {
		refused(t, signDeclared(t, r, declared, []byte("body")), CodeInvalidSignature, "not the SHA-256")
	}
	p := presigned(t, "", time.Minute)
	refused(t, check(p, []byte("body"), testNow), CodeInvalidSignature, "does not match")
}

// signDeclared signs correctly over a payload hash that the client chose.
func signDeclared(t *testing.T, r *http.Request, declared string, body []byte) error {
	t.Helper()
	r = r.Clone(t.Context())
	r.Header.Set("X-Amz-Content-Sha256", declared)
	c := aws.Credentials{AccessKeyID: testID, SecretAccessKey: testSecret}
	if err := v4.NewSigner().SignHTTP(t.Context(), c, r, declared, "sts", testRegion, testNow); err != nil {
		t.Fatal(err)
	}
	return check(r, body, testNow)
}

// TestA29_PresignedUnsignedPayload: a URL presigned for any body serves only
// without one.
func TestA29_PresignedUnsignedPayload(t *testing.T) {
	c := aws.Credentials{AccessKeyID: testID, SecretAccessKey: testSecret}
	r := newRequest(t, "POST", "http://h/?X-Amz-Expires=60&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD", "")
	r.ContentLength = 0
	url, _, err := v4.NewSigner().PresignHTTP(t.Context(), c, r, unsignedPayload, "sts", testRegion, testNow)
	if err != nil {
		t.Fatal(err)
	}
	got := wire(t, newRequest(t, "POST", url, ""))
	if err := check(got, nil, testNow); err != nil {
		t.Error(err)
	}
	refused(t, check(got, []byte("body"), testNow), CodeInvalidSignature, "no unsigned or chunk-signed body")
}
