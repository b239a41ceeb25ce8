package host

import (
	"context"
	"errors"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// deploy makes ready what the sessions of a spec would wait for: its files, and a Python agent's environment. So whoever
// deploys an agent learns what is wrong with it, in the installer's own words, and no user waits for the installer. The
// work goes on when nobody waits any more; the next to ask finds it, done or under way.
func (h *Host) deploy(ctx context.Context, spec *hostlink.Spec) error {
	if sha := spec.Source.Archive; sha != "" && !h.hasArchive(sha) {
		return nil // the server sends it next, or says that it is missing
	}
	wait, cancel := context.WithTimeout(ctx, h.cfg.Times.Deploy)
	defer cancel()
	code, err := h.source(wait, spec)
	if err == nil && spec.Python() {
		_, _, err = h.python(wait, spec, code)
	}
	if err != nil && errors.Is(wait.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
		if _, ok := errors.AsType[*hostlink.Error](err); !ok {
			return hostlink.Errorf(hostlink.CodeBuilding, "the agent's environment is still being built: what its requirements name is being installed")
		}
	}
	return err
}
