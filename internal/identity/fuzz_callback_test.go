package identity_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// FuzzCallback: whatever a stranger's browser brings to the callback, it is shown a page: it is led nowhere, finishes
// nothing, and leaves the pending session as it was.
func FuzzCallback(f *testing.F) {
	s := servertest.New(f, servertest.Dev())
	a := s.NewAgent(f)
	begun := a.Begin(f, "alice")
	good := s.NewBrowser(f).Callback(f, *begun.AuthorizationUrl)
	id, query, _ := strings.Cut(good[strings.Index(good, "/callback/")+len("/callback/"):], "?")
	for _, q := range []string{query, query + "&code=x", "state=" + servertest.Query(f, good).Get("state"), "error=access_denied&" + query, "state=&code=", "%zz", strings.ReplaceAll(query, "state=", "state=A")} {
		f.Add(id, q, "lanyard-consent")
	}
	f.Add("../x", query, strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, id, rawQuery, cookie string) {
		q, _ := url.ParseQuery(rawQuery)
		arrival, err := s.Identity.Arrive(t.Context(), id, q, func(string) string { return cookie })
		if _, ok := errors.AsType[*identity.PageError](err); !ok || arrival != nil {
			t.Errorf("%q %q with cookie %q: %+v, %v", id, rawQuery, cookie, arrival, err)
		}
	})
}
