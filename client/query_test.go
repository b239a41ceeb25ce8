package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/lanyard-id/lanyard/api"
)

func stsOperations() []api.Operation {
	return slices.DeleteFunc(api.Operations(), func(op api.Operation) bool { return op.Service != api.STS })
}

// formServer answers every form with the text, and keeps the last one. It demands a signature of all but the operations
// that have none.
func formServer(t *testing.T, status int, answer string) (*httptest.Server, *url.Values) {
	t.Helper()
	var got url.Values
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if got, err = url.ParseQuery(string(body)); err != nil || r.Method != http.MethodPost || r.URL.Path != "/" {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		if unsigned := got.Get("Action") == "AssumeRoleWithWebIdentity"; unsigned {
			if r.Header.Get("Authorization") != "" {
				t.Error("a signature was sent beside the token")
			}
		} else if err := verify(r, body); err != nil {
			t.Errorf("the signature does not verify: %v", err)
		}
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("x-amzn-RequestId", "the-id")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s, &got
}

// TestEveryQueryOperation: each is named by its action and version, and reads its own result.
func TestEveryQueryOperation(t *testing.T) {
	for _, op := range stsOperations() {
		call, ok := operations()[op.Name]
		if !ok {
			t.Fatalf("no method calls %s", op.Name)
		}
		s, got := formServer(t, 200, "<"+op.Name+"Response><"+op.Name+"Result><MemberOfALaterRelease><x>1</x></MemberOfALaterRelease></"+op.Name+"Result></"+op.Name+"Response>")
		if err := call(t.Context(), newTestClient(t, s.URL)); err != nil || got.Get("Action") != op.Name || got.Get("Version") != "2011-06-15" {
			t.Errorf("%s: sent %v, %v", op.Name, *got, err)
		}
		other, _ := formServer(t, 200, "<OtherResponse><OtherResult/></OtherResponse>")
		if err := call(t.Context(), newTestClient(t, other.URL)); err == nil || !strings.Contains(err.Error(), "is it Lanyard") {
			t.Errorf("%s: another answer is read: %v", op.Name, err)
		}
	}
}

// TestFormsAndAnswers: every kind of value comes to its place, both ways.
func TestFormsAndAnswers(t *testing.T) {
	s, got := formServer(t, 200, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
		<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>MARKER-a&amp;b</SecretAccessKey><SessionToken>MARKER-t</SessionToken><Expiration>2026-01-02T03:04:05Z</Expiration></Credentials>
		<AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn</Arn></AssumedRoleUser><PackedPolicySize>6</PackedPolicySize>
	</AssumeRoleResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></AssumeRoleResponse>`)
	empty := ""
	out, err := newTestClient(t, s.URL).AssumeRole(t.Context(), &api.AssumeRoleRequest{RoleARN: "arn:r", SessionName: "a+b", DurationSeconds: aws.Int32(900),
		Tags: []api.Tag{{Key: "k", Value: &empty}, {Key: "l", Value: aws.String("v")}}, TransitiveTagKeys: []string{"k"}, PolicyARNs: []api.PolicyDescriptor{{ARN: "p"}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "Action=AssumeRole&DurationSeconds=900&PolicyArns.member.1.arn=p&RoleArn=arn%3Ar&RoleSessionName=a%2Bb&Tags.member.1.Key=k&Tags.member.1.Value=&Tags.member.2.Key=l&Tags.member.2.Value=v&TransitiveTagKeys.member.1=k&Version=2011-06-15"
	if got.Encode() != want {
		t.Errorf("sent %s, want %s", got.Encode(), want)
	}
	c := out.Credentials
	if c.AccessKeyID != "ASIA" || c.SecretAccessKey != "MARKER-a&b" || c.SessionToken != "MARKER-t" || !time.Time(c.Expiration).Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) ||
		out.AssumedRoleUser.ARN != "arn" || *out.PackedPolicySize != 6 {
		t.Errorf("read %+v", out)
	}
}

func TestQueryRefusals(t *testing.T) {
	for text, want := range map[string]api.ExceptionName{
		`<ErrorResponse xmlns="x"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no` + "\u0085" + `</Message></Error><RequestId>r</RequestId></ErrorResponse>`: api.AccessDenied,
		`<ErrorResponse/>`:     unreadable,
		`<html>busy</html>`:    unreadable,
		`{"message":"no XML"}`: unreadable,
	} {
		s, _ := formServer(t, 403, text)
		_, err := newTestClient(t, s.URL).GetCallerIdentity(t.Context())
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Exception.Name != want || e.Status != 403 || e.RequestID != "the-id" || strings.Contains(e.Error(), "\u0085") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestThrottledQueriesAreSentAgain: AWS Query says so with status 400.
func TestThrottledQueriesAreSentAgain(t *testing.T) {
	n := 0
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(roundTrip(func(*http.Request) (*http.Response, error) {
		if n++; n == 1 {
			return answer(400, `<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>`, "Content-Type", "text/xml"), nil
		}
		return answer(200, `<R><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></R>`), nil
	})))
	c.jitter = func(time.Duration) time.Duration { return 0 }
	out, err := c.GetCallerIdentity(context.Background())
	if err != nil || out.Account != "1" || n != 2 {
		t.Errorf("sent %d times: %+v, %v", n, out, err)
	}
}
