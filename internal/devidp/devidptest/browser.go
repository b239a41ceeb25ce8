// Package devidptest walks through the development authorization server the way a person with a browser does, and keeps
// its records in memory. It is for tests alone: it protects nobody, trusts every page it is shown, and must never be
// linked into the binary.
package devidptest

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Person is somebody with a browser. HTTP needs a cookie jar; its redirects are followed by hand, so that none that
// leaves the server is ever fetched.
type Person struct {
	HTTP               *http.Client
	Username, Password string
}

// Page is what a browser shows after a step, or where it was sent on to.
type Page struct {
	Status int
	Header http.Header
	Body   string
	URL    *url.URL // the page's own address
	Leaves string   // where the browser goes next, when that is not a page of the server
}

var (
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
)

// Allow opens an authorization URL, signs in where asked, allows what is asked, and returns the callback URL to which the
// browser is sent.
func (p Person) Allow(ctx context.Context, authorizationURL string) (callback string, err error) {
	return p.answer(ctx, authorizationURL, "allow")
}

// Refuse does the same and refuses.
func (p Person) Refuse(ctx context.Context, authorizationURL string) (callback string, err error) {
	return p.answer(ctx, authorizationURL, "refuse")
}

func (p Person) answer(ctx context.Context, authorizationURL, decision string) (string, error) {
	page, err := p.Open(ctx, authorizationURL)
	for range 3 { // sign-in, consent, and one more where the sign-in is asked for again
		if err != nil {
			return "", err
		}
		if page.Leaves != "" {
			return page.Leaves, nil
		}
		switch {
		case strings.HasSuffix(page.Action(), "/login"):
			page, err = p.Submit(ctx, page, url.Values{"username": {p.Username}, "password": {p.Password}})
		case strings.HasSuffix(page.Action(), "/consent"):
			page, err = p.Submit(ctx, page, url.Values{"decision": {decision}})
		default:
			return "", fmt.Errorf("devidptest: status %d, and a page that asks for nothing: %s", page.Status, page.Text())
		}
	}
	if err == nil && page.Leaves == "" {
		err = fmt.Errorf("devidptest: still asked after three steps: %s", page.Text())
	}
	return page.Leaves, err
}

// Open fetches a page and follows redirects within its host.
func (p Person) Open(ctx context.Context, address string) (*Page, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Sec-Fetch-Site", "none")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	return p.do(req)
}

// Submit fills in the page's form and sends it, as a browser does.
func (p Person) Submit(ctx context.Context, page *Page, fields url.Values) (*Page, error) {
	if page.Action() == "" {
		return nil, errors.New("devidptest: the page has no form")
	}
	form := page.Hidden()
	for name, values := range fields {
		form[name] = values
	}
	target, err := page.URL.Parse(page.Action())
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	return p.do(req)
}

// do sends a request without following, then decides on the redirect itself.
func (p Person) do(req *http.Request) (*Page, error) {
	one := *p.HTTP
	one.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := one.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	page := &Page{Status: resp.StatusCode, Header: resp.Header, Body: string(body), URL: req.URL}
	next := resp.Header.Get("Location")
	if _, refresh, ok := strings.Cut(resp.Header.Get("Refresh"), "url="); ok {
		next = refresh
	}
	if next == "" {
		return page, nil
	}
	target, err := req.URL.Parse(next)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusSeeOther && target.Host == req.URL.Host {
		return p.Open(req.Context(), target.String())
	}
	page.Leaves = target.String()
	return page, nil
}

// Action is where the page's form goes, "" without a form.
func (p *Page) Action() string {
	m := formAction.FindStringSubmatch(p.Body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// Hidden are the page's hidden fields.
func (p *Page) Hidden() url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(p.Body, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return form
}

var tag = regexp.MustCompile(`<[^>]*>`)

// Text is what the page says, without its markup.
func (p *Page) Text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(p.Body, " "))), " ")
}
