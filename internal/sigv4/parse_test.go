package sigv4

import (
	"errors"
	"strings"
	"testing"
)

func TestParseReadsTheFields(t *testing.T) {
	r, _ := signed(t, testToken)
	q, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if q.AccessKeyID != testID || q.SessionToken != testToken || q.Presigned || q.Expires != 0 || !q.SignedAt.Equal(testNow) {
		t.Errorf("got %s at %v, presigned %v", q, q.SignedAt, q.Presigned)
	}
	if want := (Scope{"20260102", testRegion, "bedrock-agentcore"}); q.Scope != want {
		t.Errorf("scope %v", q.Scope)
	}
}

// TestParseAcceptsLooseSeparators: clients differ in the blanks and the order
// of the Authorization header.
func TestParseAcceptsLooseSeparators(t *testing.T) {
	for _, from := range []string{", ", ","} {
		r, body := signed(t, "")
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		part := strings.Split(rest, ", ")
		r.Header.Set("Authorization", scheme+" "+part[2]+from+part[0]+from+part[1])
		if err := check(r, body, testNow); err != nil {
			t.Errorf("%q: %v", from, err)
		}
	}
}

func TestA30_CredentialForms(t *testing.T) {
	tests := []struct{ credential, text string }{
		{"AKID/20260102/us-west-2/sts/aws4_request", ""},
		{"AKID/20260102/local/sts/aws4_request", ""},
		{"A_1/20260102/us-gov-west-1/sts/aws4_request", ""},
		{"", "too few parts"},
		{"AKID", "too few parts"},
		{"AKID/20260102/us-west-2/sts", "too few parts"},
		{"AKID/20260102/us-west-2/sts/aws4_request/", "too many parts"},
		{"/20260102/us-west-2/sts/aws4_request", "access key id"},
		{"AK ID/20260102/us-west-2/sts/aws4_request", "access key id"},
		{"AKID%2F/20260102/us-west-2/sts/aws4_request", "access key id"},
		{"AKID/2026012/us-west-2/sts/aws4_request", "YYYYMMDD"},
		{"AKID/2026-1-2/us-west-2/sts/aws4_request", "YYYYMMDD"},
		{"AKID/20260102//sts/aws4_request", "region"},
		{"AKID/20260102/US-WEST-2/sts/aws4_request", "region"},
		{"AKID/20260102/-west/sts/aws4_request", "region"},
		{"AKID/20260102/west-/sts/aws4_request", "region"},
		{"AKID/20260102/../sts/aws4_request", "region"},
		{"AKID/20260102/us-west-2//aws4_request", "service"},
		{"AKID/20260102/us-west-2/STS/aws4_request", "service"},
		{"AKID/20260102/us-west-2/sts/aws5_request", "must end in"},
	}
	for _, tt := range tests {
		id, s, err := parseCredential(tt.credential)
		if tt.text == "" {
			if err != nil || id+"/"+s.String() != tt.credential {
				t.Errorf("%s: got %s %v, %v", tt.credential, id, s, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, tt.text) {
			t.Errorf("%s: got %v, want %q", tt.credential, err, tt.text)
		}
	}
}

func TestDateForms(t *testing.T) {
	for _, v := range []string{"", "20260102", "20260102T030405", "20260102T030405.5Z", "2026-01-02T03:04:05Z", "20261302T030405Z",
		"20260102T250405Z", "20260102t030405z", "20260102T030405Z ", "20260102T030405+", "20260230T000000Z"} {
		if got, err := parseDate(v); err == nil {
			t.Errorf("%q was read as %v", v, got)
		}
	}
	if got, err := parseDate("20260102T030405Z"); err != nil || !got.Equal(testNow) {
		t.Errorf("got %v, %v", got, err)
	}
}
