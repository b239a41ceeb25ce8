//go:build conformance

package conformance_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// TestMakeStory walks through what `make story` starts, as a newcomer does who types what it prints.
func TestMakeStory(t *testing.T) {
	t.Parallel()
	s := bench.Story(t)
	tab := bench.Tab(t)
	tab.Open(s.Page)
	tab.Shown("[name=username]")
	tab.Do(chromedp.SetValue(chromedp.CSS("[name=username]"), s.User), chromedp.SetValue(chromedp.CSS("[name=password]"), s.Password))
	tab.Load(chromedp.Click(chromedp.CSS("button")))
	tab.Shown("button[value=allow]")
	tab.Do(chromedp.Click(chromedp.CSS("button[value=allow]"))) // and the page after it leads on by itself
	tab.Reach(s.Page)
	tab.Shown("#message")
	tab.See("story-welcome", lab.Looks[0])
	tab.Do(chromedp.SetValue(chromedp.CSS("#message"), whoAmI), chromedp.Click(chromedp.CSS("#send")))
	tab.Shown(".consent a.button")
	tab.See("story-consent", lab.Looks[0])
	consent := tab.Beside()
	consent.Open(lab.Eval[string](tab, "document.querySelector('.consent a.button').href"))
	consent.Shown("#authorize")
	consent.Load(chromedp.Steps(chromedp.SetValue(chromedp.CSS("#login"), "octocat"), chromedp.Click(chromedp.CSS("#authorize"))))
	consent.Reach(s.Page + "/oauth2/session-binding")
	if page := lab.Eval[string](consent, "document.body.innerText"); !strings.Contains(page, "Authorization complete") {
		t.Errorf("after consent the browser shows:\n%s", page)
	}
	err := lab.Eventually("the agent answers", func() bool {
		return strings.Contains(lab.Eval[string](tab, "document.body.innerText"), "octocat")
	})
	if err != nil {
		t.Fatal(err, lab.Eval[string](tab, "document.body.innerText"))
	}
	tab.See("story-answer", lab.Looks[0])
	if audit := s.Audit(t); !strings.Contains(audit, "CompleteResourceTokenAuth") {
		t.Errorf("the command that it prints shows:\n%s", audit)
	}
}
