package signin

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestCallbackRefusesWhatIsNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(q url.Values)
		raw    string // replaces the query
		method string
		kind   Kind
		status int
		says   string
	}{
		"no state":           {change: func(q url.Values) { q.Del("state") }, kind: Malformed, status: 400, says: "no state"},
		"another state":      {change: func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) }, kind: Stale, status: 401, says: "not begun in this browser"},
		"state, altered":     {change: func(q url.Values) { q.Set("state", q.Get("state")+"A") }, kind: Stale, status: 401, says: "not begun"},
		"no code":            {change: func(q url.Values) { q.Del("code") }, kind: Malformed, status: 400, says: "neither a usable code"},
		"an unusable code":   {change: func(q url.Values) { q.Set("code", "a\nb") }, kind: Malformed, status: 400, says: "neither a usable code"},
		"an endless code":    {change: func(q url.Values) { q.Set("code", strings.Repeat("a", maxText+1)) }, kind: Malformed, status: 400, says: "neither a usable code"},
		"two states":         {change: func(q url.Values) { q.Add("state", "x") }, kind: Malformed, status: 400, says: "state more than once"},
		"two codes":          {change: func(q url.Values) { q.Add("code", "x") }, kind: Malformed, status: 400, says: "code more than once"},
		"two issuers":        {change: func(q url.Values) { q["iss"] = []string{"a", "b"} }, kind: Malformed, status: 400, says: "iss more than once"},
		"two errors":         {change: func(q url.Values) { q["error"] = []string{"a", "b"} }, kind: Malformed, status: 400, says: "error more than once"},
		"error beside code":  {change: func(q url.Values) { q.Set("error", "access_denied") }, kind: Malformed, status: 400, says: "beside"},
		"error without name": {change: func(q url.Values) { q.Set("error", ""); q.Del("code") }, kind: Malformed, status: 400, says: "without a name"},
		"another issuer":     {change: func(q url.Values) { q.Set("iss", "https://evil.example") }, kind: Provider, status: 561, says: "RFC 9207"},
		"an empty issuer":    {change: func(q url.Values) { q.Set("iss", "") }, kind: Provider, status: 561, says: "RFC 9207"},
		"a code of nobody":   {change: func(q url.Values) { q.Set("code", "made-up") }, kind: Provider, status: 561, says: "invalid_grant"},
		"unreadable query":   {raw: "state=%zz", kind: Malformed, status: 400, says: "cannot be read"},
		"huge query":         {raw: "state=" + strings.Repeat("a", maxCallbackQuery), kind: Malformed, status: 400, says: "16 KiB"},
		"POST":               {method: http.MethodPost, kind: Malformed, status: 400, says: "GET"},
	} {
		t.Run(name, func(t *testing.T) {
			w, b := newWorld(t), newBrowser()
			q := w.answered(w.begin(b, "/"))
			state := q.Get("state")
			if tc.change != nil {
				tc.change(q)
			}
			raw := q.Encode()
			if tc.raw != "" {
				raw = tc.raw
			}
			r := b.request(callbackURL + "?" + raw)
			if tc.method != "" {
				r.Method = tc.method
			}
			rec := httptest.NewRecorder()
			err := w.gate.Callback(rec, r)
			b.take(rec)
			wantKind(t, err, tc.kind, tc.status, tc.says)
			for _, secret := range []string{state, q.Get("code")} {
				if secret != "" && strings.Contains(err.Error()+w.logs.String(), secret) {
					t.Errorf("state or code shows in %q", err)
				}
			}
			if rec.Body.Len() != 0 || rec.Header().Get("Location") != "" {
				t.Error("something was written beside the error")
			}
			w.mustNot(b, name)
		})
	}
}

func TestCallbackWithoutItsIssuer(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.script(func() {
		w.metadata = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }
	})
	_, err := w.callback(b, w.answered(w.begin(b, "/")))
	wantKind(t, err, Provider, 561, "no iss")
	q := w.answered(w.begin(b, "/"))
	q.Set("iss", w.cfg.Issuer)
	if _, err := w.callback(b, q); err != nil {
		t.Fatal(err)
	}
}

func TestIssuersRefusals(t *testing.T) {
	for code, want := range map[string]struct {
		kind   Kind
		status int
	}{
		"access_denied":           {Denied, 401},
		"login_required":          {Provider, 561},
		"server_error":            {Provider, 561},
		"invalid_scope":           {Provider, 561},
		"temporarily_unavailable": {Unreachable, 504},
	} {
		w, b := newWorld(t), newBrowser()
		state := query(w.begin(b, "/wanted")).Get("state")
		_, err := w.callback(b, url.Values{"state": {state}, "error": {code}, "error_description": {"the reason\r\nis <b>" + state}})
		wantKind(t, err, want.kind, want.status, code+": the reason??is <b>[secret]")
		e := err.(*Error)
		if e.Code != code || e.ReturnTo != "/wanted" || strings.Contains(err.Error(), state) {
			t.Errorf("error = %q, code %q, return to %q", err, e.Code, e.ReturnTo)
		}
		w.mustNot(b, code)
	}
}

// An error that no attempt of this browser asked for ends nothing and proves nothing.
func TestErrorWithoutAttempt(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	w.signIn(b)
	_, err := w.callback(b, url.Values{"state": {"made-up"}, "error": {"access_denied"}})
	wantKind(t, err, Stale, 401, "not begun")
	w.mustSession(b)
}

func TestA63_ErrorRepeatsNoSecret(t *testing.T) {
	w, b := newWorld(t), newBrowser()
	begun := w.begin(b, "/")
	state := query(begun).Get("state")
	long := strings.Repeat("c", 500) // longer than what is shown of it
	for _, q := range []url.Values{
		{"state": {state}, "error": {state}, "error_description": {state}},
		{"state": {state}, "iss": {"https://x/" + state}, "code": {long}},
		{"state": {state}, "iss": {long}, "code": {long}},
	} {
		kept := b.copy()
		w.restart() // which forgets that the state was used
		_, err := w.callback(kept, q)
		if err == nil || strings.Contains(err.Error(), state) || strings.Contains(err.Error(), "cccc") {
			t.Errorf("error = %v", err)
		}
		if e, ok := err.(*Error); !ok || strings.Contains(e.Code, state) {
			t.Errorf("code = %v", err)
		}
	}
}

func FuzzCallbackQuery(f *testing.F) {
	for _, s := range []string{"state=a&code=b", "error=x&state=", "state=%00&code=%ff", "iss=&iss=", "state=a;b"} {
		f.Add(s)
	}
	w := newWorld(f)
	b := newBrowser()
	f.Fuzz(func(t *testing.T, raw string) {
		r := b.request(callbackURL)
		r.URL.RawQuery = raw
		rec := httptest.NewRecorder()
		err := w.gate.Callback(rec, r)
		if kind := KindOf(err); kind != Malformed && kind != Stale {
			t.Fatalf("a query of nobody's sign-in: %v", err)
		}
		if len(rec.Result().Cookies()) != 0 {
			t.Fatal("it set a cookie")
		}
	})
}
