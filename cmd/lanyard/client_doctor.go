package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func doctorCommand(env *environment) *cobra.Command {
	var asJSON bool
	var jwt jwtQuestion
	c := &cobra.Command{
		Use: "doctor", Args: understood(cobra.NoArgs),
		Short: "Check that this shell, its clients and the instance fit together",
		Long:  "Check that this shell, its clients and the instance fit together, and say how to mend what does not. Ends with 1 when something is broken.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if jwt != (jwtQuestion{}) {
				return newDoctor(env).examineJWT(cmd.Context(), jwt, asJSON)
			}
			return newDoctor(env).examine(cmd.Context(), asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	jwt.flags(c)
	return c
}

// Levels of a finding.
const (
	fine   = "ok"
	note   = "note"
	doubt  = "warning"
	broken = "broken"
)

// finding is one line of the diagnosis.
type finding struct {
	Level string `json:"level"`
	Check string `json:"check"`
	What  string `json:"what"`
	Fix   string `json:"fix,omitempty"`
}

// doctor examines what a client on this machine would meet. Checks that need an earlier one are left out when that failed.
type doctor struct {
	env      *environment
	findings []finding
	python   func(ctx context.Context, script string) ([]byte, error)
}

func newDoctor(env *environment) *doctor { return &doctor{env: env, python: runPython} }

func (d *doctor) add(level, check, what, fix string) {
	d.findings = append(d.findings, finding{level, check, clean(what), clean(fix)})
}

func (d *doctor) examine(ctx context.Context, asJSON bool) error {
	t := newTerminal(d.env)
	if asJSON {
		t.live = false
	}
	stop := t.working("examining")
	d.checkVariables()
	c := d.checkEndpoint(ctx)
	if c != nil && d.checkReachable(ctx, c) {
		if d.checkCredentials(ctx, c) {
			d.checkReturnURLs(ctx, c)
		}
	}
	d.checkIssuer(ctx)
	d.checkPython(ctx)
	stop()
	return d.report(t, asJSON)
}

func (d *doctor) report(t *terminal, asJSON bool) error {
	count := 0
	for _, f := range d.findings {
		if f.Level == broken {
			count++
		}
		if !asJSON {
			t.finding(f)
		} else if err := writeJSONLine(t.w, f); err != nil {
			return err
		}
	}
	switch {
	case t.err != nil:
		return t.err
	case count == 1:
		return errors.New("one thing is broken")
	case count > 1:
		return fmt.Errorf("%d things are broken", count)
	}
	return nil
}

func (t *terminal) finding(f finding) {
	sign := map[string]span{fine: {good, "✓"}, note: {dim, "·"}, doubt: {warn, "!"}, broken: {bad, "✗"}}[f.Level]
	const indent = 18
	lines := wrap(f.What, t.room(indent))
	t.line(plainly(" "), sign, plainly(" "), span{bold, pad(f.Check, indent-3)}, plainly(lines[0]))
	for _, l := range lines[1:] {
		t.line(plainly(strings.Repeat(" ", indent) + l))
	}
	if f.Fix != "" {
		for i, l := range wrap(f.Fix, t.room(indent+2)) {
			t.line(plainly(strings.Repeat(" ", indent)), span{accent, []string{"→ ", "  "}[min(i, 1)]}, span{accent, l})
		}
	}
}
