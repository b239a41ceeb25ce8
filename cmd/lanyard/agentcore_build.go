package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// buildTime is how long launch waits for what the agent requires to be installed. The agent host gives up before that.
const buildTime = 12 * time.Minute

// build makes the runtime, or its next version. The agent host installs what the agent requires before it takes it; it
// answers in between that it is not done, and is asked again.
func (l *launch) build(ctx context.Context) error {
	l.token = newSessionID()
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	what := "making the runtime"
	if l.archive.requirements {
		what = "installing what " + requirementsName + " names"
	}
	began := l.env.now()
	_, err := during(l.t, what, func() (struct{}, error) { return struct{}{}, l.deployAgain(ctx) })
	if l.gone != "" {
		l.t.warning("The runtime " + l.gone + " that was launched before was gone; it is made anew.")
	}
	if took := l.env.now().Sub(began); err == nil && l.archive.requirements && took >= time.Second {
		l.t.tick("Requirements installed (" + inWords(took) + ")")
	}
	return installerSaid(err)
}

// deployAgain deploys until the agent host is done with it.
func (l *launch) deployAgain(ctx context.Context) error {
	tick := time.NewTicker(l.o.interval)
	defer tick.Stop()
	for {
		err := l.deploy(ctx)
		if !client.Is(err, api.ThrottlingException) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// installerSaid puts each complaint of the installer on a line of its own: the client makes one line of any message.
func installerSaid(err error) error {
	if err == nil {
		return nil
	}
	head, tail, ok := strings.Cut(err.Error(), "last lines say why: ")
	if !ok || !client.Is(err, api.ValidationException) {
		return err
	}
	for _, mark := range []string{"ERROR: ", "error: ", "WARNING: ", "× ", "╰─> "} {
		tail = strings.ReplaceAll(tail, " "+mark, "\n    "+mark)
	}
	return errors.New(head + "last lines say why:\n    " + strings.TrimSpace(tail) + "\nNothing was changed. Mend " + requirementsName + " and launch again")
}
