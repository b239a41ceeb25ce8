package policy

import "time"

// CallerKind says what kind of principal a caller is. The zero value is no
// kind at all, and such a caller may do nothing: a record that somebody forgot
// to fill in must not be the root of an account.
type CallerKind int

// The kinds of callers.
const (
	KindRoot        CallerKind = iota + 1 // the account itself: may do everything in it
	KindUser                              // an IAM user
	KindRoleSession                       // a session of an assumed role
	KindWebIdentity                       // somebody whom an OIDC provider vouches for: known to trust policies alone
	KindService                           // a service of this very server, by its Name: known to trust policies alone
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
	case KindWebIdentity:
		return "web-identity"
	case KindService:
		return "service"
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
	Policies        []*Document       // identity-based: inline and attached
	Limits          []*Document       // session policies: with any of them, one must allow as well
	Tags            map[string]string // principal tags; a session's own have already won over the role's
	Session         *Session          // of temporary credentials, nil otherwise
	SourceIP        string
	SecureTransport bool
}

// Session is what temporary credentials know of themselves.
type Session struct {
	RoleARN           string // of the assumed role; empty when the credentials are a user's
	RoleID            string // the role's immutable id
	Name              string // the session's name
	IssuedAt          time.Time
	ExpiresAt         time.Time
	SourceIdentity    string
	Person            string   // whom the provider vouched for, as the domain knows users; no condition asks for it
	FederatedProvider string   // ARN or https URL of the OIDC provider that vouched; empty when none did
	TagKeys           []string // keys of the session's own tags
	TransitiveTagKeys []string
}

// Request is what the caller asks for. Every resource must be allowed; an
// action that has no resource asks for "*". A request without any resource is
// denied, for somebody forgot to say what it touches.
type Request struct {
	Action       string
	Resources    []string
	ResourceTags map[string]map[string]string // by ARN of Resources; a resource that is missing has no tags
	Context      Context
	Now          time.Time // decides aws:CurrentTime and aws:EpochTime
}

// Context has condition keys, in lower case, and their values. It describes
// the request and never the caller: a key that the caller's record answers is
// never read here.
type Context map[string][]string

// Set gives key its values, whatever case the key is written in.
func (c Context) Set(key string, values ...string) { c[fold(key)] = values }
