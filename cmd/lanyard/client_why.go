package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

func whyCommand(env *environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "why REQUEST_ID", Args: understood(cobra.ExactArgs(1)),
		Short: "Explain what became of a request, and how to mend it",
		Long:  "Explain what became of a request: who asked for what, which policy statement decided, what came of it, how to mend a refusal, and what else happened around the same consent.\n\nThe request id is in every error message, in the header x-amzn-RequestId of every answer, and in the audit.",
		RunE: connected(env, func(ctx context.Context, c *client.Client, args []string) error {
			return why(ctx, env, c, args[0], asJSON)
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "the records of the request, one JSON object a line")
	return c
}

func why(ctx context.Context, env *environment, c *client.Client, id string, asJSON bool) error {
	records, err := collect(ctx, c, api.FindAuditRecordsRequest{RequestID: id}, 100, true)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return fmt.Errorf("the audit of this account has no request %s. Check that the id is whole (error messages end with it, answers carry it in x-amzn-RequestId), and that the records are not older than the configured retention. The latest ones: lanyard audit tail", clean(cut(id, 80)))
	}
	if asJSON {
		for i := range records {
			if err := writeJSONLine(env.stdout, &records[i]); err != nil {
				return err
			}
		}
		return nil
	}
	t := newTerminal(env)
	last := &records[len(records)-1]
	t.verdict(last)
	t.facts(last)
	for i := range records[:len(records)-1] {
		t.field("before", time.Time(records[i].Time).In(t.now().Location()).Format(time.TimeOnly)+" "+records[i].Result+": "+records[i].Reason)
	}
	t.mend(last)
	return t.around(ctx, env, c, last)
}

// verdict is the one-line answer.
func (t *terminal) verdict(r *api.AuditRecord) {
	words := map[string]string{"allowed": "was done", "denied": "was denied", "failed": "failed", "intent": "was begun, and no end of it is recorded"}[r.Result]
	t.line()
	t.line(plainly(" "), markOf(r.Result), plainly(" "), span{bold, shortAction(r.Action)}, plainly(" "+cmp.Or(words, r.Result)), span{dim, "  " + t.clock(time.Time(r.Time))})
	t.line()
}

func (t *terminal) facts(r *api.AuditRecord) {
	who := cmp.Or(r.Caller, "nobody who could be authenticated")
	if r.AccessKeyID != "" {
		who += ", access key " + r.AccessKeyID
	}
	if r.SourceIP != "" {
		who += ", from " + r.SourceIP
	}
	t.field("who", who)
	t.field("asked", r.Action)
	for i, arn := range r.Resources {
		t.field([]string{"on", ""}[min(i, 1)], arn)
	}
	if r.User != "" {
		t.field("for user", shownUser(r.User))
	}
	if r.GrantID != "" {
		t.field("grant", r.GrantID)
	}
	t.field("decided", decision(r))
	if r.Code != "" {
		t.field("result", r.Result+" ("+r.Code+")")
	}
}

// decision says in words which rule decided.
func decision(r *api.AuditRecord) string {
	name, statement, ok := strings.Cut(r.Decision, "#")
	if ok {
		name = "statement " + statement + " of policy " + name
	} else {
		name = "policy " + name
	}
	byPolicy := strings.HasPrefix(r.Reason, "User: ")
	switch {
	case r.Decision == "" && r.Caller == "":
		return "before any policy: the caller could not be authenticated"
	case r.Decision == "":
		return "before any policy was asked: what the request carries was refused"
	case r.Decision == "root":
		return "root of the account: no policy limits it"
	case r.Decision == "no statement":
		return "no policy statement allows it, so it is denied"
	case r.Result == "denied" && byPolicy:
		return name + " denies it"
	case r.Result == "denied":
		return name + " allows the action; a rule of the operation refused this use of it"
	default:
		return name + " allows it"
	}
}

// mend separates the reason from its remedy.
func (t *terminal) mend(r *api.AuditRecord) {
	if r.Reason == "" {
		return
	}
	reason, remedy := splitRemedy(r.Reason)
	if r.Result == "allowed" || r.Result == "intent" {
		t.field("note", r.Reason)
		return
	}
	t.field("reason", reason)
	if remedy == "" {
		return
	}
	t.line()
	t.line(plainly("   "), span{good, "→"}, plainly(" "), span{bold, "How to mend it"})
	text, command, ok := strings.Cut(remedy, ": ")
	if ok && (strings.HasPrefix(command, "lanyard ") || strings.HasPrefix(command, "aws ")) {
		t.paragraph(5, normal, text+":")
		t.line()
		t.line(plainly("       "), span{accent, command}) // whole, to be copied
		return
	}
	t.paragraph(5, normal, remedy)
}

// splitRemedy finds the last sentence, or the last clause, which is where messages say what to do.
func splitRemedy(reason string) (cause, remedy string) {
	for i := len(reason) - 3; i > 0; i-- {
		if reason[i] == '.' && reason[i+1] == ' ' && unicode.IsUpper(rune(reason[i+2])) {
			return reason[:i], reason[i+2:]
		}
	}
	if i := strings.LastIndex(reason, "; "); i > 0 {
		r := []rune(reason[i+2:])
		if len(r) > 0 {
			r[0] = unicode.ToUpper(r[0])
		}
		return reason[:i], string(r)
	}
	return reason, ""
}

// around shows what else happened to the same consent.
func (t *terminal) around(ctx context.Context, env *environment, c *client.Client, r *api.AuditRecord) error {
	chain, err := chainOf(ctx, c, r.SessionID, r.GrantID)
	if err != nil {
		return err
	}
	if len(chain) < 2 {
		return t.err
	}
	t.line()
	t.line(plainly("   "), span{bold, "Around the same consent"})
	p := newStoryPrinter(env)
	p.about = r.RequestID
	for i := range chain {
		chain[i].Reason = "" // the one that matters is above
		p.record(&chain[i])
	}
	if r.GrantID != "" {
		t.line()
		t.line(plainly("   "), span{dim, "More of it: lanyard audit find --grant " + r.GrantID})
	}
	return cmp.Or(t.err, p.t.err)
}

// chainOf collects the records of a session and of the grants that it touched, oldest first.
func chainOf(ctx context.Context, c *client.Client, session, grant string) ([]api.AuditRecord, error) {
	const most = 30
	var all []api.AuditRecord
	grants := []string{grant}
	if session != "" {
		list, err := collect(ctx, c, api.FindAuditRecordsRequest{SessionID: session}, most, false)
		if err != nil {
			return nil, err
		}
		all = list
		for i := range list {
			grants = append(grants, list[i].GrantID)
		}
	}
	slices.Sort(grants)
	for _, grant := range slices.Compact(grants) {
		if grant == "" {
			continue
		}
		list, err := collect(ctx, c, api.FindAuditRecordsRequest{GrantID: grant}, most, false)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b api.AuditRecord) int { return cmp.Compare(a.ID, b.ID) }) // ids are in order of time
	all = slices.CompactFunc(all, func(a, b api.AuditRecord) bool { return a.ID == b.ID })
	intentsFirst(all)
	return all, nil
}
