package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// binding shows session binding: first as somebody else, then as the user.
func (d *demo) binding(ctx context.Context) error {
	d.t.chapter("4", "Who consented must be who asked")
	if err := d.mustFail(bind(ctx, d.c, d.begun, d.back, demoThief), demoThief+" tries to finish it"); err != nil {
		return err
	}
	_, err := during(d.t, "exchanging the code", func() (struct{}, error) {
		return struct{}{}, bind(ctx, d.c, d.begun, d.back, demoUser)
	})
	if err != nil {
		return err
	}
	d.t.done(demoUser + " finishes it: the code is exchanged, the grant is sealed")
	return nil
}

// mustFail shows a refusal. That somebody gets through would be news that no demo may hide.
func (d *demo) mustFail(err error, what string) error {
	ex, ok := errors.AsType[*api.Exception](err)
	if err == nil {
		return fmt.Errorf("%s, and it was not refused: this instance does not protect its users; please report it", what)
	}
	if !ok || ex.Name != api.AccessDeniedException {
		return err
	}
	d.t.refused(what, span{bad, "  refused"})
	d.t.note(ex.Message)
	return nil
}

// token shows what the agent gets, and that it need not ask again.
func (d *demo) token(ctx context.Context) error {
	d.t.chapter("5", "The key")
	d.ask.force = false
	token, _, err := d.timed(ctx)
	if err != nil {
		return err
	}
	d.t.done("the agent has " + demoUser + "'s token")
	if claims, ok := claimsOf(token); ok {
		d.t.claims(claims)
	}
	if d.show {
		d.t.line()
		d.t.line(plainly(string(token)))
		d.t.line()
	}
	_, took, err := d.timed(ctx)
	if err != nil {
		return err
	}
	d.t.done("asked again: there at once, nobody is disturbed", span{dim, fmt.Sprintf("  %.1f ms", float64(took.Microseconds())/1000)})
	d.t.note("Lanyard renews it before it expires. The refresh token stays in the vault.")
	return nil
}

// timed asks for the token, which must be there.
func (d *demo) timed(ctx context.Context) (api.Sensitive, time.Duration, error) {
	start := d.env.now()
	out, err := d.c.GetResourceOauth2Token(ctx, d.ask.request(d.wat, d.point))
	took := d.env.now().Sub(start)
	if err == nil && out.AccessToken == "" {
		err = errors.New("the consent was completed, and still the instance asks for one; see: lanyard grants")
	}
	return tokenOf(out), took, err
}

// theft shows what the same question gets for another user.
func (d *demo) theft(ctx context.Context) error {
	d.t.chapter("6", "Nobody else gets it")
	theirs := d.ask
	theirs.user = demoThief
	wat, err := theirs.workloadToken(ctx, d.c)
	if err != nil {
		return err
	}
	in := theirs.request(wat, d.point)
	in.SessionURI = &d.begun
	_, err = d.c.GetResourceOauth2Token(ctx, in)
	return d.mustFail(err, "the same agent, acting for "+demoThief+", with "+demoUser+"'s session")
}

// audit shows what was kept of it all.
func (d *demo) audit(ctx context.Context) error {
	d.t.chapter("7", "And all of it is on record")
	done, err := d.lastRecord(ctx, "allowed")
	if err != nil {
		return err
	}
	if done == nil {
		return errors.New("the audit has no record of the consent")
	}
	chain, err := chainOf(ctx, d.c, done.SessionID, done.GrantID)
	if err != nil {
		return err
	}
	p := newStoryPrinter(d.env)
	for i := range chain {
		if time.Time(chain[i].Time).Before(d.startAt.Add(-time.Second)) {
			continue // of an earlier telling, whose grant this one replaced
		}
		if chain[i].Result != "intent" {
			chain[i].Reason = ""
		}
		p.record(&chain[i])
	}
	denied, err := d.lastRecord(ctx, "denied")
	if err != nil {
		return err
	}
	d.t.line()
	d.t.line(span{bold, "Try next"})
	if denied != nil {
		d.t.suggest("lanyard why "+denied.RequestID, "why "+demoThief+" was refused")
	}
	d.t.suggest("lanyard audit find --grant "+d.t.shortID(done.GrantID), "every use of this consent")
	d.t.suggest("lanyard grants", "what is in the vault")
	d.t.suggest("lanyard token --provider "+demoProvider+" --user "+demoUser+" --scopes "+strings.Join(demoScopes, ","), "get a token yourself")
	d.t.line()
	return cmp.Or(d.t.err, p.t.err)
}

func (d *demo) lastRecord(ctx context.Context, result string) (*api.AuditRecord, error) {
	since := api.Timestamp(d.startAt.Add(-time.Second))
	f := api.FindAuditRecordsRequest{Action: api.CompleteResourceTokenAuth.Action(), User: userKey(demoUser), Result: result, Since: &since}
	list, err := collect(ctx, d.c, f, 1, true)
	if client.Is(err, api.AccessDeniedException) {
		return nil, fmt.Errorf("the story is over, and its records cannot be shown to these credentials: %w", err)
	}
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// suggest writes a command, and what it is for.
func (t *terminal) suggest(command, what string) {
	const room = 52
	if runes(command) > room-2 {
		t.line(plainly("   "), span{accent, command})
		t.line(plainly("   "+pad("", 2)), span{dim, what})
		return
	}
	t.line(plainly("   "), span{accent, pad(command, room)}, span{dim, what})
}
