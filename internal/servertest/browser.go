package servertest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// Browser keeps cookies and follows one redirect at a time.
type Browser struct {
	jar     http.CookieJar
	service *Service
}

// Page is where a browser stands.
type Page struct {
	URL      string
	Status   int
	Header   http.Header
	Body     string
	Location string // absolute; "" where the visit ends
}

// NewBrowser returns a browser without cookies.
func (s *Service) NewBrowser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{jar: jar, service: s}
}

// Open visits one address. The public URL leads to the replica of this browser, as a load balancer would.
func (b *Browser) Open(t testing.TB, address string) *Page {
	t.Helper()
	at := parse(t, address)
	if rest, ok := strings.CutPrefix(address, b.service.Public); ok {
		at = parse(t, b.service.URL+rest)
	}
	r := &http.Request{Method: http.MethodGet, URL: at, Header: http.Header{}}
	for _, c := range b.jar.Cookies(at) {
		r.AddCookie(c)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	b.jar.SetCookies(at, resp.Cookies())
	p := &Page{URL: address, Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	if l, err := resp.Location(); err == nil {
		p.Location = l.String()
	}
	return p
}

// Copy is another browser with the cookies that this one has for an address, which it keeps whatever this one is told.
func (b *Browser) Copy(t testing.TB, address string) *Browser {
	t.Helper()
	c := b.service.NewBrowser(t)
	c.jar.SetCookies(parse(t, address), b.jar.Cookies(parse(t, address)))
	return c
}

// Consent walks from an authorization URL to the provider, which consents by itself, and back. It stops before the
// return URL, which it returns, or at the page that ends the visit.
func (b *Browser) Consent(t testing.TB, authorizationURL string) (final string, last *Page) {
	t.Helper()
	for range 5 {
		last = b.Open(t, authorizationURL)
		if last.Location == "" {
			return "", last
		}
		if parse(t, last.Location).Query().Has("session_id") {
			return last.Location, last
		}
		authorizationURL = last.Location
	}
	t.Fatalf("the consent goes in circles: %s", authorizationURL)
	return "", nil
}

// Callback walks to the provider and stops before the callback, which it returns.
func (b *Browser) Callback(t testing.TB, authorizationURL string) string {
	t.Helper()
	leave := b.Open(t, authorizationURL)
	if leave.Location == "" {
		t.Fatalf("the authorization URL answered %d: %s", leave.Status, leave.Body)
	}
	back := b.Open(t, leave.Location)
	if !strings.Contains(back.Location, "/identities/oauth2/callback/") {
		t.Fatalf("the provider answered %d: %s", back.Status, back.Body)
	}
	return back.Location
}

// Consent walks a fresh browser from an authorization URL to the return URL.
func (s *Service) Consent(t testing.TB, authorizationURL string) (finalURL string) {
	t.Helper()
	final, last := s.NewBrowser(t).Consent(t, authorizationURL)
	if final == "" {
		t.Fatalf("the consent ended at %s with %d: %s", last.URL, last.Status, last.Body)
	}
	return final
}

// SessionURI reads the session URI that a return URL was given.
func SessionURI(t testing.TB, returnURL string) string {
	t.Helper()
	return parse(t, returnURL).Query().Get("session_id")
}

// Query is a URL's query.
func Query(t testing.TB, address string) url.Values {
	t.Helper()
	return parse(t, address).Query()
}
