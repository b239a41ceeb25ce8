package pages_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lanyard-id/lanyard/internal/pages"
)

func render(t *testing.T, set *pages.Set, name string, data any) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := set.Render(rec, http.StatusGone, name, data); err != nil {
		t.Fatal(err)
	}
	return rec
}

func newSet(t *testing.T) *pages.Set {
	t.Helper()
	set, err := pages.New("/assets/lanyard.css", nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var endings = []string{pages.Success, pages.Refused, pages.Expired, pages.WrongBrowser, pages.ProviderError}

// TestA45_EndingsShowNamesAsText: whatever a name or a provider's error holds is text, in every page.
func TestA45_EndingsShowNamesAsText(t *testing.T) {
	const evil = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`
	set := newSet(t)
	shown := map[string]any{pages.Notice: pages.NoticeData{Title: evil, What: evil, Next: evil, CorrelationID: evil, ErrorCode: evil, ErrorDescription: evil}}
	for _, name := range endings {
		shown[name] = pages.Ending{Provider: evil, Workload: evil, CorrelationID: evil, ErrorCode: evil, ErrorDescription: evil}
	}
	for name, data := range shown {
		body := render(t, set, name, data).Body.String()
		if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
			t.Errorf("%s shows markup from a name", name)
		}
		if strings.Count(body, "&lt;script&gt;") < 3 {
			t.Errorf("%s does not show the names: the test sees nothing", name)
		}
	}
}

// TestA45_EveryPageCarriesItsHeaders: also A62 (frames) and A63 (referrer, cache).
func TestA45_EveryPageCarriesItsHeaders(t *testing.T) {
	set := newSet(t)
	for _, name := range endings {
		rec := render(t, set, name, pages.Ending{})
		if rec.Code != http.StatusGone {
			t.Errorf("%s: status %d", name, rec.Code)
		}
		for header, want := range map[string]string{
			"Content-Type":            "text/html; charset=utf-8",
			"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
			"Referrer-Policy":         "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := rec.Header().Get(header); got != want {
				t.Errorf("%s: %s = %q, want %q", name, header, got, want)
			}
		}
	}
}

// TestPagesLoadNothingFromElsewhere: no inline style or script, and no address outside the server.
func TestPagesLoadNothingFromElsewhere(t *testing.T) {
	set := newSet(t)
	loads := regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|(src|href|action)="(?:https?:)?//|@import|url\(`)
	for _, name := range endings {
		body := render(t, set, name, pages.Ending{Provider: "p", Workload: "w", CorrelationID: "c", ErrorCode: "e", ErrorDescription: "d"}).Body.String()
		if found := loads.FindString(body); found != "" {
			t.Errorf("%s holds %q", name, found)
		}
	}
	rec := httptest.NewRecorder()
	pages.CSSHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/x.css", nil))
	if found := loads.FindString(rec.Body.String()); found != "" {
		t.Errorf("the stylesheet holds %q", found)
	}
}

func TestEndingsSayWhatHappenedAndWhatToDo(t *testing.T) {
	set := newSet(t)
	for name, want := range map[string][]string{
		pages.Success:       {"All set", "billing-agent", "github", "close this window"},
		pages.Refused:       {"Nothing was allowed", "billing-agent", "github", "new link"},
		pages.Expired:       {"This link no longer works", "open the new link"},
		pages.WrongBrowser:  {"start again in this browser", "github", "same browser"},
		pages.ProviderError: {"reported a problem", "github", "temporarily_unavailable", "down for an hour"},
	} {
		body := render(t, set, name, pages.Ending{Provider: "github", Workload: "billing-agent", CorrelationID: "ref-1",
			ErrorCode: "temporarily_unavailable", ErrorDescription: "down for an hour"}).Body.String()
		for _, text := range append(want, "ref-1") {
			if !strings.Contains(body, text) {
				t.Errorf("%s does not say %q", name, text)
			}
		}
		if empty := render(t, set, name, pages.Ending{}).Body.String(); strings.Contains(empty, "<dl") || strings.Contains(empty, "<b></b>") {
			t.Errorf("%s shows empty fields", name)
		}
	}
}

func TestOwnTemplates(t *testing.T) {
	own := fstest.MapFS{"ask.html": {Data: []byte(`{{define "title"}}Ask{{end}}{{define "content"}}<form method="post"><p>{{.}}</p></form>{{end}}`)}}
	set, err := pages.New("/s.css", own)
	if err != nil {
		t.Fatal(err)
	}
	rec := render(t, set, "ask", "<form action=x>")
	if !strings.Contains(rec.Header().Get("Content-Security-Policy"), "form-action 'self'") || rec.Header().Get("Referrer-Policy") != "strict-origin" {
		t.Errorf("a page with a form: header %v", rec.Header())
	}
	if !strings.Contains(rec.Body.String(), "Ask · Lanyard") || !strings.Contains(rec.Body.String(), "&lt;form action=x&gt;") {
		t.Errorf("body %s", rec.Body)
	}
	notice := render(t, set, pages.Notice, pages.NoticeData{Title: "<form action=x>"})
	if !strings.Contains(notice.Header().Get("Content-Security-Policy"), "form-action 'none'") {
		t.Error("data opened the way for a form")
	}
}

func TestNewRefuses(t *testing.T) {
	page := func(name, text string) fstest.MapFS { return fstest.MapFS{name: {Data: []byte(text)}} }
	for name, c := range map[string]struct {
		css  string
		own  fstest.MapFS
		says string
	}{
		"relative stylesheet":   {"style.css", nil, "single slash"},
		"stylesheet elsewhere":  {"//evil.example/x.css", nil, "single slash"},
		"a name that is taken":  {"/s.css", page("success.html", ""), `"success"`},
		"a template that fails": {"/s.css", page("x.html", "{{"), "x.html"},
	} {
		if _, err := pages.New(c.css, c.own); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.says)
		}
	}
}

// TestBrokenPagesShowNothing: a page that fails half way, or is not there, leaves with a plain 500.
func TestBrokenPagesShowNothing(t *testing.T) {
	own := fstest.MapFS{"half.html": {Data: []byte(`{{define "title"}}T{{end}}{{define "content"}}half{{.Missing.Field}}{{end}}`)}}
	set, err := pages.New("/s.css", own)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"half", "absent"} {
		rec := httptest.NewRecorder()
		if err := set.Render(rec, http.StatusOK, name, struct{}{}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if rec.Code != http.StatusInternalServerError || strings.Contains(rec.Body.String(), "half") {
			t.Errorf("%s: status %d, body %q", name, rec.Code, rec.Body)
		}
	}
}

func TestStylesheet(t *testing.T) {
	body := render(t, newSet(t), pages.Success, pages.Ending{}).Body.String()
	if !regexp.MustCompile(`href="/assets/lanyard\.css\?v=[0-9a-f]{12}"`).MatchString(body) {
		t.Errorf("no versioned stylesheet in %s", body)
	}
	rec := httptest.NewRecorder()
	pages.CSSHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/assets/lanyard.css", nil))
	if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(rec.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("status %d, header %v", rec.Code, rec.Header())
	}
	rec = httptest.NewRecorder()
	pages.CSSHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/assets/lanyard.css", nil))
	if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") == "" {
		t.Errorf("POST: status %d", rec.Code)
	}
}
