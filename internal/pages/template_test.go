package pages

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"text/template/parse"
)

// everything has each field that a page shows.
type everything struct {
	Action, Query, Proof, ClientName, Host, Name, Username, SwitchURL, Hint, Pool, Problem, Target              string
	Provider, Workload, CorrelationID, ErrorCode, ErrorDescription, Title, What, Next, Words, Scope, Stylesheet string
	Scopes                                                                                                      []struct{ Scope, Words string }
	Audiences                                                                                                   []string
	Good                                                                                                        bool
}

// everythingOf fills the fields with the texts, turn and turn about.
func everythingOf(a, b string, good bool) everything {
	return everything{
		Action: b, Query: a, Proof: a, ClientName: b, Host: a, Name: a, Username: b, SwitchURL: a, Hint: a, Pool: b, Problem: a, Target: a,
		Provider: a, Workload: b, CorrelationID: a, ErrorCode: b, ErrorDescription: a, Title: b, What: a, Next: b, Stylesheet: a,
		Scopes: []struct{ Scope, Words string }{{a, b}, {b, ""}}, Audiences: []string{a, b}, Good: good,
	}
}

// allPages are the pages of this package and those of the development authorization server, parsed by both.
func allPages(t testing.TB) (ours *Set, theirs map[string]*htmltemplate.Template) {
	t.Helper()
	extra := os.DirFS("../devidp/templates")
	ours, err := New("/s.css", extra)
	if err != nil {
		t.Fatal(err)
	}
	builtin, err := fs.Sub(templates, "templates")
	if err != nil {
		t.Fatal(err)
	}
	theirs = map[string]*htmltemplate.Template{}
	for name := range ours.pages {
		source := builtin
		if _, err := fs.Stat(extra, name+".html"); err == nil {
			source = extra
		}
		layout := htmltemplate.Must(htmltemplate.ParseFS(builtin, "base.html"))
		theirs[name] = htmltemplate.Must(layout.ParseFS(source, name+".html"))
	}
	return ours, theirs
}

// FuzzA45_SameAsHTMLTemplate: whatever the values hold, every page is the one that Go's html/template writes, to the byte.
func FuzzA45_SameAsHTMLTemplate(f *testing.F) {
	for _, s := range []string{"", "alice", `"'><script>alert(1)</script>&amp;+`, "javascript:alert(1)", "JaVaScRiPt&colon;x", "https://a.example/?q=a b&c=%41%zz#'(é)", "HTTP://x", "/a:b", " data:text/html,x", "\x00\xff\u2028<!--", "{{.}}"} {
		f.Add(s, "x", true)
		f.Add("", s, false)
	}
	ours, theirs := allPages(f)
	f.Fuzz(func(t *testing.T, a, b string, good bool) {
		for _, s := range []string{a, b} {
			if len(s) > 7 && strings.EqualFold(s[:7], "mailto:") {
				return // which html/template lets pass, and no page needs
			}
		}
		data := everythingOf(a, b, good)
		for name, page := range ours.pages {
			var got, want bytes.Buffer
			err := page.execute(&got, "base", view{Stylesheet: "/s.css", Data: data})
			if err == nil {
				err = theirs[name].ExecuteTemplate(&want, "base", view{Stylesheet: "/s.css", Data: data})
			}
			if expected := strings.ReplaceAll(want.String(), "#ZgotmplZ", refusedURL); err != nil || got.String() != expected && !strings.Contains(a+b, "ZgotmplZ") {
				t.Fatalf("%s: %v\nours:\n%s\nhtml/template's:\n%s", name, err, got.String(), expected)
			}
		}
	})
}

// FuzzA45_TemplatesThatPassAreSafe: whatever template passes the check, a hostile value adds nothing to its markup, and is
// escaped as html/template escapes it there.
func FuzzA45_TemplatesThatPassAreSafe(f *testing.F) {
	for _, s := range []string{`<p>{{.}}</p>`, `<a href="{{.}}">`, `<input value="x{{.}}y" {{if .}}required{{end}}>`, `<{{.}}>`, `<a {{.}}>`, `<a href={{.}}>`, `<!-- {{.}} -->`,
		`<p title='{{.}}'>`, `<script>{{.}}</script>`, `<a on{{if .}}value="{{.}}"{{end}}>`, `<a hre{{if .}}f="{{.}}"{{end}}>`, `<a href="java{{.}}">`, `<b<{{.}}`, `{{range .}}<{{end}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		own := fstest.MapFS{"x.html": {Data: []byte(`{{define "title"}}T{{end}}{{define "content"}}` + text + `{{end}}`)}}
		set, err := New("/s.css", own)
		if err != nil {
			return
		}
		const evil = `javascript:"><script x="'` + "\n`=/>"
		var calm, hostile bytes.Buffer
		if set.pages["x"].execute(&calm, "base", view{set.cssURL, "x"}) != nil || set.pages["x"].execute(&hostile, "base", view{set.cssURL, evil}) != nil {
			return // a list or a field was wanted
		}
		var want bytes.Buffer
		layout := htmltemplate.Must(htmltemplate.ParseFS(templates, "templates/base.html"))
		if theirs, err := layout.ParseFS(own, "x.html"); err == nil && theirs.ExecuteTemplate(&want, "base", view{Stylesheet: set.cssURL, Data: evil}) == nil {
			if expected := strings.ReplaceAll(want.String(), "#ZgotmplZ", refusedURL); expected != hostile.String() {
				t.Errorf("%q:\nours:\n%s\nhtml/template's:\n%s", text, hostile.String(), expected)
			}
		}
		for _, c := range `<>"` {
			if strings.Count(calm.String(), string(c)) != strings.Count(hostile.String(), string(c)) {
				t.Errorf("%q: a value brought %q into the markup:\n%s", text, c, hostile.String())
			}
		}
	})
}

// TestA45_TemplatesThatAreRefused: a template that puts a value where it could be more than text does not start.
func TestA45_TemplatesThatAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		`<script>{{.}}</script>`:           "no such element",
		`<SCRIPT>x</SCRIPT>`:               "no such element",
		`<style>`:                          "no such element",
		`<textarea>{{.}}</textarea>`:       "no such element",
		`<iframe src="{{.}}">`:             "no such element",
		`<!-- {{.}} -->`:                   "no such element",
		`<{{.}}>`:                          "no such element",
		`<di{{if .}}v{{end}}>`:             "no such element",
		`<p {{.}}>`:                        "within a tag",
		`<p class{{.}}>`:                   "within a tag",
		`<p class="{{.}}">`:                "holds no value from outside",
		`<p title="{{.}}">`:                "holds no value from outside",
		`<input formaction="{{.}}">`:       "holds no value from outside",
		`<svg><path d="{{.}}"/></svg>`:     "holds no value from outside",
		`<p onclick="x">`:                  "no such attribute",
		`<p ONclick="x">`:                  "no such attribute",
		`<p style="{{.}}">`:                "no such attribute",
		`<p class='{{.}}'>`:                "name=",
		`<a href={{.}}>`:                   "name=",
		`<a href ="{{.}}">`:                "no such attribute",
		`<a href="java{{.}}">`:             "must begin the attribute",
		`<a href="{{.}}{{.}}">`:            "must begin the attribute",
		`<a hre{{if .}}f="{{.}}"{{end}}>`:  "where a space",
		`<a href{{if .}}="{{.}}"{{end}}>`:  "where a space",
		`<a href="x"title="y">`:            "where a space",
		`<a xlink:href="{{.}}">`:           "name=",
		`<a href="{{if .}}x{{end}}">`:      "within the attribute",
		`{{if .}}<p {{end}}>`:              "different places",
		`{{if .}}<p x{{else}}<b>{{end}}`:   "different places",
		`{{range .}}<p {{end}}>`:           "different places",
		`{{range .}}x{{else}}y{{end}}`:     "has an else",
		`<p`:                               "no such element",
		`<p `:                              "no such attribute",
		`{{template "absent"}}`:            `no template is named "absent"`,
		`{{template "content" .}}`:         "shows itself",
		`{{.A | html}}`:                    "not defined",
		`{{printf "%s" .}}`:                "not defined",
		`{{not .}}`:                        "not understood",
		`{{"<b>"}}`:                        "not understood",
		`{{1}}`:                            "not understood",
		`{{$x := .}}{{$x}}`:                "not understood",
		`{{with .}}{{.}}{{end}}`:           "not understood",
		`{{if not . .}}x{{end}}`:           "not understood",
		`{{if .A.B | not}}x{{end}}`:        "not understood",
		`{{range .}}{{break}}{{end}}`:      "not understood",
		`{{template "title" "x"}}`:         "not understood",
		`{{end}}outside{{define "other"}}`: "outside of a definition",
		`{{template "t" .}}<a href="{{template "t" .}}">{{end}}{{define "t"}}{{.}}`: "text elsewhere",
	} {
		own := fstest.MapFS{"x.html": {Data: []byte(`{{define "title"}}T{{end}}{{define "content"}}` + text + `{{end}}`)}}
		if _, err := New("/s.css", own); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "x.html") {
			t.Errorf("%s: %v, want a refusal that says %q", text, err, says)
		}
	}
	if _, err := New("/s.css", fstest.MapFS{"x.html": {Data: []byte(`{{define "title"}}T{{end}}`)}}); err == nil || !strings.Contains(err.Error(), `"content"`) {
		t.Errorf("a page without content: %v", err)
	}
}

// TestUnfinishedLayout: what follows the page would become part of its last tag.
func TestUnfinishedLayout(t *testing.T) {
	page := &template{definitions: map[string]*parse.ListNode{}, isURL: map[*parse.ActionNode]bool{}}
	if err := page.parseFile(fstest.MapFS{"x": {Data: []byte(`{{define "base"}}<p class="a" {{end}}`)}}, "x"); err != nil {
		t.Fatal(err)
	}
	if err := page.check("base"); err == nil || !strings.Contains(err.Error(), "ends within a tag") {
		t.Error(err)
	}
}

// secretText shows itself only through its method.
type secretText string

func (secretText) String() string { return "[secret]" }

// TestA45_OnlyPlainStringsAreShown: a value of a type of its own fails the page, and a method is never called.
func TestA45_OnlyPlainStringsAreShown(t *testing.T) {
	own := fstest.MapFS{"x.html": {Data: []byte(`{{define "title"}}T{{end}}{{define "content"}}{{.Value}}{{end}}`)}}
	set, err := New("/s.css", own)
	if err != nil {
		t.Fatal(err)
	}
	type data struct{ Value any }
	for _, v := range []any{secretText("MARKER"), htmltemplate.HTML("<b>MARKER</b>"), []byte("MARKER"), []string{"MARKER"}, 7, nil, struct{ s string }{"MARKER"}} {
		rec := httptest.NewRecorder()
		if err := set.Render(rec, 200, "x", data{v}); err == nil || rec.Code != 500 || strings.Contains(rec.Body.String()+fmt.Sprint(err), "MARKER") {
			t.Errorf("%T: %d, %v", v, rec.Code, err)
		}
	}
	for _, v := range []any{data{"shown"}, &data{"shown"}} {
		rec := httptest.NewRecorder()
		if err := set.Render(rec, 200, "x", v); err != nil || !strings.Contains(rec.Body.String(), "shown") {
			t.Errorf("%T: %v", v, err)
		}
	}
	for _, v := range []any{nil, (*data)(nil), "text", struct{ Other string }{}} {
		if err := set.Render(httptest.NewRecorder(), 200, "x", v); err == nil || !strings.Contains(err.Error(), "there is no Value") {
			t.Errorf("%T: %v", v, err)
		}
	}
}

func TestConditionsAndLists(t *testing.T) {
	own := fstest.MapFS{"x.html": {Data: []byte(`{{define "title"}}T{{end}}{{define "content"}}[{{if .A}}a{{else}}-{{end}}{{if not .A}}n{{end}}{{if or .A .B .L}}o{{end}}{{range .L}}<b>{{.}}</b>{{end}}{{/* said to nobody */}}]{{end}}`)}}
	set, err := New("/s.css", own)
	if err != nil {
		t.Fatal(err)
	}
	type data struct {
		A any
		B bool
		L any
	}
	for want, d := range map[string]data{
		"[-n]":                  {A: "", L: []string{}},
		"[ao]":                  {A: "x", L: []string{}},
		"[-no]":                 {A: false, B: true, L: []string{}},
		"[-no<b>1</b><b>2</b>]": {A: []string{}, L: []string{"1", "2"}},
	} {
		rec := httptest.NewRecorder()
		if err := set.Render(rec, 200, "x", d); err != nil || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("want %s: %v\n%s", want, err, rec.Body)
		}
	}
	for _, d := range []data{{A: 1, L: []string{}}, {A: nil, L: []string{}}, {A: "", L: "no list"}, {A: "", L: nil}} {
		if err := set.Render(httptest.NewRecorder(), 200, "x", d); err == nil {
			t.Errorf("%+v: no error", d)
		}
	}
}
