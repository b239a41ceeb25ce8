package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// TestDeploymentsThatTheHostRefuses: what is wrong with an agent's files is the caller's to mend and said in the
// installer's words; nothing is stored, and the version before serves on. What may pass is sent again by clients.
func TestDeploymentsThatTheHostRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var refusal error
	w.host.check = func(*hostlink.Spec) error { return refusal }
	for name, c := range map[string]struct {
		err    error
		want   api.ExceptionName
		status int
		says   string
	}{
		"the installer failed": {&hostlink.Error{Code: hostlink.CodeBuild, Message: "it could not be built", Log: strings.Repeat("x", 20<<10) + "\nERROR: No matching distribution\n"}, api.ValidationException, 400, "it could not be built:\nERROR: No matching distribution"},
		"the source is no use": {hostlink.Errorf(hostlink.CodeSource, "../outside leads out"), api.ValidationException, 400, "../outside leads out"},
		"still building":       {hostlink.Errorf(hostlink.CodeBuilding, "it is being built"), api.ThrottlingException, 429, "with the same clientToken"},
		"the host's own fault": {errors.New("MARKER"), api.InternalServerException, 500, "request id"},
	} {
		refusal = c.err
		for _, op := range []api.Operation{api.CreateAgentRuntime, api.UpdateAgentRuntime} {
			a := w.Call(t, w.Root, op, w.sample(op))
			refused(t, a, c.want)
			if a.Status != c.status || !strings.Contains(a.Exception.Message, c.says) || strings.Contains(string(a.Body), "MARKER") || len(a.Body) > 10<<10 {
				t.Errorf("%s, %s: %d %s", name, op.Name, a.Status, a.Exception.Message)
			}
		}
	}
	if l := w.Records(t, w.Account, identity.KindRuntime); len(l) != 1 {
		t.Errorf("%d runtimes exist, want the one of before", len(l))
	}
	refusal = nil
	var next api.UpdateAgentRuntimeResponse
	if w.Call(t, w.Root, api.UpdateAgentRuntime, w.sample(api.UpdateAgentRuntime)).Into(t, &next); next.Version != "2" {
		t.Errorf("the first version that was taken is %s, want 2", next.Version)
	}
}
