//go:build conformance

package conformance_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/conformance/internal/lab"
	"github.com/lanyard-id/lanyard/internal/oauth/oauthtest"
)

// atScriptedProvider is a story at a provider that a test may script.
func atScriptedProvider(t *testing.T, server *lab.Server, name string) (*story, *oauthtest.Server) {
	t.Helper()
	provider := oauthtest.New(t)
	person, err := lab.NewWalker()
	check(t, err)
	return &story{
		t: t, caller: server.Caller, name: name, user: "alice", back: "http://127.0.0.1:1/back", person: person,
		idp: lab.ProviderInfo{Issuer: provider.Issuer, DiscoveryURL: provider.DiscoveryURL,
			ClientID: provider.ClientID, ClientSecret: provider.ClientSecret, UserScopes: []string{"read"}},
		register: func(callback string) { provider.RegisterRedirect(callback) },
	}, provider
}

// machineRequest asks for a token of the workload itself, which takes one request to the provider.
func (s *story) machineRequest() map[string]any {
	in := s.request()
	in["oauth2Flow"] = "M2M"
	delete(in, "resourceOauth2ReturnUrl")
	delete(in, "customParameters")
	return in
}

// reply is an answer to a request that a test does not wait for at once.
type reply struct {
	lab.Answer
	err error
}

// later sends a request whose answer comes through the channel.
func (s *story) later(in any) <-chan reply {
	c := make(chan reply, 1)
	caller := s.caller()
	go func() {
		a, err := caller.Call(s.t.Context(), api.GetResourceOauth2Token, in)
		c <- reply{a, err}
	}()
	return c
}

// fillDisk has every write of a process to a file fail, as on a disk without space, until the returned function ends it.
func fillDisk(t *testing.T, s *lab.Server) (makeRoom func()) {
	t.Helper()
	limit := func(bytes string) {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "prlimit", "--pid", fmt.Sprint(s.Pid()), "--fsize="+bytes+":unlimited").CombinedOutput()
		if err != nil {
			t.Fatalf("prlimit: %v\n%s", err, out)
		}
	}
	limit("1")
	return func() { limit("unlimited") }
}

// TestDiskFull lets the disk fill up under the service. What cannot be kept is refused in a way that clients retry,
// nothing that was answered is lost, and all works again once there is room, without a restart.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	s, provider := atScriptedProvider(t, server, "before-it-was-full")
	s.tell()
	makeRoom := fillDisk(t, server)
	another := map[string]string{"name": "when-it-was-full"}
	for name, refused := range map[string]func() string{
		"a change": func() string {
			return exception(t, server.Caller(), api.CreateWorkloadIdentity, another, api.InternalServerException)
		},
		"a token whose use cannot be recorded": func() string {
			return exception(t, server.Caller(), api.GetResourceOauth2Token, s.request(), api.InternalServerException)
		},
	} {
		if message := refused(); !strings.Contains(message, "try again") {
			t.Errorf("%s is refused without saying what to do: %s", name, message)
		}
	}
	makeRoom()
	s.do(api.CreateWorkloadIdentity, another, nil) // the refused one left nothing behind
	token, grant := s.token, s.grant()
	s.getToken()
	server.Kill()
	server.Start(t)
	s.getToken()
	if s.token != token || s.grant() != grant {
		t.Error("there is another grant than before the disk was full")
	}
	if n := provider.Count("authorization_code"); n != 1 {
		t.Errorf("%d codes were exchanged, want 1", n)
	}
}

// A provider's answer to a refresh may have ended the old refresh token, so it is kept in memory until there is room.
func TestDiskFullDuringRefresh(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	s, provider := atScriptedProvider(t, server, "refreshing")
	provider.Behave(func(b *oauthtest.Behaviour) { b.ExpiresIn = -1 }) // expired when it comes
	steps := s.steps()
	for _, step := range steps[:len(steps)-1] {
		step.run()
	}
	provider.Behave(func(b *oauthtest.Behaviour) { b.ExpiresIn = 3600 })
	hold := provider.HoldTokens()
	answer := s.later(s.request())
	<-hold.Arrived()
	makeRoom := fillDisk(t, server)
	hold.Release()
	waitFor(t, "the provider answered", func() bool { return provider.Count("refresh_token") == 1 })
	exception(t, server.Caller(), api.CreateWorkloadIdentity, map[string]string{"name": "no-room"}, api.InternalServerException)
	select {
	case a := <-answer:
		t.Fatalf("the caller was answered before the token was stored: %s %v", a, a.err)
	default:
	}
	makeRoom()
	if a := <-answer; a.err != nil || a.Status != http.StatusOK {
		t.Fatalf("the caller was answered %s, %v", a, a.err)
	}
	server.Kill()
	server.Start(t)
	s.getToken()
	if n := provider.Count("refresh_token"); n != 1 || !provider.Active(s.token) {
		t.Errorf("after %d refreshes the token is active at the provider: %t", n, provider.Active(s.token))
	}
}

// TestHostileProvider asks the service for tokens of providers that misbehave in every way. Each request ends soon with
// a message that names the provider, others are served meanwhile, and the next sound answer is used.
func TestHostileProvider(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	redirect := func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, server.URL+"/healthz", http.StatusTemporaryRedirect)
		return true
	}
	for name, script := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"silent":      oauthtest.Silent,
		"endless":     oauthtest.Endless,
		"redirecting": redirect,
		"page":        oauthtest.Raw(http.StatusOK, "text/html", "<!doctype html><title>Sign in</title>"),
		"cut-off":     oauthtest.JSON(http.StatusOK, `{"access_token":"a`),
		"nested":      oauthtest.JSON(http.StatusOK, strings.Repeat("[", 100_000)),
		"tokenless":   oauthtest.JSON(http.StatusOK, `{"token_type":"Bearer"}`),
		"not-bearer":  oauthtest.JSON(http.StatusOK, `{"access_token":"a","token_type":"DPoP"}`),
		"header-bomb": oauthtest.JSON(http.StatusOK, `{"access_token":"a\r\nSet-Cookie: b","token_type":"Bearer"}`),
		"broken":      oauthtest.JSON(http.StatusInternalServerError, `{"error":"`+strings.Repeat("x", 100_000)+`"}`),
		"overloaded":  oauthtest.JSON(http.StatusServiceUnavailable, ""),
		"aborting":    func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, provider := atScriptedProvider(t, server, "at-"+name)
			s.createWorkload()
			s.createProvider()
			s.getWAT()
			provider.OnToken(script)
			began := time.Now()
			a, err := server.Caller().Call(t.Context(), api.GetResourceOauth2Token, s.machineRequest())
			check(t, err)
			if a.Exception == "" || a.Status < 400 || !strings.Contains(a.Message, s.name) {
				t.Errorf("the caller is told %s", a)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if strings.Contains(a.Message, provider.ClientSecret) || len(a.Message) > 2000 {
				t.Errorf("the message holds a secret or %d bytes of what the provider said", len(a.Message))
			}
			provider.OnToken(nil)
			s.do(api.GetResourceOauth2Token, s.machineRequest(), nil)
			if got := status(t, server.URL+"/readyz"); got != http.StatusOK {
				t.Errorf("/readyz says %d", got)
			}
		})
	}
}

// TestGracefulStop asks the service to stop while a provider holds its answer back: the request is finished first.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	s, provider := atScriptedProvider(t, server, "in-flight")
	s.createWorkload()
	s.createProvider()
	s.getWAT()
	hold := provider.HoldTokens()
	answer := s.later(s.machineRequest())
	<-hold.Arrived()
	server.Terminate(t)
	waitFor(t, "no new connection is taken", func() bool { return !server.Listening() })
	hold.Release()
	if a := <-answer; a.err != nil || a.Status != http.StatusOK {
		t.Errorf("the request in flight was answered %s, %v", a, a.err)
	}
	if code := server.Wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	log, err := os.ReadFile(server.LogFile())
	check(t, err)
	if strings.Contains(string(log), "level=ERROR") {
		t.Errorf("an orderly stop logged an error:\n%s", log)
	}
	server.Start(t)
	s.do(api.GetResourceOauth2Token, s.machineRequest(), nil)
}

// TestClockSkew signs by clocks that are off. A signature is good for five minutes either way, and the refusal tells the
// time that the service goes by.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	server := bench.Dev(t)
	timestamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d{8}T\d{6}Z`)
	for off, refused := range map[time.Duration]bool{-6 * time.Minute: true, 6 * time.Minute: true, -4 * time.Minute: false, 4 * time.Minute: false} {
		caller := server.Caller()
		caller.Now = func() time.Time { return time.Now().Add(off) }
		a, err := caller.Call(t.Context(), api.ListWorkloadIdentities, struct{}{})
		check(t, err)
		if !refused {
			if a.Status != http.StatusOK {
				t.Errorf("%v off: %s", off, a)
			}
			continue
		}
		told := false
		for _, text := range timestamp.FindAllString(a.Message, -1) {
			for _, layout := range []string{time.RFC3339, "20060102T150405Z"} {
				at, err := time.Parse(layout, text)
				told = told || err == nil && time.Since(at).Abs() < 2*time.Minute
			}
		}
		if a.Status != http.StatusForbidden || a.Exception != "InvalidSignatureException" || !told {
			t.Errorf("%v off: %s; want InvalidSignatureException with the time of the service", off, a)
		}
	}
}
