package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	visitTimeout = 60 * time.Second
	maxPages     = 8 // a provider that shows more than that turns in a circle
)

// Browser is one Chromium; every visit has a profile of its own, as if each user sat at another machine.
type Browser struct {
	ctx         context.Context
	screenshots string
	pictures    atomic.Int32
}

// Visit is one trip of a user's browser.
type Visit struct {
	URL  string // where to start: the authorization URL
	User string
	Deny bool // refuse consent
}

// Landing is the page on which the visit ended, the first one that is not a page of the provider.
type Landing struct {
	URL   string `json:"url"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

func (l *Lab) startChromium() (*Browser, error) {
	program, err := systemProgram("chromium")
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp(l.tmp, "chromium-")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.UserDataDir(profile),
		chromedp.NoSandbox, // the container has no user namespaces, and only pages of this test are shown
		chromedp.DisableGPU,
		chromedp.WindowSize(1000, 800),
		chromedp.Flag("ignore-certificate-errors", true), // the lab has an authority of its own
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true),
		// Whatever a page would load from elsewhere fails at once instead of in a timeout.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
	)
	allocator, cancelAllocator := chromedp.NewExecAllocator(l.ctx, options...)
	ctx, cancel := chromedp.NewContext(allocator)
	l.onClose(func() {
		cancel()
		cancelAllocator()
	})
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return &Browser{ctx: ctx, screenshots: os.Getenv(EnvScreenshots)}, nil
}

// Go opens the visit's URL and passes through the provider's pages as the user would.
func (b *Browser) Go(ctx context.Context, provider Provider, v Visit) (Landing, error) {
	tab, closeTab := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	defer closeTab()
	if err := chromedp.Do(tab); err != nil { // a tab lives as long as its first context: that one has no time limit
		return Landing{}, fmt.Errorf("opening a tab: %w", err)
	}
	tab, cancel := context.WithTimeout(tab, visitTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()

	pages := provider.pages(v.User, v.Deny)
	step := chromedp.Navigate(v.URL)
	for range maxPages {
		if _, err := chromedp.RunResponse(tab, step); err != nil {
			return Landing{}, errors.Join(fmt.Errorf("browser at %s: %w", b.where(tab), err), context.Cause(ctx))
		}
		if err := b.screenshot(tab, provider.Info().Name); err != nil {
			return Landing{}, err
		}
		next, ok, err := current(tab, pages)
		if err != nil {
			return Landing{}, err
		}
		if !ok {
			return landing(tab)
		}
		step = next.actions()
	}
	return Landing{}, fmt.Errorf("the browser went through %d pages and is still at %s", maxPages, b.where(tab))
}

// current returns the page of the list that the browser shows.
func current(tab context.Context, pages []page) (page, bool, error) {
	for _, p := range pages {
		script := fmt.Sprintf("document.querySelector(%q) !== null", p.present)
		shown, err := chromedp.Run(tab, chromedp.Evaluate[bool](script))
		if err != nil {
			return page{}, false, err
		}
		if shown {
			return p, true, nil
		}
	}
	return page{}, false, nil
}

func (p page) actions() chromedp.Action[chromedp.Void] {
	var steps []chromedp.Action[chromedp.Void]
	for selector, text := range p.fill {
		steps = append(steps, chromedp.SetValue(chromedp.CSS(selector), text))
	}
	return chromedp.Steps(append(steps, chromedp.Click(chromedp.CSS(p.click)))...)
}

func landing(tab context.Context) (Landing, error) {
	l, err := chromedp.Run(tab, chromedp.Evaluate[Landing](
		"({url: document.location.href, title: document.title, text: document.body ? document.body.innerText : ''})"))
	if err != nil {
		return Landing{}, fmt.Errorf("reading the page where the visit ended: %w", err)
	}
	return l, nil
}

func (b *Browser) where(tab context.Context) string {
	location, err := chromedp.Run(tab, chromedp.Location())
	if err != nil {
		return "an unknown page"
	}
	before, _, _ := strings.Cut(location, "?")
	return before
}

// screenshot keeps a picture of the page when a directory for them is set.
func (b *Browser) screenshot(tab context.Context, name string) error {
	if b.screenshots == "" {
		return nil
	}
	picture, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		return fmt.Errorf("screenshot: %w", err)
	}
	file := fmt.Sprintf("%03d-%s.png", b.pictures.Add(1), name)
	if err := os.MkdirAll(b.screenshots, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.screenshots, file), picture, 0o644)
}
