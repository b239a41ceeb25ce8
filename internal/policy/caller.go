package policy

// CallerKind says what kind of principal a caller is. The zero value is no
// kind at all, and such a caller may do nothing: a record that somebody forgot
// to fill in must not be the root of an account.
type CallerKind int

// The kinds of callers.
const (
	KindRoot        CallerKind = iota + 1 // the account itself: may do everything in it
	KindUser                              // an IAM user
	KindRoleSession                       // a session of an assumed role
)

// String is the kind as audit records show it.
func (k CallerKind) String() string {
	switch k {
	case KindRoot:
		return "root"
	case KindUser:
		return "user"
	case KindRoleSession:
		return "role-session"
	}
	return "unknown"
}

// Caller is an authenticated principal with the policies that speak for it.
type Caller struct {
	Account         string
	ARN             string
	UserID          string // the principal's immutable id
	Name            string
	Kind            CallerKind
	AccessKeyID     string
	Policies        []*Document
	SourceIP        string
	SecureTransport bool
}

// Request is what the caller asks for. Every resource must be allowed; an
// action that has no resource asks for "*". A request without any resource is
// denied, for somebody forgot to say what it touches.
type Request struct {
	Action    string
	Resources []string
	Context   map[string][]string // condition keys and their values
}
