//go:build conformance

package conformance_test

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	_ "modernc.org/sqlite" // the driver

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
)

// TestPages sends a person through every page that Lanyard shows, with Chromium and a keyboard alone.
func TestPages(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	for _, visit := range []struct {
		name string
		run  func(*testing.T, *lab.Server)
	}{
		{"sign in and allow", visitAndAllow},
		{"refuse", visitAndRefuse},
		{"finish without a return URL", visitWithoutReturnURL},
		{"refuse without a return URL", visitRefusedWithoutReturnURL},
		{"another browser's callback", visitFromAnotherBrowser},
		{"the provider moved", visitMovedProvider},
		{"an unknown link", visitUnknownLink},
		{"a link that expired", visitExpiredLink},
		{"a form without its cookie", visitWithoutCookie},
		{"sign out", visitSignOut},
		{"user pool", visitPool},
		{"user pool in vain", visitPoolInVain},
	} {
		t.Run(visit.name, func(t *testing.T) { visit.run(t, server) })
	}
}

func visitAndAllow(t *testing.T, server *lab.Server) {
	s := withReturnURL(t, server, "allowed")
	v := newVisitor(t, server, s)
	v.Open(s.pending.AuthorizationURL)
	v.page("sign-in", http.StatusOK, "Sign in", "Development sign-in")
	waitFor(t, "the user name has the focus", func() bool { return v.focused() == "username" })
	v.Press(server.Getenv("LANYARD_DEV_USERNAME"))
	v.tabTo("password")
	v.Press("not the password")
	v.enter()
	v.page("sign-in-wrong", http.StatusForbidden, "The user name or the password is not right")
	waitFor(t, "the password has the focus", func() bool { return v.focused() == "password" })
	v.Press(server.Getenv("LANYARD_DEV_PASSWORD"))
	v.enter()
	v.page("consent", http.StatusOK, "Allow", "Dev User", "openid", "email")
	v.allow()
	v.Reach(s.back + "?session_id=" + url.QueryEscape(s.pending.SessionURI))
	s.complete()
	s.getToken()
}

func visitAndRefuse(t *testing.T, server *lab.Server) {
	s := withReturnURL(t, server, "refused")
	v := newVisitor(t, server, s)
	v.consentPage(s)
	v.refuse()
	at, err := url.Parse(v.Reach(s.back))
	check(t, err)
	if q := at.Query(); q.Get("error") != "access_denied" || q.Get("session_id") != s.pending.SessionURI {
		t.Errorf("the application was told %v", q)
	}
	exception(t, server.Caller(), api.GetResourceOauth2Token, s.poll(), api.AccessDeniedException)
	exception(t, server.Caller(), api.CompleteResourceTokenAuth, s.completion(), api.AccessDeniedException)
}

// The development instance finishes a session that leads nowhere, and a used link says so.
func visitWithoutReturnURL(t *testing.T, server *lab.Server) {
	s := atDevServer(t, server, "an-agent-with-a-rather-long-name-for-narrow-screens", "")
	v := newVisitor(t, server, s)
	v.consentPage(s)
	v.allow()
	v.Reach(s.callbackBase())
	v.page("success", http.StatusOK, "All set", s.name)
	s.getToken()
	v.Open(s.pending.AuthorizationURL)
	v.page("used-link", http.StatusGone, "This link no longer works")
}

func visitRefusedWithoutReturnURL(t *testing.T, server *lab.Server) {
	s := atDevServer(t, server, "refused-here", "")
	v := newVisitor(t, server, s)
	v.consentPage(s)
	v.refuse()
	v.Reach(s.callbackBase())
	v.page("refused", http.StatusOK, "Nothing was allowed", s.name)
	exception(t, server.Caller(), api.GetResourceOauth2Token, s.poll(), api.AccessDeniedException)
}

// The walker consents, by forms and redirects alone, and its callback reaches somebody else's browser first.
func visitFromAnotherBrowser(t *testing.T, server *lab.Server) {
	s := withReturnURL(t, server, "two-browsers")
	s.openLink()
	s.consent()
	v := newVisitor(t, server, s)
	v.Open(s.page.Next)
	v.page("other-browser", http.StatusForbidden, "Please start again in this browser")
	s.callback() // the one who began it is not disturbed
	s.complete()
	s.getToken()
}

// A session is bound to the provider's endpoints of when it began.
func visitMovedProvider(t *testing.T, server *lab.Server) {
	s := withReturnURL(t, server, "provider-moved")
	moved := s.idp
	moved.DiscoveryURL = oauthtest.New(t).DiscoveryURL
	s.do(api.UpdateOauth2CredentialProvider, customProvider(s.name, moved), nil)
	v := newVisitor(t, server, s)
	v.Open(s.pending.AuthorizationURL)
	v.page("provider-changed", http.StatusGone, "This link no longer works")
}

func visitUnknownLink(t *testing.T, server *lab.Server) {
	v := newVisitor(t, server, nil)
	v.Open(server.URL + "/identities/oauth2/authorize?request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Aunknown")
	v.page("unknown-link", http.StatusBadRequest, "This link no longer works")
}

func visitExpiredLink(t *testing.T, server *lab.Server) {
	homeless, s := atDevServer(t, server, "expired-here", ""), withReturnURL(t, server, "expired")
	server.Stop(t)
	expire(t, server.DataDir)
	server.Start(t)
	v := newVisitor(t, server, s)
	v.Open(homeless.pending.AuthorizationURL)
	v.page("expired-link", http.StatusGone, "This link no longer works")
	v.Open(s.pending.AuthorizationURL)
	if at := v.Reach(s.back); !strings.Contains(at, "error=session_expired") {
		t.Errorf("the application was told %s", at)
	}
	exception(t, server.Caller(), api.GetResourceOauth2Token, s.poll(), api.AccessDeniedException)
}

// expire ends the pending sessions as time would: their rows say that they are over. The service stands still meanwhile.
func expire(t *testing.T, dataDir string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dataDir, "lanyard.db"))
	check(t, err)
	defer db.Close()
	res, err := db.ExecContext(t.Context(), "UPDATE sessions SET expires_at = created_at WHERE status = 'pending'")
	check(t, err)
	if n, err := res.RowsAffected(); err != nil || n < 2 {
		t.Fatalf("%d sessions were pending (%v), want two or more", n, err)
	}
}

// A form that comes without the cookie with which it was shown may be another site's.
func visitWithoutCookie(t *testing.T, server *lab.Server) {
	s := withReturnURL(t, server, "no-cookie")
	v := newVisitor(t, server, s)
	v.Open(s.pending.AuthorizationURL)
	v.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
	v.signIn()
	v.page("foreign-form", http.StatusForbidden, "This sign-in cannot go on", "Nothing was done")
}

func visitSignOut(t *testing.T, server *lab.Server) {
	s := withReturnURL(t, server, "signing-out")
	v := newVisitor(t, server, s)
	v.consentPage(s)
	v.Open(server.Getenv("LANYARD_DEV_ISSUER") + "/logout")
	v.page("sign-out", http.StatusOK, "Sign out?", "dev")
	v.tabTo("Sign out")
	v.enter()
	v.page("signed-out", http.StatusOK, "You are signed out")
	v.Open(s.pending.AuthorizationURL)
	waitFor(t, "the link leads to the sign-in page again", func() bool { return v.focused() == "username" })
}

// TestKillDuringSignIn kills the service while a browser is at each of its pages. The person notices nothing.
func TestKillDuringSignIn(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	s := withReturnURL(t, server, "killed")
	again := func() {
		server.Kill()
		server.Start(t)
	}
	v := newVisitor(t, server, s)
	v.Open(s.pending.AuthorizationURL)
	again() // at the sign-in page
	v.signIn()
	again() // at the consent page
	v.allow()
	v.Reach(s.back + "?session_id=")
	again() // after the callback
	var pending pendingToken
	s.do(api.GetResourceOauth2Token, s.poll(), &pending)
	if pending.SessionStatus != "IN_PROGRESS" {
		t.Errorf("before the session is completed the agent is told %q", pending.SessionStatus)
	}
	again() // before it is completed
	s.complete()
	s.getToken()
	v.Open(s.pending.AuthorizationURL)
	if at := v.Reach(s.back); !strings.Contains(at, "error=session_used") {
		t.Errorf("a used link leads to %s", at)
	}
}
