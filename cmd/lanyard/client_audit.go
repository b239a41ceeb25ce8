package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

func auditCommand(env *environment) *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "Read the audit: who did what for whom, and what came of it"}
	c.AddCommand(auditTail(env), auditFind(env))
	return c
}

type tailOptions struct {
	count       int
	follow      bool
	all, asJSON bool
	every       time.Duration
}

func auditTail(env *environment) *cobra.Command {
	o := tailOptions{every: time.Second}
	c := &cobra.Command{
		Use: "tail", Args: understood(cobra.NoArgs),
		Short: "Show the latest audit records, and new ones as they come with -f",
		Long:  "Show the latest audit records, oldest first. Reading the audit is itself audited; those records are left out unless --all is given.",
	}
	c.Flags().IntVarP(&o.count, "lines", "n", 20, "how many")
	c.Flags().BoolVarP(&o.follow, "follow", "f", false, "wait for new ones")
	c.Flags().BoolVar(&o.all, "all", false, "also show reads of the audit")
	c.Flags().BoolVar(&o.asJSON, "json", false, "one JSON object a line")
	run := connected(env, func(ctx context.Context, conn *client.Client, _ []string) error { return tail(ctx, env, conn, o) })
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if o.count < 0 || o.count > 10_000 {
			return misused(cmd, "-n %d is not between 0 and 10000", o.count)
		}
		return run(cmd, args)
	}
	return c
}

// isOwnRead tells records of this very command: following the audit must not feed on itself.
func isOwnRead(r *api.AuditRecord) bool { return r.Action == api.FindAuditRecords.Action() }

func tail(ctx context.Context, env *environment, c *client.Client, o tailOptions) error {
	out := newAuditPrinter(env, o.asJSON)
	latest, err := collect(ctx, c, api.FindAuditRecordsRequest{}, o.count, o.all)
	if err != nil {
		return err
	}
	for i := range latest {
		out.record(&latest[i])
	}
	if !o.follow {
		return out.t.err
	}
	seen := newSeen(latest, env.now())
	for {
		if err := rest(ctx, o.every); err != nil {
			return out.t.err // the reader has seen enough
		}
		fresh, err := collect(ctx, c, api.FindAuditRecordsRequest{Since: seen.since()}, 1000, true)
		if ctx.Err() != nil {
			return out.t.err
		}
		if err != nil {
			return err
		}
		for i := range fresh {
			if seen.add(&fresh[i]) && (o.all || !isOwnRead(&fresh[i])) {
				out.record(&fresh[i])
			}
		}
		if out.t.err != nil {
			return out.t.err
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// seen remembers what was printed. Records may become visible a moment after others with a later time, so every poll
// looks back a little.
type seen struct {
	newest time.Time
	ids    map[string]time.Time
}

const lookBack = 5 * time.Second

func newSeen(records []api.AuditRecord, start time.Time) *seen {
	s := &seen{newest: start, ids: map[string]time.Time{}}
	for i := range records {
		s.add(&records[i])
	}
	return s
}

func (s *seen) since() *api.Timestamp {
	at := api.Timestamp(s.newest.Add(-lookBack))
	return &at
}

// add reports whether the record is new.
func (s *seen) add(r *api.AuditRecord) bool {
	if _, ok := s.ids[r.ID]; ok {
		return false
	}
	at := time.Time(r.Time)
	s.ids[r.ID] = at
	if at.After(s.newest) {
		s.newest = at
		for id, t := range s.ids {
			if t.Before(at.Add(-2 * lookBack)) {
				delete(s.ids, id)
			}
		}
	}
	return true
}

// collect reads the newest records that match, and returns them oldest first.
func collect(ctx context.Context, c *client.Client, f api.FindAuditRecordsRequest, most int, all bool) ([]api.AuditRecord, error) {
	var list []api.AuditRecord
	if most == 0 {
		return list, nil
	}
	size := int32(min(most+20, 1000))
	f.MaxResults = &size
	for r, err := range c.AuditRecords(ctx, f) {
		if err != nil {
			return nil, err
		}
		if !all && isOwnRead(&r) {
			continue
		}
		if list = append(list, r); len(list) == most {
			break
		}
	}
	slices.Reverse(list)
	intentsFirst(list)
	return list, nil
}

// intentsFirst puts what a request was about to do before what came of it. The record of the outcome bears the time at
// which the request came, so by time alone it would be first.
func intentsFirst(list []api.AuditRecord) {
	outcomes := map[string]int{}
	for i, r := range list {
		at, ok := outcomes[r.RequestID]
		switch {
		case r.Result == "intent" && ok:
			copy(list[at+1:i+1], list[at:i])
			list[at] = r
			for id, k := range outcomes { // what stood between moved on by one
				if k >= at {
					outcomes[id] = k + 1
				}
			}
		case r.Result != "intent" && r.RequestID != "":
			outcomes[r.RequestID] = i
		}
	}
}

type findOptions struct {
	filter      api.FindAuditRecordsRequest
	since       string
	count       int
	all, asJSON bool
	logs        []string
}

func auditFind(env *environment) *cobra.Command {
	var o findOptions
	c := &cobra.Command{
		Use: "find", Args: understood(cobra.NoArgs),
		Short: "Find audit records by grant, session, request, user, action, result or time",
		Long: "Find audit records, oldest first. With --user and --log, what the front door and agents logged about the user stands between " +
			"them: together that is the way from a sign-in to each call that was made in the user's name.",
		Example: "  lanyard audit find --grant gr-0f1e2d3c     everything that was done with one consent\n" +
			"  lanyard audit find --result denied --since 1h\n" +
			"  lanyard audit find --user alice --action GetResourceOauth2Token --json\n" +
			"  lanyard audit find --user 0a11ce00 --log front-door.log --log agent.log",
	}
	f := c.Flags()
	f.StringVar(&o.filter.GrantID, "grant", "", "grant id, or its beginning")
	f.StringVar(&o.filter.SessionID, "session", "", "authorization session id, or its beginning")
	f.StringVar(&o.filter.RequestID, "request", "", "request id")
	f.StringVar(&o.filter.User, "user", "", "user id, or a user as the audit writes it (userid:…, jwt:…)")
	f.StringVar(&o.filter.Caller, "caller", "", "ARN of the caller")
	f.StringVar(&o.filter.Action, "action", "", "operation, such as GetResourceOauth2Token")
	f.StringVar(&o.filter.Result, "result", "", "allowed, denied, failed or intent")
	f.StringVar(&o.since, "since", "", "how far back (90s, 10m, 24h, 7d), or a time (2006-01-02T15:04:05Z)")
	f.IntVarP(&o.count, "lines", "n", 50, "how many at most, the newest ones")
	f.BoolVar(&o.all, "all", false, "also show reads of the audit")
	f.BoolVar(&o.asJSON, "json", false, "one JSON object a line")
	f.StringArrayVar(&o.logs, "log", nil, "with --user: a JSON log of the front door or an agent, whose lines about the user are shown too")
	run := connected(env, func(ctx context.Context, c *client.Client, _ []string) error { return find(ctx, env, c, o) })
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.settle(env.now()); err != nil {
			return misused(cmd, "%s", err)
		}
		return run(cmd, args)
	}
	return c
}

// settle turns the flags into the filter that the instance understands.
func (o *findOptions) settle(now time.Time) error {
	results := []string{"", "allowed", "denied", "failed", "intent"}
	if !slices.Contains(results, o.filter.Result) {
		return fmt.Errorf("--result %q is not one of allowed, denied, failed, intent", o.filter.Result)
	}
	if o.count < 1 || o.count > 10_000 {
		return fmt.Errorf("-n %d is not between 1 and 10000", o.count)
	}
	if strings.HasPrefix(o.filter.SessionID, "urn:") {
		return fmt.Errorf("--session takes the id that lanyard sessions shows, not a session URI, which is a secret of its user")
	}
	if err := o.checkLogs(); err != nil {
		return err
	}
	o.filter.User = userKey(o.filter.User)
	o.filter.Action = actionNamed(o.filter.Action)
	o.all = o.all || o.filter.Action == api.FindAuditRecords.Action() || o.filter.RequestID != ""
	if o.since == "" {
		return nil
	}
	since, err := parseSince(o.since, now)
	if err != nil {
		return err
	}
	at := api.Timestamp(since)
	o.filter.Since = &at
	return nil
}

// checkLogs: what was logged is whole only beside all that the audit has about the user.
func (o *findOptions) checkLogs() error {
	if len(o.logs) == 0 {
		return nil
	}
	if o.filter.User == "" {
		return fmt.Errorf("--log needs --user: logs are shown only about somebody")
	}
	f := o.filter
	if f.GrantID+f.SessionID+f.RequestID+f.Caller+f.Action+f.Result != "" {
		return fmt.Errorf("--log goes with --user and --since alone: beside some of the records, calls would seem to lack theirs")
	}
	return nil
}

// actionNamed gives an operation's name the prefix under which the audit knows it.
func actionNamed(name string) string {
	if name == "" || strings.Contains(name, ":") {
		return name
	}
	for _, op := range api.Operations() {
		if strings.EqualFold(op.Name, name) {
			return op.Action()
		}
	}
	return string(api.Lanyard) + ":" + name // what Lanyard does of itself, such as AuthorizationCallback
}

func parseSince(s string, now time.Time) (time.Time, error) {
	if n, err := strconv.Atoi(strings.TrimSuffix(s, "d")); err == nil && strings.HasSuffix(s, "d") && n > 0 && n < 36500 {
		return now.AddDate(0, 0, -n), nil
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, nil
	}
	if at, err := time.ParseInLocation(time.DateOnly, s, now.Location()); err == nil {
		return at, nil
	}
	return time.Time{}, fmt.Errorf("--since %q is neither a duration such as 90s, 10m, 24h or 7d, nor a time such as 2006-01-02T15:04:05Z", s)
}

func find(ctx context.Context, env *environment, c *client.Client, o findOptions) error {
	var err error
	if o.filter.GrantID, err = wholeGrantID(ctx, c, o.filter.GrantID); err != nil {
		return err
	}
	if o.filter.SessionID, err = wholeSessionID(ctx, c, o.filter.SessionID); err != nil {
		return err
	}
	logged, err := readLogs(o.logs, o.filter.User, o.filter.Since)
	if err != nil {
		return err
	}
	list, err := collect(ctx, c, o.filter, o.count, o.all)
	if err != nil {
		return err
	}
	out := newAuditPrinter(env, o.asJSON)
	if len(list) == o.count && len(logged) > 0 { // there may be more records before these
		_, logged = before(logged, time.Time(list[0].Time))
		fmt.Fprintf(env.stderr, "lanyard: these are the newest %d records, with what was logged since the first of them; -n shows more\n", o.count)
	}
	printStory(out, list, logged)
	if len(list)+len(logged) == 0 && !o.asJSON {
		out.t.line(span{dim, "No record matches. Records older than the configured retention are gone; lanyard audit tail shows the latest."})
	}
	return out.t.err
}

// printStory puts what was logged between the records, by time.
func printStory(out *auditPrinter, list []api.AuditRecord, logged []userLine) {
	for i := range list {
		var earlier []userLine
		earlier, logged = before(logged, time.Time(list[i].Time))
		for k := range earlier {
			out.logged(&earlier[k])
		}
		out.record(&list[i])
	}
	for k := range logged {
		out.logged(&logged[k])
	}
}
