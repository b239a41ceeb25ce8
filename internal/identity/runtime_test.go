package identity_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

const (
	agentRole    = "arn:aws:iam::000000000000:role/agents"
	agentTrust   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"bedrock-agentcore.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	agentSession = "session-0123456789abcdef0123456789abcdef"
)

func runnable(context.Context, *identity.Runtime, *identity.RuntimeVersion) error { return nil }

func agentConfig(env string) identity.RuntimeConfig {
	return identity.RuntimeConfig{RoleARN: agentRole, Source: identity.RuntimeSource{Directory: "/srv/agent"}, EntryPoint: []string{"agent.py"}, Language: "PYTHON_3_12",
		Environment: map[string]string{"KEY": env}}
}

// newRuntimes is a service with the role of agents.
func newRuntimes(t *testing.T) *servertest.Service {
	t.Helper()
	s := servertest.New(t)
	_, err := s.Identity.CreateRole(t.Context(), identity.LocalAdmin(s.Account), identity.NewRole{Name: "agents", Trust: agentTrust})
	check(t, err)
	return s
}

func newRuntime(t *testing.T, s *servertest.Service, name string) identity.RuntimeState {
	t.Helper()
	r, err := s.Identity.CreateRuntime(t.Context(), identity.LocalAdmin(s.Account), identity.NewRuntime{Name: name, Config: agentConfig("of " + name)}, runnable)
	check(t, err)
	return r
}

func codeOf(err error) identity.Code {
	if e, ok := errors.AsType[*identity.Error](err); ok {
		return e.Code
	}
	return identity.Internal
}

// TestRuntimesAreMadeWholeOrNotAtAll: a creation that fails at any of its steps leaves nothing that can be invoked, and
// nothing in the way of the next one.
func TestRuntimesAreMadeWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := newRuntimes(t)
	root := identity.LocalAdmin(s.Account)
	in := identity.NewRuntime{Name: "my_agent", Config: agentConfig("e")}
	for step := range 3 {
		n := 0
		s.OnStore(func(call string) error {
			if call != "InsertRecord" {
				return nil
			}
			if n++; n == step+1 {
				return errors.New("the disk is full")
			}
			return nil
		})
		if _, err := s.Identity.CreateRuntime(t.Context(), root, in, runnable); err == nil {
			t.Errorf("step %d failed and nobody was told", step)
		}
		s.OnStore(nil)
		for _, kind := range []string{identity.KindWorkload, identity.KindRuntime} {
			if rows := s.Records(t, s.Account, kind); len(rows) != 0 {
				t.Errorf("step %d left %d records of kind %s", step, len(rows), kind)
			}
		}
	}
	if _, err := s.Identity.CreateRuntime(t.Context(), root, in, func(context.Context, *identity.Runtime, *identity.RuntimeVersion) error { return errors.New("no") }); err == nil || len(s.Records(t, s.Account, identity.KindRuntime)) != 0 {
		t.Errorf("what the host cannot run was stored: %v", err)
	}
	r := newRuntime(t, s, "my_agent")
	check(t, s.Identity.DeleteRuntime(t.Context(), root, r.ID, 0))
	again := newRuntime(t, s, "my_agent")
	if again.ID == r.ID || again.WorkloadID == r.WorkloadID {
		t.Error("a runtime made again is the old one (A59)")
	}
}

// TestInterruptedCreationsAreCleared: what a crash left between two steps is shown as failed, invoked by nobody, and
// removed like any other.
func TestInterruptedCreationsAreCleared(t *testing.T) {
	t.Parallel()
	s := newRuntimes(t)
	root := identity.LocalAdmin(s.Account)
	r := newRuntime(t, s, "my_agent")
	edit(t, s, `DELETE FROM records WHERE kind = 'runtime-version'`)
	forget(t, s)
	state, err := s.Identity.GetRuntime(t.Context(), root, r.ID, 0)
	if err != nil || !state.Version.Missing {
		t.Errorf("shown as %+v, %v", state.Version, err)
	}
	_, err = s.Identity.BeginInvocation(t.Context(), root, identity.InvokeRequest{Target: identity.RuntimeTarget{Account: s.Account, ID: r.ID, Endpoint: "DEFAULT"}})
	if codeOf(err) != identity.Conflict {
		t.Errorf("invoked: %v", err)
	}
	check(t, s.Identity.DeleteRuntime(t.Context(), root, r.ID, 0))
	if n := len(s.Records(t, s.Account, identity.KindWorkload)); n != 0 {
		t.Errorf("%d workload identities are left", n)
	}
}

// TestA64_RuntimesBehindTheBack: whoever writes to the database gives no runtime another role, another user's key, or
// another runtime's version.
func TestA64_RuntimesBehindTheBack(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"the role":                  `UPDATE records SET data = CAST(replace(CAST(data AS TEXT), 'role/agents', 'role/admins') AS BLOB) WHERE kind = 'runtime-version'`,
		"the workload identity":     `UPDATE records SET data = CAST(replace(CAST(data AS TEXT), '"workload":"wl-', '"workload":"wl-0') AS BLOB) WHERE kind = 'runtime'`,
		"whose the workload is":     `UPDATE records SET data = CAST(replace(CAST(data AS TEXT), '"runtime":"', '"runtime":"x') AS BLOB) WHERE kind = 'workload'`,
		"the environment":           `UPDATE records SET sealed = (SELECT sealed FROM records o WHERE o.kind = 'runtime-version' AND o.id <> records.id) WHERE kind = 'runtime-version'`,
		"the key of users":          `UPDATE records SET sealed = (SELECT sealed FROM records o WHERE o.kind = 'runtime' AND o.id <> records.id) WHERE kind = 'runtime'`,
		"a version's owner":         `UPDATE records SET parent = (SELECT id FROM records o WHERE o.kind = 'runtime' AND o.id <> records.parent) WHERE kind = 'runtime-version'`,
		"where the versions are":    `UPDATE records SET data = (SELECT data FROM records o WHERE o.kind = 'runtime' AND o.id <> records.id) WHERE kind = 'runtime'`,
		"an older state of runtime": `UPDATE records SET version = version + 1 WHERE kind = 'runtime'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRuntimes(t)
			root := identity.LocalAdmin(s.Account)
			r := newRuntime(t, s, "my_agent")
			newRuntime(t, s, "other_agent")
			in := identity.InvokeRequest{Target: identity.RuntimeTarget{Account: s.Account, ID: r.ID, Endpoint: "DEFAULT"}, UserID: "alice"}
			_, err := s.Identity.BeginInvocation(t.Context(), root, in)
			check(t, err)
			edit(t, s, query)
			forget(t, s)
			if _, err := s.Identity.BeginInvocation(t.Context(), root, in); err == nil || codeOf(err) != identity.Internal || !strings.Contains(s.Logs(), behindBack) {
				t.Errorf("it was taken for good: %v", err)
			}
		})
	}
}

// TestUpdatesDoNotOverwriteEachOther: of many updates at once each is a version of its own or a conflict, and what a
// version says is what its maker was told.
func TestUpdatesDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	s := newRuntimes(t)
	root := identity.LocalAdmin(s.Account)
	r := newRuntime(t, s, "my_agent")
	var made sync.Map
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			env := strings.Repeat("x", i+1)
			state, err := s.Identity.UpdateRuntime(t.Context(), root, r.ID, agentConfig(env), "", runnable)
			switch {
			case err == nil:
				done.Add(1)
				if _, twice := made.LoadOrStore(state.Version.Number, env); twice {
					t.Errorf("version %d was made twice", state.Version.Number)
				}
			case codeOf(err) != identity.Conflict:
				t.Error(err)
			}
		})
	}
	all.Wait()
	made.Range(func(number, env any) bool {
		state, err := s.Identity.GetRuntime(t.Context(), root, r.ID, number.(int))
		if err != nil || state.Version.Config.Environment["KEY"] != env {
			t.Errorf("version %d is another's: %v", number, err)
		}
		return true
	})
	list, err := s.Identity.ListRuntimeVersions(t.Context(), root, r.ID, identity.Page{Max: 100})
	check(t, err)
	if int64(len(list.Items)) != done.Load()+1 || done.Load() == 0 {
		t.Errorf("%d versions after %d updates", len(list.Items), done.Load())
	}
}

// TestSessionNamesOfAgents: the name of a process's role session is one that STS takes, readable where it can be, and never
// that of another session.
func TestSessionNamesOfAgents(t *testing.T) {
	t.Parallel()
	s := newRuntimes(t)
	r := newRuntime(t, s, "my_agent")
	root := identity.LocalAdmin(s.Account)
	i, err := s.Identity.BeginInvocation(t.Context(), root, identity.InvokeRequest{Target: identity.RuntimeTarget{Account: s.Account, ID: r.ID, Endpoint: "DEFAULT"}})
	check(t, err)
	seen := map[string]string{}
	for _, id := range []string{agentSession, agentSession + "/", agentSession + "~", strings.Repeat("a", 64), strings.Repeat("a", 65), strings.Repeat("a", 256), strings.Repeat("~", 40)} {
		c, err := s.Identity.RuntimeRole(t.Context(), identity.RuntimeProcess{RuntimeARN: s.Identity.RuntimeARN(s.Account, r.ID), RuntimeID: r.ID, Version: 1, SessionID: id, UserKey: i.UserKey})
		check(t, err)
		caller, _, err := s.Identity.Authenticate(t.Context(), c.AccessKeyID, c.SessionToken.RevealString())
		check(t, err)
		name := caller.Session.Name
		if before, twice := seen[name]; twice || len(name) > 64 || len(name) < 2 {
			t.Errorf("session %q is named %q, like %q", id, name, before)
		}
		seen[name] = id
	}
	if seen[agentSession] != agentSession {
		t.Errorf("a plain session id is not its own name: %v", seen)
	}
}
