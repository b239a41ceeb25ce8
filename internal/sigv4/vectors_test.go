package sigv4

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// docTime and docHost are those of the published examples.
var docTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

const docHost = "example.amazonaws.com"

// TestSigningKeyVector is the published example of a derived key.
func TestSigningKeyVector(t *testing.T) {
	got := DeriveKey([]byte(testSecret), Scope{Date: "20150830", Region: "us-east-1", Service: "iam"})
	const want = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
	if hex.EncodeToString(got) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

// TestPublishedVectors verifies the published requests and their signatures.
func TestPublishedVectors(t *testing.T) {
	tests := []struct {
		name, method, target, host, service string
		headers                             [][2]string
		body, signedHeaders, signature      string
	}{
		{"ListUsers", "GET", "/?Action=ListUsers&Version=2010-05-08", "iam.amazonaws.com", "iam",
			[][2]string{{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}, "",
			"content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
		{"get-vanilla", "GET", "/", docHost, "service", nil, "",
			"host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", docHost, "service", nil, "",
			"host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-header-value-trim", "GET", "/", docHost, "service",
			[][2]string{{"My-Header1", " value1"}, {"My-Header2", ` "a   b   c"`}}, "",
			"host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"post-vanilla", "POST", "/", docHost, "service", nil, "",
			"host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"post-x-www-form-urlencoded", "POST", "/", docHost, "service",
			[][2]string{{"Content-Type", "application/x-www-form-urlencoded"}}, "Param1=value1",
			"content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequest(t, tt.method, "http://"+tt.host+tt.target, tt.body)
			r.Header.Set("X-Amz-Date", docTime.Format(timeLayout))
			for _, h := range tt.headers {
				r.Header.Add(h[0], h[1])
			}
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"+tt.service+
				"/aws4_request, SignedHeaders="+tt.signedHeaders+", Signature="+tt.signature)
			if err := check(wire(t, r), []byte(tt.body), docTime); err != nil {
				t.Error(err)
			}
		})
	}
}

type clientVector struct{ Name, Raw string }

// clientVectors are requests that botocore's clients and the JavaScript signer
// sent, recorded byte by byte (user agents removed, which are not signed).
func clientVectors(t testing.TB) []clientVector {
	t.Helper()
	b, err := os.ReadFile("testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var v []clientVector
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v) < 11 {
		t.Fatalf("only %d recorded requests", len(v))
	}
	return v
}

func TestRecordedClients(t *testing.T) {
	for _, v := range clientVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			r, err := receive(v.Raw)
			if err != nil {
				t.Fatal(err)
			}
			body := readBody(t, r)
			q, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := check(r, body, q.SignedAt.Add(time.Minute/2)); err != nil {
				t.Error(err)
			}
			want := ""
			if strings.Contains(v.Raw, "X-Amz-Security-Token") || strings.Contains(v.Raw, "x-amz-security-token") {
				want = testToken
			}
			if q.SessionToken != want {
				t.Errorf("session token %q, want %q", q.SessionToken, want)
			}
		})
	}
}

// TestVerifyLeavesTheRequestAlone compares the request before and after.
func TestVerifyLeavesTheRequestAlone(t *testing.T) {
	header, body := signed(t, testToken)
	query := presigned(t, testToken, time.Minute)
	for _, tt := range []struct {
		name string
		r    *http.Request
		body []byte
	}{{"header", header, body}, {"presigned", query, nil}} {
		before := dump(t, tt.r)
		if err := check(tt.r, tt.body, testNow); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if after := dump(t, tt.r); !bytes.Equal(before, after) {
			t.Errorf("%s changed:\n%s\n%s", tt.name, before, after)
		}
	}
}

// TestParseTakesASnapshot changes the request between Parse and Verify, as a
// front door does that strips headers.
func TestParseTakesASnapshot(t *testing.T) {
	r, body := signed(t, testToken)
	q, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{}
	r.RequestURI, r.Method, r.Host = "/other", "PUT", "other"
	key := DeriveKey([]byte(testSecret), q.Scope)
	for range 2 {
		if err := q.Verify(key, body, testNow); err != nil {
			t.Error(err)
		}
	}
}

func dump(t *testing.T, r *http.Request) []byte {
	t.Helper()
	b, err := json.Marshal([]any{r.Method, r.RequestURI, r.URL, r.Host, r.Header, r.ContentLength})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
