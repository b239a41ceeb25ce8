package lab

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Walker goes through web pages as a person would, one request at a time, so that a test can stop between any two of
// them. It is a program and not a browser: it runs no script, and sends no Sec-Fetch headers.
type Walker struct {
	http *http.Client
}

// WebPage is what the last request was answered with.
type WebPage struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	Next   string // where the answer redirects to; "" when it does not
}

// NewWalker returns one without cookies.
func NewWalker() (*Walker, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Walker{&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Open gets a page and follows no redirect.
func (w *Walker) Open(ctx context.Context, address string) (*WebPage, error) {
	return w.send(ctx, http.MethodGet, address, nil)
}

var (
	formTag  = regexp.MustCompile(`(?s)<form[^>]*\baction="([^"]*)"`)
	inputTag = regexp.MustCompile(`<input[^>]*>`)
	nameOf   = regexp.MustCompile(`\bname="([^"]*)"`)
	valueOf  = regexp.MustCompile(`\bvalue="([^"]*)"`)
	typeOf   = regexp.MustCompile(`\btype="([^"]*)"`)
)

// Form returns the hidden fields of the page's first form and where it leads, "" when the page has none.
func (p *WebPage) Form() (action string, hidden url.Values) {
	m := formTag.FindStringSubmatch(p.Body)
	if m == nil {
		return "", nil
	}
	hidden = url.Values{}
	for _, tag := range inputTag.FindAllString(p.Body, -1) {
		if first(typeOf, tag) == "hidden" {
			hidden.Set(first(nameOf, tag), first(valueOf, tag))
		}
	}
	return html.UnescapeString(m[1]), hidden
}

func first(pattern *regexp.Regexp, tag string) string {
	m := pattern.FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// Submit posts the page's form with further fields, as name, value pairs.
func (w *Walker) Submit(ctx context.Context, p *WebPage, fields ...string) (*WebPage, error) {
	action, form := p.Form()
	if action == "" {
		return nil, fmt.Errorf("the page at %s has no form: %d\n%s", p.URL, p.Status, p.Body)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	target, err := p.URL.Parse(action)
	if err != nil {
		return nil, err
	}
	return w.send(ctx, http.MethodPost, target.String(), form)
}

func (w *Walker) send(ctx context.Context, method, address string, form url.Values) (*WebPage, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := w.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	p := &WebPage{URL: r.URL, Status: res.StatusCode, Header: res.Header, Body: string(body)}
	if target, err := res.Location(); err == nil {
		p.Next = target.String()
	} else if !errors.Is(err, http.ErrNoLocation) {
		return nil, err
	}
	return p, nil
}

// Consent opens a provider's page and goes on, through sign-in and consent, until the provider sends the person to
// somewhere below end, which is not opened but returned. Every form gets the same fields.
func (w *Walker) Consent(ctx context.Context, start, end string, fields ...string) (string, error) {
	page, err := w.Open(ctx, start)
	for range 4 * maxPages {
		if err != nil {
			return "", err
		}
		switch {
		case strings.HasPrefix(page.Next, end):
			return page.Next, nil
		case page.Next != "":
			page, err = w.Open(ctx, page.Next)
		case page.Status != http.StatusOK:
			return "", fmt.Errorf("%s answered %d\n%s", page.URL, page.Status, page.Body)
		default:
			page, err = w.Submit(ctx, page, fields...)
		}
	}
	return "", fmt.Errorf("the pages lead in a circle; the last one is %s", page.URL)
}
