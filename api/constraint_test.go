package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

type inner struct {
	_ struct{} `v:"union"`
	A *string  `json:"a,omitempty" v:"len=2..3"`
	B *string  `json:"b,omitempty" v:"len=1..3"`
}

type shape struct {
	Name   string            `json:"name" v:"required;len=3..5;pattern=workloadName"`
	Key    Sensitive         `json:"key,omitempty" v:"len=0..3"`
	Link   *string           `json:"link,omitempty" v:"len=1..10;secret"`
	Count  *int32            `json:"count,omitempty" v:"range=1..20"`
	List   []string          `json:"list,omitempty" v:"items=1..2" each:"len=1..3"`
	Map    map[string]string `json:"map,omitempty" v:"items=0..1" keys:"len=1..3" each:"len=0..3"`
	Choice *inner            `json:"choice,omitempty"`
	Items  []item            `json:"items,omitempty" v:"items=0..2"`
	Never  *Unserved         `json:"never,omitempty" unserved:"the reason"`
}

type item struct {
	Name string `json:"name" v:"required;len=1..3"`
}

func text(s string) *string { return &s }

// TestValidate: lengths count characters, problems name the member and the constraint in the words that clients know, and
// all of them come at once.
func TestValidate(t *testing.T) {
	s := Compile(reflect.TypeFor[shape]())
	n := int32(21)
	for name, c := range map[string]struct {
		in   shape
		want string
	}{
		"null":       {shape{}, "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"},
		"short":      {shape{Name: "ab"}, "Value 'ab' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 3"},
		"long":       {shape{Name: "abcdef"}, "length less than or equal to 5"},
		"pattern":    {shape{Name: "a b"}, "Member must satisfy regular expression pattern: [A-Za-z0-9_.-]+"},
		"characters": {shape{Name: "\u00e9\u00e9\u00e9"}, "regular expression pattern"}, // three characters, six bytes
		"range":      {shape{Name: "abc", Count: &n}, "Value '21' at 'count' failed to satisfy constraint: Member must have value less than or equal to 20"},
		"items":      {shape{Name: "abc", List: []string{}}, "Value with 0 items at 'list'"},
		"item":       {shape{Name: "abc", List: []string{"a", "abcd"}}, "at 'list.2.member'"},
		"entries":    {shape{Name: "abc", Map: map[string]string{"a": "", "b": ""}}, "Value with 2 items at 'map'"},
		"key":        {shape{Name: "abc", Map: map[string]string{"abcd": ""}}, "at 'map key'"},
		"value":      {shape{Name: "abc", Map: map[string]string{"a": "abcd"}}, "at 'map value'"},
		"no member":  {shape{Name: "abc", Choice: &inner{}}, "Value with 0 members at 'choice' failed to satisfy constraint: Exactly one of these members must be set: a, b"},
		"two":        {shape{Name: "abc", Choice: &inner{A: text("aa"), B: text("b")}}, "with 2 members"},
		"nested":     {shape{Name: "abc", Choice: &inner{A: text("a")}}, "at 'choice.a'"},
		"list item":  {shape{Name: "abc", Items: []item{{Name: "a"}, {Name: "abcd"}}}, "Value 'abcd' at 'items.2.member.name'"},
		"empty item": {shape{Name: "abc", Items: []item{{}}}, "Value null at 'items.1.member.name'"},
		"many items": {shape{Name: "abc", Items: []item{{}, {}, {}}}, "Value with 3 items at 'items'"},
		"unserved":   {shape{Name: "abc", Never: &Unserved{}}, "Value sent at 'never' failed to satisfy constraint: Member must be left out: the reason"},
		"several":    {shape{Count: &n}, "2 validation errors detected"},
	} {
		ex := s.Validate(&c.in)
		if ex == nil || !strings.Contains(ex.Message, c.want) || ex.Name != ValidationException || ex.Reason != ReasonFieldValidation || len(ex.Fields) == 0 {
			t.Errorf("%s: %v", name, ex)
		}
	}
	zero := int32(1)
	if ex := s.Validate(&shape{Name: "abc", Count: &zero, List: []string{"a"}, Map: map[string]string{"k": ""}, Choice: &inner{B: text("b")}}); ex != nil {
		t.Errorf("a good one: %v", ex)
	}
}

// TestMessagesHideSecrets: what opens something is not repeated, and what a stranger sent cannot break a line or flood it.
func TestMessagesHideSecrets(t *testing.T) {
	s := Compile(reflect.TypeFor[shape]())
	ex := s.Validate(&shape{Name: "x\n" + strings.Repeat("y", 5000), Key: "s3cret", Link: text("urn:opens-something")})
	if ex == nil || strings.Contains(ex.Message, "s3cret") || strings.Contains(ex.Message, "opens-something") || strings.Contains(ex.Message, "\n") || len(ex.Message) > 1000 || len(ex.Fields) != 3 {
		t.Errorf("%v", ex)
	}
	secret := Sensitive("s3cret")
	for _, shown := range []string{fmt.Sprint(secret), fmt.Sprintf("%q %x %#v %s", secret, secret, secret, secret), secret.String(), secret.GoString(), slog.AnyValue(secret).Resolve().String(), fmt.Sprintf("%+v", shape{Key: secret})} {
		if strings.Contains(shown, "s3cret") || strings.Contains(shown, "733363") {
			t.Errorf("shown as %s", shown)
		}
	}
}

// TestDeclarationsAreChecked: a constraint that is misspelt stops the program, so that it is not missing unseen.
func TestDeclarationsAreChecked(t *testing.T) {
	for _, bad := range []any{
		struct {
			A string `json:"a" v:"requird"`
		}{},
		struct {
			A string `json:"a" v:"pattern=nonesuch"`
		}{},
		struct {
			A string `json:"a" v:"enum=nonesuch"`
		}{},
		struct {
			A string `json:"a" v:"len=1-2"`
		}{},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T compiles", bad)
				}
			}()
			Compile(reflect.TypeOf(bad))
		}()
	}
}

// TestOperationsAreDistinct: no two rows share a name, an action or an address, and every row says what policy decides on.
func TestOperationsAreDistinct(t *testing.T) {
	seen := map[string]string{}
	for _, op := range Operations() {
		address := op.Method + " " + op.Path
		if v := op.Service.Version(); v != "" { // AWS Query has one path for all
			address += "?Version=" + v + "&Action=" + op.Name
		}
		for _, key := range []string{op.Name, address, op.Action()} {
			if other, ok := seen[key]; ok && other != op.Name {
				t.Errorf("%s and %s share %s", op.Name, other, key)
			}
			seen[key] = op.Name
		}
		if len(op.Resources) == 0 || op.Status < 200 || op.Status > 204 || !strings.HasPrefix(op.Path, "/") {
			t.Errorf("incomplete: %+v", op)
		}
	}
}

// TestTimestamp: epoch seconds with milliseconds, as a number; nothing else is read.
func TestTimestamp(t *testing.T) {
	at := time.UnixMilli(1795321122535)
	b, err := json.Marshal(Timestamp(at))
	if err != nil || string(b) != "1795321122.535" {
		t.Errorf("written as %s, %v", b, err)
	}
	for in, want := range map[string]int64{"1795321122.535": 1795321122535, "0": 0, "-1": -1000, "1e3": 1_000_000} {
		var got Timestamp
		if err := json.Unmarshal([]byte(in), &got); err != nil || time.Time(got).UnixMilli() != want {
			t.Errorf("%s is read as %v, %v", in, time.Time(got), err)
		}
	}
	for _, bad := range []string{`"2026-01-01T00:00:00Z"`, `1e300`, `true`, fmt.Sprint(int64(math.MaxInt64))} {
		var got Timestamp
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s is read as %v", bad, time.Time(got))
		}
	}
}

// TestTimestampText: ISO 8601 in UTC to the second, as AWS Query answers have it.
func TestTimestampText(t *testing.T) {
	at := time.Date(2026, 1, 2, 4, 4, 5, 999, time.FixedZone("", 3600))
	b, err := Timestamp(at).MarshalText()
	if err != nil || string(b) != "2026-01-02T03:04:05Z" {
		t.Errorf("written as %s, %v", b, err)
	}
	var got Timestamp
	if err := got.UnmarshalText(b); err != nil || !time.Time(got).Equal(at.Truncate(time.Second)) {
		t.Errorf("read as %v, %v", time.Time(got), err)
	}
	if err := got.UnmarshalText([]byte("1795321122")); err == nil {
		t.Error("epoch seconds are read")
	}
}

// TestStatuses: the statuses that clients rely on, and 500 for what has no name.
func TestStatuses(t *testing.T) {
	for name, want := range map[ExceptionName]int{
		ValidationException: 400, UnauthorizedException: 401, ServiceQuotaExceeded: 402, AccessDeniedException: 403, MissingAuthenticationToken: 403, IncompleteSignature: 403,
		InvalidSignature: 403, UnrecognizedClient: 403, ExpiredToken: 403, ResourceNotFoundException: 404, UnknownOperationException: 404, ConflictException: 409,
		RequestEntityTooLarge: 413, UnsupportedMediaType: 415, ThrottlingException: 429, InternalServerException: 500, ServiceUnavailableException: 503, "Unknown": 500,

		ValidationError: 400, InvalidAction: 400, MalformedPolicyDocument: 400, JWTPayloadSizeExceeded: 400, PackedPolicyTooLarge: 400, InvalidIdentityToken: 400,
		IDPCommunicationError: 400, QueryIncompleteSignature: 400, Throttling: 400, AccessDenied: 403, OutboundFederationDisabled: 403, SessionDurationEscalation: 403,
		IDPRejectedClaim: 403, InvalidClientTokenID: 403, ExpiredCredentials: 403, SignatureDoesNotMatch: 403, QueryMissingAuthentication: 403, NoSuchEntity: 404,
		FeatureDisabled: 404, EntityAlreadyExists: 409, DeleteConflict: 409, LimitExceeded: 409, FeatureEnabled: 409, RequestTooLarge: 413,
		ServiceFailure: 500, InternalFailure: 500, ServiceUnavailable: 503,
	} {
		if got := name.Status(); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
}
