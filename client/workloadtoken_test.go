package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

func TestWorkloadTokenOfTheContext(t *testing.T) {
	ctx := WithWorkloadToken(t.Context(), "MARKER")
	if wat, ok := WorkloadToken(ctx); !ok || wat != "MARKER" {
		t.Error("the context does not have it")
	}
	if _, ok := WorkloadToken(WithWorkloadToken(ctx, "")); ok {
		t.Error("the token of the outer context shows through")
	}
	if _, ok := WorkloadToken(t.Context()); ok {
		t.Error("there is a token where none was put")
	}
	if text := fmt.Sprint(ctx); strings.Contains(text, "MARKER") {
		t.Errorf("the context prints %s", text)
	}
}

// TestSourcesPrintNoToken: fmt reads unexported fields, too.
func TestSourcesPrintNoToken(t *testing.T) {
	kept := &cachedSource{get: func(context.Context) (api.Sensitive, error) { return "MARKER", nil }, now: time.Now, age: time.Hour}
	if wat, err := kept.WorkloadToken(t.Context()); wat != "MARKER" || err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		for _, v := range []any{kept, FixedWorkloadToken("MARKER"), FirstWorkloadToken(kept, FixedWorkloadToken("MARKER")), TokenRequest{Workload: FixedWorkloadToken("MARKER")}} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "MARKER") || strings.Contains(text, fmt.Sprintf("%x", "MARKER")) {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}

// TestSourceKeepsItsToken for a part of its life, and asks anew after that.
func TestSourceKeepsItsToken(t *testing.T) {
	for _, c := range []struct {
		opts   []Option
		within time.Duration // kept so long at least
		after  time.Duration // and no longer
	}{
		{nil, 44 * time.Minute, 46 * time.Minute},
		{[]Option{WithWorkloadTokenAge(10 * time.Minute)}, 9 * time.Minute, 11 * time.Minute},
		{[]Option{WithWorkloadTokenAge(24 * time.Hour)}, 59 * time.Minute, 61 * time.Minute},
		{[]Option{WithWorkloadTokenAge(-time.Hour)}, -1, 0},
	} {
		minted, now := 0, testNow
		transport := WithTransport(answers(func() string { minted++; return fmt.Sprintf(`{"workloadAccessToken":"wat-%d"}`, minted) }))
		client := newTestClient(t, "http://127.0.0.1:1", append(c.opts, transport, WithClock(func() time.Time { return now }))...)
		src := client.WorkloadTokenForUserID("agent", "alice")
		get := func() string {
			wat, err := src.WorkloadToken(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return string(wat)
		}
		first := get()
		if now = testNow.Add(c.within); c.within >= 0 && get() != first {
			t.Errorf("%s: not kept", c.within)
		}
		if now = testNow.Add(c.after); get() == first {
			t.Errorf("%s: kept", c.after)
		}
	}
}

// TestRevokedTokenIsDropped: the one that is kept is refused, another is got, once; the agent notices nothing.
func TestRevokedTokenIsDropped(t *testing.T) {
	l := newLive(t)
	l.Grant(t, "alice")
	src := l.c.WorkloadTokenForUserID(l.Workload, "alice")
	req := l.request(func(r *TokenRequest) { r.Workload = src })
	before, err := src.WorkloadToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Service.Identity.RevokeTokens(t.Context(), l.Service.Account, l.Workload, ""); err != nil {
		t.Fatal(err)
	}
	l.Service.Clock.Advance(time.Second)
	if _, err := l.c.ResourceToken(t.Context(), l.request(func(r *TokenRequest) { r.Workload = FixedWorkloadToken(before) })); !Is(err, api.UnauthorizedException) {
		t.Fatalf("the token was not revoked: %v", err)
	}
	if _, err := l.c.ResourceToken(t.Context(), req); err != nil {
		t.Error(err)
	}
	after, err := src.WorkloadToken(t.Context())
	if err != nil || after == before {
		t.Errorf("the refused token is kept: %v", err)
	}
	l.Service.Clock.Advance(longer)
	if _, err := l.c.ResourceToken(t.Context(), req); err != nil {
		t.Errorf("after an expiry: %v", err)
	}
}

// TestRefusedAgain: a new token that is refused as well is not asked for a third time, and a denial asks for none.
func TestRefusedAgain(t *testing.T) {
	for exception, want := range map[api.ExceptionName]int{api.UnauthorizedException: 2, api.AccessDeniedException: 1} {
		minted, asked := 0, 0
		src := &cachedSource{now: time.Now, age: time.Hour, get: func(context.Context) (api.Sensitive, error) {
			minted++
			return api.Sensitive(fmt.Sprint("wat-", minted)), nil
		}}
		_, err := withWorkload(t.Context(), FirstWorkloadToken(FromContext(), src), func(api.Sensitive) (int, error) {
			asked++
			return 0, &api.Exception{Name: exception}
		})
		if !Is(err, exception) || minted != want || asked != want {
			t.Errorf("%s: minted %d, asked %d times: %v", exception, minted, asked, err)
		}
	}
}

// TestDropIsOfTheRefusedToken: a request that was slow does not cost the others the new one.
func TestDropIsOfTheRefusedToken(t *testing.T) {
	minted := 0
	src := &cachedSource{now: time.Now, age: time.Hour, get: func(context.Context) (api.Sensitive, error) { minted++; return "new", nil }}
	_, _ = src.WorkloadToken(t.Context())
	src.DropWorkloadToken("old")
	if wat, err := src.WorkloadToken(t.Context()); wat != "new" || err != nil || minted != 1 {
		t.Errorf("minted %d, %v", minted, err)
	}
}

func TestWorkloadTokenForJWT(t *testing.T) {
	var body string
	c := newTestClient(t, "http://127.0.0.1:1", WithTransport(capture(&body, `{"workloadAccessToken":"WAT"}`)))
	wat, err := c.WorkloadTokenForJWT("agent", "a.b.c").WorkloadToken(t.Context())
	if err != nil || wat != "WAT" || body != `{"workloadName":"agent","userToken":"a.b.c"}` {
		t.Errorf("sent %s: %v", body, err)
	}
}

type failing struct{ err error }

func (f failing) WorkloadToken(context.Context) (api.Sensitive, error) { return "", f.err }

// TestFirstSource: only having none leads to the next.
func TestFirstSource(t *testing.T) {
	away := errors.New("away")
	for _, c := range []struct {
		sources []WorkloadTokenSource
		want    api.Sensitive
		err     error
	}{
		{[]WorkloadTokenSource{FromContext(), FixedWorkloadToken("b")}, "b", nil},
		{[]WorkloadTokenSource{FixedWorkloadToken("a"), FixedWorkloadToken("b")}, "a", nil},
		{[]WorkloadTokenSource{failing{away}, FixedWorkloadToken("b")}, "", away},
		{[]WorkloadTokenSource{FixedWorkloadToken("")}, "", ErrNoWorkloadToken},
		{nil, "", ErrNoWorkloadToken},
	} {
		if got, err := FirstWorkloadToken(c.sources...).WorkloadToken(t.Context()); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%d sources: %q, %v", len(c.sources), string(got), err)
		}
	}
}
