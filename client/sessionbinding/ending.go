package sessionbinding

import (
	"errors"
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

// ending is how a visit ends: a status, and the page that says so in words for the person who sits there.
type ending struct {
	name   string // in the log
	status int
	page   page
}

// page is the data of the template.
type page struct {
	Title, What, Next string
	Good, Stop, Time  bool // the sign; a warning where none is set
	Retry             bool // a link to this very address
	Reference         string
}

// ours tells the endings that the operator should look into: not those that a visitor can bring about at will.
func (e ending) ours() bool {
	switch e.name {
	case notPermitted.name, unreachable.name, keysUnavailable.name, failed.name:
		return true
	}
	return false
}

const startAgain = "Go back to your application and ask again: it gives you a new link."

// nothing is what every refusal says, because it is what people fear.
const nothing = " Nothing was connected."

var (
	done = ending{"done", http.StatusOK, page{Good: true, Title: "Authorization complete",
		What: "Your consent was accepted, and the account that you chose is connected now, for you alone.",
		Next: "You can close this window and go back to your application."}}

	malformed = ending{"malformed", http.StatusBadRequest, page{Title: "This link is not complete",
		What: "It was not copied whole, or something was added to it." + nothing, Next: startAgain}}

	notSignedIn = ending{"not signed in", http.StatusUnauthorized, page{Stop: true, Title: "You are not signed in",
		What: "This page must know who you are before it connects anything, and this visit did not come through the application's sign-in." + nothing,
		Next: "Sign in to your application, then open the link again in the same browser."}}

	otherUser = ending{"other user", http.StatusUnauthorized, page{Stop: true, Title: "This link was opened for another account",
		What: "Somebody else asked for this consent, or you asked for it while you were signed in as somebody else." + nothing,
		Next: "If another person sent you this link, do not go on: they may be trying to use your account as their own. If it was you, sign in as the user who asked and open the link again."}}

	otherState = ending{"other state", http.StatusForbidden, page{Stop: true, Title: "This consent was not begun by you here",
		What: "The link does not belong to the user who is signed in, or it was kept too long." + nothing,
		Next: "If another person sent you this link, do not go on. If it was you, go back to your application and ask again."}}

	expired = ending{"expired", http.StatusUnauthorized, page{Time: true, Title: "This link is too old",
		What: "Links to give consent live for a few minutes." + nothing, Next: startAgain}}

	used = ending{"used", http.StatusUnauthorized, page{Time: true, Title: "This link was used already",
		What: "It works once. If you have just seen that you are connected, all is well.",
		Next: "Go back to your application; if it still asks for your consent, begin again there."}}

	// unusable is what is known where the service does not tell its reasons apart.
	unusable = ending{"refused", http.StatusUnauthorized, page{Stop: true, Title: "This link cannot be used here",
		What: "It is too old, was used already, or was opened for another account." + nothing,
		Next: "If another person sent you this link, do not go on. If it was you, go back to your application and ask again."}}

	notConsented = ending{"not consented", http.StatusUnauthorized, page{Time: true, Title: "Your consent is not there yet",
		What: "Nobody has agreed at the provider for this link." + nothing, Next: startAgain}}

	refusedConsent = ending{"consent refused", http.StatusForbidden, page{Stop: true, Title: "Nothing was allowed",
		What: "The request was refused at the provider." + nothing,
		Next: "If you meant to refuse, you are done: close this window. If not, ask your application again."}}

	providerFailed = ending{"provider failed", http.StatusBadGateway, page{Title: "The provider did not agree",
		What: "It answered with an error instead of your consent." + nothing, Next: startAgain}}

	notFound = ending{"not found", http.StatusNotFound, page{Time: true, Title: "This link leads nowhere",
		What: "What it belongs to does not exist any more." + nothing, Next: startAgain}}

	notPermitted = ending{"not permitted", http.StatusUnauthorized, page{Title: "This page is not allowed to finish",
		What: "The application is not set up to finish consents. This is not your mistake." + nothing,
		Next: "Tell whoever runs the application, with the reference below."}}

	unreachable = ending{"unreachable", http.StatusBadGateway, page{Retry: true, Title: "Please try once more",
		What: "The service that keeps your connections does not answer at the moment. It is not known whether your consent was accepted.",
		Next: "The link keeps working for a few minutes."}}

	keysUnavailable = ending{"keys unavailable", http.StatusServiceUnavailable, page{Retry: true, Title: "Please try once more",
		What: "Who you are could not be checked at the moment." + nothing, Next: "The link keeps working for a few minutes."}}

	failed = ending{"failed", http.StatusInternalServerError, page{Retry: true, Title: "Something went wrong here",
		What: "Your consent could not be finished. This is not your mistake.",
		Next: "Try once more. If it happens again, tell whoever runs the application, with the reference below."}}

	notAsked = ending{"not a visit", http.StatusServiceUnavailable, page{Retry: true, Title: "Open this page yourself",
		What: "A browser or a program fetched it in advance, or within another page, and a consent is finished only by a person who opens the link." + nothing}}
)

// refusals tells the reasons of one exception apart by the words in which Lanyard gives them.
var refusals = []struct {
	words string
	ending
}{
	{"begun for another user", otherUser},
	{"it expired at", expired},
	{"completed already", used},
	{"another request complete", used},
	{"has not consented", notConsented},
	{"the consent failed", providerFailed},
}

// expiredSession begins every refusal of a session, with Lanyard and with AWS. A refusal without it is one of the policy.
const expiredSession = "Invalid or expired session"

// endingOf says what became of the call.
func endingOf(err error) ending {
	if err == nil {
		return done
	}
	if ex, ok := errors.AsType[*api.Exception](err); ok {
		return endingOfException(ex)
	}
	if _, ok := errors.AsType[*client.UnreachableError](err); ok {
		return unreachable
	}
	return failed
}

func endingOfException(ex *api.Exception) ending {
	switch ex.Name {
	case api.AccessDeniedException, api.UnauthorizedException:
		return endingOfRefusal(ex)
	case api.ValidationException:
		return malformed
	case api.ResourceNotFoundException:
		return notFound
	case api.ThrottlingException, api.ServiceUnavailableException:
		return unreachable
	}
	return failed
}

func endingOfRefusal(ex *api.Exception) ending {
	for _, r := range refusals {
		if strings.Contains(ex.Message, r.words) {
			return r.ending
		}
	}
	if ex.Name == api.AccessDeniedException && !strings.Contains(ex.Message, expiredSession) {
		return notPermitted
	}
	return unusable
}
