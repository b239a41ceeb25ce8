package server

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

type queryAnswer struct {
	Name  string             `json:"Name"`
	Empty string             `json:"Empty,omitempty"`
	Count int32              `json:"Count"`
	Flag  bool               `json:"Flag"`
	At    api.Timestamp      `json:"At"`
	Later *api.Timestamp     `json:"Later,omitempty"`
	Doc   api.PolicyDocument `json:"Doc"`
	Key   api.Sensitive      `json:"Key"`
	Words []string           `json:"Words"`
	Tags  []api.Tag          `json:"Tags,omitempty"`
	One   *api.Tag           `json:"One,omitempty"`
}

const written = "2026-01-02T03:04:05.999999999+01:00"

func answerOf(t testing.TB, op api.Operation, out any) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("x-amzn-RequestId", "the-id")
	if err := (query{}).compile(reflect.TypeFor[api.Empty](), reflect.TypeOf(out).Elem()).encode(w, op, out); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAnswersAreWritten(t *testing.T) {
	at, err := time.Parse(time.RFC3339Nano, written)
	if err != nil {
		t.Fatal(err)
	}
	v := "<v>"
	got := answerOf(t, api.GetCallerIdentity, &queryAnswer{Name: "a<b>&\"c\"", Count: -1, At: api.Timestamp(at), Doc: `{"A": "é+~"}`, Key: "s3cret",
		Tags: []api.Tag{{Key: "k", Value: &v}, {Key: "n"}}, One: &api.Tag{Key: "o"}})
	const want = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
		`<Name>a&lt;b&gt;&amp;&#34;c&#34;</Name><Count>-1</Count><Flag>false</Flag><At>2026-01-02T02:04:05Z</At>` +
		`<Doc>%7B%22A%22%3A%20%22%C3%A9%2B~%22%7D</Doc><Key>s3cret</Key><Words></Words>` +
		`<Tags><member><Key>k</Key><Value>&lt;v&gt;</Value></member><member><Key>n</Key><Value></Value></member></Tags><One><Key>o</Key><Value></Value></One>` +
		`</GetCallerIdentityResult><ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	if got.Body.String() != want {
		t.Errorf("written as\n%s\nwant\n%s", got.Body, want)
	}
	h := got.Header()
	if got.Code != 200 || h.Get("Content-Type") != "text/xml" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", got.Code, h)
	}
}

// TestEmptyAnswers: an operation that answers nothing has no result element; one whose result has no members has one.
func TestEmptyAnswers(t *testing.T) {
	const ns, metadata = ` xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`, `<ResponseMetadata><RequestId>the-id</RequestId></ResponseMetadata>`
	if got, want := answerOf(t, api.DeleteUser, &api.Empty{}).Body.String(), `<DeleteUserResponse`+ns+metadata+`</DeleteUserResponse>`; got != want {
		t.Errorf("written as %s, want %s", got, want)
	}
	if got, want := answerOf(t, api.UpdateRole, &api.UpdateRoleResponse{}).Body.String(), `<UpdateRoleResponse`+ns+`<UpdateRoleResult></UpdateRoleResult>`+metadata+`</UpdateRoleResponse>`; got != want {
		t.Errorf("written as %s, want %s", got, want)
	}
}

func TestErrorAnswers(t *testing.T) {
	for _, c := range []struct {
		op     api.Operation
		ex     *api.Exception
		status int
		want   string
	}{
		{api.GetUser, &api.Exception{Name: api.NoSuchEntity, Message: "no <user>\x00"}, 404,
			`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>no &lt;user&gt;` + "\uFFFD" + `</Message></Error><RequestId>the-id</RequestId></ErrorResponse>`},
		{api.Operation{}, &api.Exception{Name: api.InternalFailure, Message: "m"}, 500,
			`<ErrorResponse><Error><Type>Receiver</Type><Code>InternalFailure</Code><Message>m</Message></Error><RequestId>the-id</RequestId></ErrorResponse>`},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("x-amzn-RequestId", "the-id")
		if err := (query{}).writeException(w, c.op, c.ex, c.status); err != nil || w.Body.String() != c.want || w.Code != c.status {
			t.Errorf("written as %d %s, want %s", w.Code, w.Body, c.want)
		}
	}
}

// wellFormed reads a document to its end and returns the text of its elements by name.
func wellFormed(t testing.TB, doc []byte) map[string]string {
	t.Helper()
	texts, name := map[string]string{}, ""
	for d := xml.NewDecoder(bytes.NewReader(doc)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("%q is not well-formed: %v", doc, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			name = tok.Name.Local
		case xml.EndElement:
			name = ""
		case xml.CharData:
			if name != "" {
				texts[name] += string(tok)
			}
		}
	}
}

// FuzzXML (A48): whatever a stored name, a tag, a message or a document holds, the answer is well-formed, adds no element,
// and gives back every text that XML can carry.
func FuzzXML(f *testing.F) {
	for _, s := range []string{"", "a", "</Name><Name>x", "]]>", "\x00\x1b\xff", "\uFFFE", "&amp;", "\r\n\t ", "é\U0001F600", "{\"a\": [1, 2]}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		texts := wellFormed(t, answerOf(t, api.GetRole, &queryAnswer{Name: s, Doc: api.PolicyDocument(s), One: &api.Tag{Key: s, Value: &s}}).Body.Bytes())
		want := strings.Map(func(r rune) rune {
			if r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 {
				return r
			}
			return '\uFFFD'
		}, strings.ToValidUTF8(s, ""))
		if strings.ToValidUTF8(s, "") == s && (texts["Name"] != want || texts["Key"] != want) {
			t.Errorf("%q became %q", s, texts["Name"])
		}
		if back, err := url.PathUnescape(texts["Doc"]); err != nil || back != s {
			t.Errorf("document %q became %q, %v", s, back, err)
		}
		w := httptest.NewRecorder()
		if err := (query{}).writeException(w, api.GetRole, &api.Exception{Name: api.NoSuchEntity, Message: s}, 404); err != nil {
			t.Fatal(err)
		}
		if texts := wellFormed(t, w.Body.Bytes()); texts["Code"] != "NoSuchEntity" {
			t.Errorf("%q changed the code to %q", s, texts["Code"])
		}
	})
}

// FuzzQueryDecode: reading and validating a form never panic; what is refused is said in one line and without a secret;
// what passes is read alike when its parameters come in another order.
func FuzzQueryDecode(f *testing.F) {
	for _, s := range []string{
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn:aws:iam::000000000000:role/r&RoleSessionName=ab&WebIdentityToken=s3cret-token",
		"PolicyArns.member.1.arn=a", "PolicyArns=", "DurationSeconds=1", "ProviderId=x", "WebIdentityToken=" + strings.Repeat("x", 200), "a=%", "&", "RoleArn=\xff", "PolicyArns.member.2.arn=a",
	} {
		f.Add(s)
	}
	read := compileReader(reflect.TypeFor[api.AssumeRoleWithWebIdentityRequest]())
	shape := api.Compile(reflect.TypeFor[api.AssumeRoleWithWebIdentityRequest]())
	f.Fuzz(func(t *testing.T, text string) {
		form := parseForm(text)
		in := new(api.AssumeRoleWithWebIdentityRequest)
		if err := form.decode(read, in); err != nil {
			oneLine(t, exception(err))
			return
		}
		again := new(api.AssumeRoleWithWebIdentityRequest)
		pairs := strings.Split(text, "&")
		slices.Reverse(pairs)
		if err := parseForm(strings.Join(pairs, "&")).decode(read, again); err != nil || !reflect.DeepEqual(in, again) {
			t.Errorf("%q is read otherwise in another order: %v", text, err)
		}
		if ex := shape.Validate(in); ex != nil {
			oneLine(t, ex)
			if len(in.Token) > 20 && strings.Contains(ex.Message, string(in.Token)) {
				t.Errorf("the message repeats the token: %s", ex.Message)
			}
		}
	})
}

// TestTextIsEscaped: every byte, wherever it stands, is written as encoding/xml writes it.
func TestTextIsEscaped(t *testing.T) {
	for c := range 256 {
		for _, s := range []string{string([]byte{byte(c)}), "ab" + string([]byte{byte(c)}) + "cd"} {
			var got, want bytes.Buffer
			text(&got, s)
			if err := xml.EscapeText(&want, []byte(s)); err != nil || got.String() != want.String() {
				t.Errorf("%q is written %q, want %q (%v)", s, got.String(), want.String(), err)
			}
		}
	}
}
