package vault

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"text/template"
)

const marker = "marker-93-secret"

// leaks reports whether text shows the marker in any usual spelling of bytes.
func leaks(text string) bool {
	lower := strings.ToLower(text)
	for _, form := range []string{
		marker, "marker",
		fmt.Sprintf("%x", marker), fmt.Sprintf("% x", marker), fmt.Sprintf("%#x", []byte(marker))[2:],
		strings.Trim(fmt.Sprint([]byte(marker)), "[]"), "bWFya2Vy", "0x6d, 0x61", "155 141 162", "1101101 1100001",
	} {
		if strings.Contains(lower, strings.ToLower(form)) {
			return true
		}
	}
	return false
}

func TestLeaksSeesWhatPrintersShow(t *testing.T) {
	for _, format := range []string{"%s", "%v", "%x", "%X", "%q", "%d", "%#v", "%o", "%b"} {
		if got := fmt.Sprintf(format, []byte(marker)); !leaks(got) {
			t.Errorf("the detector of this test misses %s: %s", format, got)
		}
	}
}

type holder struct {
	Public  Secret
	private Secret
	Pointer *Secret
	hidden  *Secret
	List    []Secret
	any     any
}

func TestSecretPrintsHiddenByEveryVerb(t *testing.T) {
	s := SecretString(marker)
	h := holder{s, s, &s, &s, []Secret{s}, s}
	for _, value := range []any{s, &s, h, &h, []Secret{s}, map[string]Secret{"k": s}, []any{s}, [1]Secret{s}} {
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "20", ".3", "#+ "} {
			for verb := rune('A'); verb <= 'z'; verb++ {
				format := "%" + flags + string(verb)
				if got := fmt.Sprintf(format, value); leaks(got) {
					t.Errorf("%s of %T shows the secret: %s", format, value, got)
				}
			}
		}
	}
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%x", s), fmt.Sprintf("%q", s), fmt.Sprintf("%#v", s), s.String(), s.GoString(), fmt.Errorf("e: %v", s).Error()[3:]} {
		if got != hidden {
			t.Errorf("printed as %q", got)
		}
	}
}

func TestSecretLogsHidden(t *testing.T) {
	s := SecretString(marker)
	h := holder{s, s, &s, &s, []Secret{s}, s}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("m", "secret", s, "pointer", &s, "holder", h, "group", slog.GroupValue(slog.Any("x", s)))
	}
	if leaks(out.String()) || strings.Count(out.String(), hidden) < 6 {
		t.Errorf("logged: %s", out.String())
	}
}

type document struct {
	S Secret
	P *Secret
	L []Secret
}

func TestSecretMarshalsHidden(t *testing.T) {
	s := SecretString(marker)
	value := document{s, &s, []Secret{s}}
	asJSON, err := json.Marshal(value)
	if err != nil || string(asJSON) != `{"S":"[secret]","P":"[secret]","L":["[secret]"]}` {
		t.Errorf("JSON: %s, %v", asJSON, err)
	}
	asXML, err := xml.Marshal(value)
	if err != nil || leaks(string(asXML)) || !bytes.Contains(asXML, []byte(hidden)) {
		t.Errorf("XML: %s, %v", asXML, err)
	}
	var out bytes.Buffer
	if err := gob.NewEncoder(&out).Encode(value); err == nil && leaks(out.String()) {
		t.Error("gob shows the secret")
	}
	out.Reset()
	if err := template.Must(template.New("").Parse("{{.S}} {{.}}")).Execute(&out, value); err != nil || leaks(out.String()) {
		t.Errorf("template: %s, %v", out.String(), err)
	}
}

func TestSecretRevealsOnlyOnRequest(t *testing.T) {
	s := SecretString(marker)
	if string(s.Reveal()) != marker || s.RevealString() != marker || s.Empty() {
		t.Error("Reveal does not return what was put in")
	}
	for _, empty := range []Secret{{}, NewSecret(nil), SecretString("")} {
		if !empty.Empty() || empty.RevealString() != "" || !empty.Equal(Secret{}) || empty.Equal(s) {
			t.Error("an empty secret is not empty")
		}
	}
	if !s.Equal(SecretString(marker)) || s.Equal(SecretString(marker+"x")) || s.Equal(SecretString("M"+marker[1:])) {
		t.Error("Equal is wrong")
	}
}
