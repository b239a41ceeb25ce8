package pages

// Names of the built-in pages. Success to ProviderError take an Ending, Notice takes a NoticeData.
const (
	Success       = "success"        // consent finished; the person may close the window
	Refused       = "refused"        // the person refused, or the provider did on their behalf
	Expired       = "expired"        // the link is too old, used up or was never one of ours
	WrongBrowser  = "wrong-browser"  // the browser that came back is not the one that set out
	ProviderError = "provider-error" // the provider answered with an error, or not at all
	Notice        = "notice"         // anything else, in the caller's words
)

// Ending is the data of the pages that end a consent. Every field may be empty, and none is trusted.
type Ending struct {
	Provider         string // name of the credential provider
	Workload         string // name of the workload identity
	CorrelationID    string // finds this event in the server's log
	ErrorCode        string // the provider's error code, as it came
	ErrorDescription string // the provider's words, as they came
}

// NoticeData is the data of the Notice page: what happened and what to do next, in plain words.
type NoticeData struct {
	Title            string
	What             string
	Next             string
	Good             bool // shows a tick where a warning sign would be
	CorrelationID    string
	ErrorCode        string
	ErrorDescription string
}
