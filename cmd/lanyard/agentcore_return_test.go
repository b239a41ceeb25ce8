package main

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// register puts return URLs on the agent's workload identity.
func (c *askingAgent) register(urls ...string) {
	c.t.Helper()
	env := testEnvironment(c.w.vars, io.Discard, io.Discard)
	env.now = c.w.Clock.Now
	cl, err := connect(c.t.Context(), env)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := cl.UpdateWorkloadIdentity(c.t.Context(), &api.UpdateWorkloadIdentityRequest{Name: c.w.agent().id(), ReturnURLs: urls}); err != nil {
		c.t.Fatal(err)
	}
}

// TestA08_KilledInvocationsLeaveNoReturnURL: what a killed command left is taken off by the next one, and nothing else is:
// not what a command that still runs, another machine or another person waits at, and not what an application registered.
func TestA08_KilledInvocationsLeaveNoReturnURL(t *testing.T) {
	c := newAskingAgent(t)
	env := testEnvironment(c.w.vars, io.Discard, io.Discard)
	place := returnPlace(env)
	open := func(place string) *returnPoint {
		p, err := openSecretReturn(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.close)
		return p
	}
	killed, alive, elsewhere := open(place), open(place), open("0123456789ab")
	killed.close()
	elsewhere.close()
	secret := killed.URL[strings.LastIndexByte(killed.URL, '/')+1:]
	app := "http://127.0.0.1:9/return/" + place + "/callback"
	outside := "http://127.0.0.2:9/return/" + place + "/" + secret
	kept := []string{alive.URL, elsewhere.URL, app, outside}
	c.register(append([]string{killed.URL}, kept...)...)
	if code, out, errOut := c.w.run("invoke", "{}", "--user-id", "alice"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	got := c.returnURLs()
	slices.Sort(got)
	slices.Sort(kept)
	if !slices.Equal(got, kept) {
		t.Errorf("registered are %q, want %q", got, kept)
	}
}

// TestReturnPlaces: one for each person and machine, without the name of either.
func TestReturnPlaces(t *testing.T) {
	one, other := testEnvironment(map[string]string{"HOME": "/home/alice"}, io.Discard, io.Discard), testEnvironment(map[string]string{"HOME": "/home/bob"}, io.Discard, io.Discard)
	if a, b := returnPlace(one), returnPlace(other); a == b || a != returnPlace(one) || strings.Contains(a, "alice") || len(a) != 12 {
		t.Errorf("places %s and %s", a, b)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, u := range []string{"", "://", "http://127.0.0.1/return/p/" + strings.Repeat("A", 26), "https://127.0.0.1:1/return/p/" + strings.Repeat("A", 26),
		"http://localhost:1/return/p/" + strings.Repeat("A", 26), "http://127.0.0.1:1/return/p/" + strings.Repeat("A", 26) + "?x=y", "http://" + ln.Addr().String() + "/return/p/" + strings.Repeat("A", 26)} {
		if abandoned(t.Context(), u, "p") {
			t.Errorf("%q is taken for a killed command's", u)
		}
	}
}
