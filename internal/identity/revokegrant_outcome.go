package identity

import "strings"

// What a grant's row tells of revocations before: in the reason what came of one that ended, in the lease one that did not.

// endedTogether begins the reason of a grant that the provider ended by way of another one.
const endedTogether = "ended at the provider together with grant "

// storedReason keeps a receipt. Where the provider was not told, the outcome goes with it: asked again, nobody may read
// that the grant was revoked.
func storedReason(o RevokeOutcome, receipt string) string {
	if o == OutcomeNotSupported || o == OutcomeDeletedLocally {
		return string(o) + ": " + receipt
	}
	return receipt
}

// storedOutcome reads what storedReason wrote of a revoked grant. All other receipts are of a provider that was told.
func storedOutcome(reason string) (RevokeOutcome, string) {
	for _, o := range []RevokeOutcome{OutcomeNotSupported, OutcomeDeletedLocally} {
		if receipt, ok := strings.CutPrefix(reason, string(o)+": "); ok {
			return o, receipt
		}
	}
	return OutcomeAlreadyRevoked, reason
}

// forgottenReason is that of a grant whose tokens were gone before it was revoked. Unless another revocation ended it,
// no provider was told, and what it issued may live on there.
func forgottenReason(why string) string {
	if strings.HasPrefix(why, endedTogether) {
		return "no token of it was left here: " + why
	}
	return storedReason(OutcomeDeletedLocally, "the provider was not told, because no token of it was left here: "+why)
}

// interruption is what an overdue lease tells of the replica that left it.
type interruption int

const (
	notInterrupted interruption = iota
	refreshInterrupted
	revocationInterrupted
)

func (i interruption) words() string {
	switch i {
	case refreshInterrupted:
		return "; an earlier refresh was interrupted and its outcome is unknown: the provider may have ended this token by it"
	case revocationInterrupted:
		return "; an earlier attempt was interrupted and its outcome is unknown"
	}
	return ""
}

// revokeForm ends the owner of a revocation's lease. That of a refresh ends in a request id.
const revokeForm = "/revoke"

// revokeOwner is the owner of the lease under which the grant is revoked. After an interrupted refresh it has not the
// form of a revocation: its token may be dead because of that refresh, and a provider that does not know it says nothing.
func revokeOwner(g *Grant, id string) string {
	if g.LeaseOwner != "" && !strings.HasSuffix(g.LeaseOwner, revokeForm) {
		return id
	}
	return id + revokeForm
}

// interruptionOf reads, from the row as it was before its overdue lease was taken, who left that. A retired grant changes
// its version when it is retired, so none but a revocation can have taken the lease since the row was read.
func interruptionOf(g *Grant, overdue bool) interruption {
	switch {
	case !overdue:
		return notInterrupted
	case strings.HasSuffix(g.LeaseOwner, revokeForm):
		return revocationInterrupted
	}
	return refreshInterrupted
}
