package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Tab is a tab of a browser that shares nothing with any other: another person's, as far as a server can tell. It
// remembers what the browser asked of whom and what it complained about.
type Tab struct {
	t   testing.TB
	b   *Browser
	ctx context.Context

	mu       sync.Mutex
	requests []string
	document *network.Response // of the page that was loaded last
}

// Look is one way in which a page is looked at.
type Look struct {
	Width, Height int64
	Dark          bool
}

// Looks are those that every page must be good in: a desk and a small phone, by day and by night.
var Looks = []Look{{1280, 800, false}, {1280, 800, true}, {360, 740, false}, {360, 740, true}}

func (l Look) String() string {
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	return fmt.Sprintf("%d-%s", l.Width, scheme)
}

// Seen is how a page appears in a look.
type Seen struct {
	ScrollWidth, InnerWidth int
	Background              string
}

// Tab opens one that is closed with the test.
func (l *Lab) Tab(t testing.TB) *Tab {
	t.Helper()
	b, err := l.chromium()
	b = must(t, b, err)
	ctx, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	tab := &Tab{t: t, b: b, ctx: ctx}
	if err := chromedp.Listen(ctx, tab.heard); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	return tab
}

// Beside opens another tab of the same person's browser, which shares the cookies with this one.
func (tab *Tab) Beside() *Tab {
	tab.t.Helper()
	ctx, closeTab := chromedp.NewContext(tab.ctx)
	tab.t.Cleanup(closeTab)
	other := &Tab{t: tab.t, b: tab.b, ctx: ctx}
	if err := chromedp.Listen(ctx, other.heard); err != nil {
		tab.t.Fatalf("opening a tab: %v", err)
	}
	return other
}

// Shown waits until an element is on the page, and returns its text.
func (tab *Tab) Shown(selector string) string {
	tab.t.Helper()
	script := fmt.Sprintf("(e => e && e.getClientRects().length ? e.innerText || e.value || ' ' : '')(document.querySelector(%q))", selector)
	var text string
	err := Eventually("the page shows "+selector, func() bool {
		var err error
		text, err = chromedp.Run(tab.ctx, chromedp.Evaluate[string](script))
		return err == nil && text != ""
	})
	if err != nil {
		body, _ := chromedp.Run(tab.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		tab.t.Fatalf("browser at %s: %v; the page says:\n%s", tab.b.where(tab.ctx), err, body)
	}
	return text
}

func (tab *Tab) heard(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		tab.requests = append(tab.requests, e.Request.URL)
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			tab.document = e.Response
		}
	}
}

// Do runs actions that lead to no other page.
func (tab *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, visitTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		tab.t.Fatalf("browser at %s: %v", tab.b.where(tab.ctx), err)
	}
}

// Load runs actions that lead to another page, and waits for it.
func (tab *Tab) Load(actions ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, visitTimeout)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, actions...); err != nil {
		tab.t.Fatalf("browser at %s: %v", tab.b.where(tab.ctx), err)
	}
}

// Open goes to an address.
func (tab *Tab) Open(address string) {
	tab.t.Helper()
	tab.Load(chromedp.Navigate(address))
}

// Press presses keys, one after the other.
func (tab *Tab) Press(keys string) {
	tab.t.Helper()
	tab.Do(chromedp.KeyEvent(keys))
}

// Reach waits until the browser is somewhere below an address, wherever it goes through.
func (tab *Tab) Reach(prefix string) string {
	tab.t.Helper()
	deadline := time.NewTimer(visitTimeout)
	defer deadline.Stop()
	for {
		// While one page gives way to another there is none to ask.
		at, err := chromedp.Run(tab.ctx, chromedp.Evaluate[string]("document.readyState === 'complete' ? document.location.href : ''"))
		if err == nil && strings.HasPrefix(at, prefix) {
			return at
		}
		select {
		case <-deadline.C:
			tab.t.Fatalf("the browser is at %s (%v) and not at %s", tab.b.where(tab.ctx), err, prefix)
		case <-time.After(pollInterval):
		}
	}
}

// Eval returns the value of an expression in the page.
func Eval[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, visitTimeout)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		tab.t.Fatalf("browser at %s: %s: %v", tab.b.where(tab.ctx), expression, err)
	}
	return v
}

// Cookies are those that the browser would send to an address, as a Cookie header.
func (tab *Tab) Cookies(address string) string {
	tab.t.Helper()
	answer, err := chromedp.Call(tab.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
	if err != nil {
		tab.t.Fatal(err)
	}
	var pairs []string
	for _, c := range answer.Cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// Document is the answer with which the page came: its status and its headers by their names in lower case.
func (tab *Tab) Document() (status int, header map[string]string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	header = map[string]string{}
	for name, value := range tab.document.Headers {
		header[strings.ToLower(name)] = fmt.Sprint(value)
	}
	return int(tab.document.Status), header
}

// Requests are all addresses that the browser asked for.
func (tab *Tab) Requests() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return slices.Clone(tab.requests)
}

// Console collects what the browser complains about, from now until the returned function is called.
func (tab *Tab) Console() (complaints func() []string) {
	ctx, cancel := context.WithCancel(tab.ctx)
	messages := chromedp.Console(ctx)
	return func() []string {
		// A message of our own comes after all others.
		const last = "the test has seen enough"
		Eval[any](tab, "console.log('"+last+"')")
		defer cancel()
		var list []string
		for m, err := range messages {
			if err != nil || m.Text == last {
				break
			}
			if m.IsException() || m.Type == "error" || m.Type == "warning" {
				list = append(list, m.String())
			}
		}
		return list
	}
}

// See shows the page in a look, and takes a picture of it when a directory for them is set.
func (tab *Tab) See(name string, look Look) Seen {
	tab.t.Helper()
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	_, err := chromedp.Call(tab.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	if err == nil {
		err = chromedp.Do(tab.ctx, chromedp.EmulateViewport(look.Width, look.Height))
	}
	if err != nil {
		tab.t.Fatalf("%s, %v: %v", name, look, err)
	}
	seen := Eval[Seen](tab, `({ScrollWidth: document.documentElement.scrollWidth, InnerWidth: window.innerWidth,
		Background: getComputedStyle(document.body).backgroundColor})`)
	if tab.b.screenshots != "" {
		tab.picture(name + "-" + look.String() + ".png")
	}
	return seen
}

func (tab *Tab) picture(file string) {
	tab.t.Helper()
	picture, err := chromedp.Run(tab.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(tab.b.screenshots, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(tab.b.screenshots, file), picture, 0o644)
	}
	if err != nil {
		tab.t.Fatalf("%s: %v", file, err)
	}
}
