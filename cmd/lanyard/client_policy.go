package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/spf13/cobra"
)

// policyCommand explains decisions from the policies as they are stored, on this machine's database: to see which
// statement decides is more than a caller may learn from a refusal.
func policyCommand(env *environment) *cobra.Command {
	t := &adminTarget{}
	c := &cobra.Command{Use: "policy", GroupID: "admin", Short: "What policies allow, and why"}
	t.flags(env, c)
	c.AddCommand(policyExplain(env, t))
	return c
}

func policyExplain(env *environment, t *adminTarget) *cobra.Command {
	var h holder
	var action, resource string
	var pairs []string
	var asJSON bool
	c := sub(env, t, "explain", "Say whether a user or role may do something, which statement decides, and what would allow it", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		if err := h.check(); err != nil {
			return err
		}
		entries, err := contextEntries(pairs)
		if err != nil {
			return err
		}
		arn, err := h.arn(ctx, s, account)
		if err != nil {
			return err
		}
		l, err := s.SimulatePrincipalPolicy(ctx, identity.LocalAdmin(account), arn, identity.Simulation{Actions: []string{action}, Resources: []string{resource}, Context: entries}, identity.Page{Max: 1})
		if err != nil {
			return err
		}
		if asJSON {
			return writeJSONLine(env.stdout, l.Items[0])
		}
		e := explanation{terminal: newTerminal(env), holder: h, principal: arn, result: l.Items[0], flags: t.typed(env), named: map[string]bool{}}
		return e.print()
	})
	h.flags(c)
	c.Flags().StringVar(&action, "action", "", "the action, such as bedrock-agentcore:GetResourceOauth2Token (required)")
	c.Flags().StringVar(&resource, "resource", "*", "the resource's ARN; an operation on several needs each to be allowed")
	c.Flags().StringArrayVar(&pairs, "context", nil, "a condition key and its value, key=value (may be repeated; one key several times has several values)")
	c.Flags().BoolVar(&asJSON, "json", false, "everything that is known, as JSON")
	must(c.MarkFlagRequired("action"))
	return c
}

// typed are the flags as they would be typed to reach the same target again.
func (t *adminTarget) typed(env *environment) string {
	flags := ""
	switch {
	case t.config != "":
		flags = " --config " + t.config
	case t.dataDir != defaultDataDir(env):
		flags = " --data-dir " + t.dataDir
	}
	if t.account != "" {
		flags += " --account " + t.account
	}
	return flags
}

// arn is the ARN of the user or role, which knows its path.
func (h *holder) arn(ctx context.Context, s *identity.Service, account string) (arn string, err error) {
	err = h.choose(func(name string) error {
		u, err := s.GetUser(ctx, identity.LocalAdmin(account), name)
		if err == nil {
			arn = u.ARN()
		}
		return err
	}, func(name string) error {
		r, err := s.GetRole(ctx, identity.LocalAdmin(account), name)
		if err == nil {
			arn = r.ARN()
		}
		return err
	})
	return arn, err
}

func contextEntries(pairs []string) ([]identity.ContextEntry, error) {
	var out []identity.ContextEntry
	at := map[string]int{}
	for _, p := range pairs {
		key, value, ok := strings.Cut(p, "=")
		if !ok || key == "" {
			return nil, &usageError{fmt.Errorf("--context %q is not key=value, such as aws:SourceIp=192.0.2.1", p)}
		}
		i, again := at[strings.ToLower(key)]
		if !again {
			i = len(out)
			at[strings.ToLower(key)] = i
			out = append(out, identity.ContextEntry{Key: key})
		}
		out[i].Values = append(out[i].Values, value)
	}
	return out, nil
}

// explanation draws one result.
type explanation struct {
	*terminal
	holder    holder
	principal string
	result    identity.SimulationResult
	flags     string          // that name the target, for the command that is printed
	named     map[string]bool // the policies spoken of
}

func (e *explanation) print() error {
	e.headline()
	e.decided()
	e.others()
	e.traps()
	if e.result.Suggestion != "" {
		e.suggest()
	}
	return e.err
}

func (e *explanation) headline() {
	mark, may := markOf("denied"), " may not "
	if e.result.Allowed {
		mark, may = markOf("allowed"), " may "
	}
	name := e.holder.user
	if name == "" {
		name = "a session of role " + e.holder.role
	}
	e.line()
	e.line(plainly(" "), mark, plainly(" "), span{bold, name}, plainly(may), span{bold, e.result.Action})
	e.line()
	e.field("who", e.principal)
	e.field("on", e.result.Resource)
}

// decided names the statements that did it.
func (e *explanation) decided() {
	label := "decided"
	for _, st := range e.result.Statements {
		if st.Applies && (e.result.Allowed || e.result.Explicit) && (st.Effect == "Deny") == e.result.Explicit {
			e.field(label, st.Effect+" by "+e.where(st))
			label = ""
		}
	}
	switch {
	case label == "":
	case e.result.Note != "":
		e.field(label, e.result.Note)
	case len(e.result.Statements) == 0:
		e.field(label, "no policy speaks for it, and what nothing allows is denied")
	default:
		e.field(label, "no statement allows it, and what nothing allows is denied")
	}
}

// where is a statement's place, as an editor would find it.
func (e *explanation) where(st policy.StatementExplanation) string {
	e.named[st.Policy] = true
	name := fmt.Sprintf("statement %d", st.Index)
	if st.StatementID != "" {
		name += " (" + st.StatementID + ")"
	}
	return fmt.Sprintf("%s of policy %s, line %d", name, st.Policy, st.StartLine)
}

// others says of each statement that might have allowed it why it does not, and which condition keys were not given.
func (e *explanation) others() {
	if e.result.Allowed {
		return
	}
	for _, st := range e.result.Statements {
		if !st.Applies && st.Effect == "Allow" {
			e.field("not by", e.where(st)+": "+st.Why)
		}
	}
	for _, key := range e.result.Missing {
		e.field("not given", key+": policies ask for it; say what it is with --context "+key+"=VALUE")
	}
}

// traps are what the policies spoken of say, and their authors rarely mean.
func (e *explanation) traps() {
	for _, w := range e.result.Warnings {
		if e.named[w.Policy] {
			e.field("note", fmt.Sprintf("policy %s, line %d, column %d: %s", w.Policy, w.Line, w.Column, w.Message))
		}
	}
}

// suggest prints the policy that would allow it, whole and unstyled, for it is there to be copied.
func (e *explanation) suggest() {
	_, name, _ := strings.Cut(e.result.Action, ":")
	owner := "--user " + e.holder.user
	if e.holder.user == "" {
		owner = "--role " + e.holder.role
	}
	e.line()
	e.line(plainly("   This would allow it:"))
	e.line()
	for l := range strings.Lines(e.result.Suggestion) {
		e.line(span{accent, "     " + strings.TrimRight(l, "\n")})
	}
	e.line()
	e.line(plainly("   Save it as policy.json, and give it with:"))
	e.line()
	e.line(span{bold, "     lanyard admin policy put " + owner + " --name allow-" + strings.ToLower(name) + " --file policy.json" + e.flags})
}
