//go:build conformance

package conformance_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/lanyard-id/lanyard/conformance/internal/lab"
)

// inPython is the article's own way, in its own language: FastAPI, PyJWT with the load balancer's keys, boto3, and the
// SDK's client in the text's decorator. The two services stand behind the same front door.
func (w *world) inPython(t *testing.T, alice *person) {
	back := w.URL("agents") + "/python/oauth2/session-binding"
	w.Lanyard(t, "identity", "update-workload-identity", "--name", "github-agent", "--add-return-urls", back)
	w.StartPython(t, "agent", "SESSION_BINDING_URL="+back)
	w.StartPython(t, "binding")
	w.expire(t, alice) // and nothing refreshes it any more

	said := w.invokePython(t, alice)
	_, link, ok := strings.Cut(said, "Authorize: ")
	if !ok {
		t.Fatalf("the agent in Python says %q", said)
	}
	tab := alice.Beside()
	tab.Open(link)
	tab.Load(chromedp.Steps(chromedp.SetValue(chromedp.CSS("#login"), alice.login), chromedp.Click(chromedp.CSS("#authorize"))))
	tab.Reach(back)
	if page := lab.Eval[string](tab, "document.body.innerText"); !strings.Contains(page, "Authorization complete") {
		t.Errorf("the session binding service in Python shows:\n%s", page)
	}
	if said := w.invokePython(t, alice); said != "You are "+alice.login+"." {
		t.Errorf("after consent the agent in Python says %q", said)
	}
	// Straight to the services, past the front door: no header, a header that nobody signed, one of another key.
	for _, forged := range []string{"", "eyJhbGciOiJub25lIiwia2lkIjoiYSJ9.eyJzdWIiOiJhbGljZSJ9.", "eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ==.eyJzdWIiOiJhbGljZSJ9.AAAA"} {
		header := http.Header{}
		if forged != "" {
			header.Set("x-amzn-oidc-data", forged)
		}
		address := w.PythonURL("binding") + "/python/oauth2/session-binding?session_id=" + url.QueryEscape("urn:ietf:params:oauth:request_uri:x")
		if status, body := w.request(t, http.MethodGet, address, header); status != http.StatusUnauthorized && status != http.StatusUnprocessableEntity {
			t.Errorf("with the header %q the service in Python answers %d %s", forged, status, body)
		}
	}
}

func (w *world) invokePython(t *testing.T, p *person) string {
	t.Helper()
	script := fmt.Sprintf(`(() => { const r = new XMLHttpRequest(); r.open("POST", "/python/invocations", false); r.setRequestHeader("Content-Type", "application/json");
		r.send(JSON.stringify({sessionId: "python-session", message: %q})); return r.status + " " + r.responseText })()`, whoAmI)
	status, said, _ := strings.Cut(lab.Eval[string](p.Tab, script), " ")
	if status != "200" {
		t.Fatalf("the agent in Python answers %s %s", status, said)
	}
	return said
}
