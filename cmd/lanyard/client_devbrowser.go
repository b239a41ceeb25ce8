package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// devBrowser plays the person at the development authorization server: it follows links, signs in and allows. The
// development user's password is typed into forms of that one server and nowhere else, whatever a redirect says.
type devBrowser struct {
	http               *http.Client
	issuer             *url.URL
	username, password string
}

const (
	maxSteps = 15
	maxPage  = 1 << 20
)

func newDevBrowser(issuer, username, password string) (*devBrowser, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("LANYARD_DEV_ISSUER is not a URL; set it with: eval \"$(lanyard env)\"")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &devBrowser{issuer: u, username: username, password: password, http: &http.Client{
		Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// visit opens an address and goes on until a page asks for nothing more. saw is told of every page on the way.
func (b *devBrowser) visit(ctx context.Context, address api.Sensitive, saw func(step string)) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, string(address), nil)
	if err != nil {
		return err
	}
	for range maxSteps {
		page, err := b.fetch(r)
		if err != nil {
			return err
		}
		if r, err = b.next(ctx, page, saw); err != nil || r == nil {
			return err
		}
	}
	return errors.New("the consent does not end: the pages lead in a circle")
}

// webPage is what came back, and where from.
type webPage struct {
	at      *url.URL
	status  int
	forward string // Location or Refresh
	form    *webForm
	text    string
}

func (b *devBrowser) fetch(r *http.Request) (*webPage, error) {
	resp, err := b.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the consent could not go on at %s: %w", r.URL.Host, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("the consent could not go on at %s: %w", r.URL.Host, err)
	}
	p := &webPage{at: r.URL, status: resp.StatusCode, forward: resp.Header.Get("Location")}
	if _, target, ok := strings.Cut(resp.Header.Get("Refresh"), "url="); ok {
		p.forward = target
	}
	p.form, p.text = readPage(string(body))
	return p, nil
}

// next is the request that a person would make of this page; nil at the end.
func (b *devBrowser) next(ctx context.Context, p *webPage, saw func(string)) (*http.Request, error) {
	switch {
	case p.forward != "":
		target, err := p.at.Parse(p.forward)
		if err != nil || target.Scheme != "http" && target.Scheme != "https" {
			return nil, fmt.Errorf("%s sends the browser to an address that is no web page", p.at.Host)
		}
		return http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	case p.status/100 != 2:
		return nil, fmt.Errorf("%s answered %d: %s", p.at.Host, p.status, cut(p.text, 200))
	case p.form != nil:
		return b.fill(ctx, p, saw)
	}
	return nil, nil
}

// fill answers a form: the sign-in with name and password, any other by its last button, which is the one that allows.
func (b *devBrowser) fill(ctx context.Context, p *webPage, saw func(string)) (*http.Request, error) {
	target, err := p.at.Parse(p.form.action)
	if err != nil {
		return nil, fmt.Errorf("%s shows a form that leads nowhere", p.at.Host)
	}
	if !b.atIssuer(p.at) || !b.atIssuer(target) {
		return nil, fmt.Errorf("%s asks for something that only a person should answer: only the development authorization server %s is answered automatically. Run the command without --yes and --auto", p.at.Host, b.issuer)
	}
	values := p.form.hidden
	if p.form.password != "" {
		if p.form.failed {
			return nil, errors.New("the development authorization server did not accept LANYARD_DEV_USERNAME and LANYARD_DEV_PASSWORD; set them anew with: eval \"$(lanyard env)\"")
		}
		values.Set(p.form.username, b.username)
		values.Set(p.form.password, b.password)
		saw("signed in as " + b.username)
	} else {
		saw("allowed what was asked")
	}
	if p.form.button[0] != "" {
		values.Set(p.form.button[0], p.form.button[1])
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r, nil
}

// atIssuer tells URLs of the development authorization server.
func (b *devBrowser) atIssuer(u *url.URL) bool {
	return u.Scheme == b.issuer.Scheme && u.Host == b.issuer.Host && strings.HasPrefix(u.EscapedPath(), strings.TrimSuffix(b.issuer.EscapedPath(), "/")+"/")
}
