package identity

import (
	"context"
	"errors"
	"time"

	"github.com/lanyard-id/lanyard/internal/vault"
)

// Errors that a Store returns; everything else is an internal fault (a dead database, a full disk) and reaches the
// caller as a retryable error.
var (
	ErrNotFound = errors.New("no such row")
	ErrExists   = errors.New("a row of that name exists")
	ErrVersion  = errors.New("the row was changed by somebody else")
	ErrTooMany  = errors.New("the limit of pending rows is reached")
)

// Store is all that the domain keeps. It sees names, times and ciphertext, never a plaintext, a caller or HTTP.
// One suite (store/storetest) says what an implementation must do, on every engine.
type Store interface {
	AccountStore
	RecordStore
	GrantStore
	SessionStore
	InboundTokenStore
	EpochStore
	SealedStore
	AuditStore
	vault.DataKeyStore
	// Ping reports whether the database answers.
	Ping(ctx context.Context) error
}

// Account is one tenant: every ARN and every primary key begins with its id.
type Account struct {
	ID string // 12 digits
	// Version counts changes of the account's records and epochs; caches filled under another version are stale.
	Version int64
	// Epoch refuses every workload access token minted before it; zero when never raised.
	Epoch     time.Time
	CreatedAt time.Time
}

// AccountStore keeps accounts.
type AccountStore interface {
	InsertAccount(ctx context.Context, a Account) error // ErrExists
	Account(ctx context.Context, id string) (Account, error)
	Accounts(ctx context.Context) ([]Account, error)
	// RaiseAccountEpoch sets the epoch if it is later than the stored one, and counts a change.
	RaiseAccountEpoch(ctx context.Context, id string, at time.Time) error
}

// Kinds of configuration records.
const (
	KindWorkload       = "workload"
	KindOAuth2Provider = "oauth2-provider"
	KindAPIKeyProvider = "api-key-provider"
	KindUser           = "user"
	KindAccessKey      = "access-key"
	KindPolicy         = "policy"
	KindInboundIssuer  = "inbound-issuer"
	KindRole           = "role"
	KindManagedPolicy  = "managed-policy"
	KindOIDCProvider   = "oidc-provider"
	KindSigningKey     = "signing-key"
	KindFederation     = "federation"
	KindBlockedUser    = "blocked-user"
)

// Record is one configuration row: a workload identity, a credential provider, a user, an access key, a policy, an
// inbound issuer. Data decides what is allowed, so MAC covers it (design: rows that decide). ID is random and never
// used twice; Name is unique among records of the same account, kind and parent.
type Record struct {
	Account, Kind, ID, Name string
	Parent                  string // id of the record that owns this one ("" for none); it is deleted with its owner
	Data                    []byte // JSON, not secret
	Sealed                  []byte // vault ciphertext, nil when the kind has no secret
	MAC                     []byte
	Version                 int64 // 1 when created, one more at each update
	CreatedAt, UpdatedAt    time.Time
}

// RecordStore keeps configuration records. Every change counts in Account.Version, in the same transaction.
type RecordStore interface {
	// InsertRecord adds a record: ErrExists when its name or id is taken, ErrTooMany when its owner has most records of the
	// kind already (0: no limit), however many are inserted at once.
	InsertRecord(ctx context.Context, r Record, most int) error
	Record(ctx context.Context, account, kind, parent, name string) (Record, error)
	// RecordByID finds a record by its id in any account (access keys, callback ids): the caller checks the account.
	RecordByID(ctx context.Context, kind, id string) (Record, error)
	// ListRecords returns records in order of name, those after the name given. parent "" lists records without one.
	ListRecords(ctx context.Context, account, kind, parent, after string, limit int) ([]Record, error)
	// UpdateRecord replaces Data, Sealed, MAC and UpdatedAt if the stored version is r.Version-1, else ErrVersion.
	UpdateRecord(ctx context.Context, r Record) error
	// DeleteRecord removes the record, the records it owns (at any depth), and the grants and sessions that hang on
	// its id, as one change. ErrNotFound.
	DeleteRecord(ctx context.Context, account, kind, id string) error
}

// GrantState says whether a grant may be used.
type GrantState string

// States of a grant.
const (
	GrantActive       GrantState = "active"
	GrantNeedsConsent GrantState = "needs_consent" // Reason says why; the tokens are gone
	GrantSuspended    GrantState = "suspended"     // the provider was edited after consent; Reason says how
	GrantRevoking     GrantState = "revoking"      // out of use for ever; the tokens are kept until the provider was told
	GrantRevoked      GrantState = "revoked"       // Reason is the receipt; the tokens are gone
)

// Grant is one stored consent (or, with no user, one machine token): what Sealed holds is bound to the row and its
// key, so no column that decides can be altered without the ciphertext refusing to open.
type Grant struct {
	Account, ID            string
	Key                    [32]byte // see grantKey; unique within the account
	WorkloadID, ProviderID string
	User                   string // User.Key of the user, "" for the workload itself
	Scopes                 []string
	State                  GrantState
	Reason                 string
	Sealed                 []byte
	HasRefresh             bool
	AccessExpiresAt        time.Time // zero when the provider named none
	Version                int64     // compare-and-swap
	LeaseOwner             string    // who is refreshing, "" for nobody
	LeaseUntil             time.Time
	LastUsedAt             time.Time // coarse: within an hour
	CreatedAt, UpdatedAt   time.Time
}

// GrantFilter narrows ListGrants; empty members match all.
type GrantFilter struct {
	WorkloadID, ProviderID, User string
	State                        GrantState
}

// GrantStore keeps grants.
type GrantStore interface {
	Grant(ctx context.Context, account string, key [32]byte) (Grant, error)
	// ActiveGrant finds a grant that is active, and fills no more than handing out its token needs: Account, Key, ID,
	// State, HasRefresh, AccessExpiresAt, LastUsedAt and Sealed. ErrNotFound for any other state.
	ActiveGrant(ctx context.Context, account string, key [32]byte) (Grant, error)
	GrantByID(ctx context.Context, account, id string) (Grant, error)
	// PutGrant inserts the grant or replaces the one with the same key. On replacement the stored row keeps its id
	// unless fresh ids are the caller's wish: the row takes g as it is, with version = old version + 1. It clears the lease.
	PutGrant(ctx context.Context, g Grant) error
	// ClaimRefresh takes the lease if the stored version is the one given and no lease is running at now. interrupted
	// tells that an earlier lease ran out without being cleared: a refresh whose outcome nobody recorded.
	ClaimRefresh(ctx context.Context, account, id string, version int64, owner string, now, until time.Time) (claimed, interrupted bool, err error)
	// UpdateGrant stores State, Reason, Sealed, HasRefresh, AccessExpiresAt, Scopes, LastUsedAt, UpdatedAt as version
	// g.Version+1 and clears the lease, if the stored version is g.Version and the lease is owner's ("" when no lease
	// was taken); else ErrVersion.
	UpdateGrant(ctx context.Context, g Grant, owner string) error
	// RetireGrant takes a grant out of use for ever: it stores Key, State, Reason, Sealed, HasRefresh, AccessExpiresAt
	// and UpdatedAt as version g.Version+1 if the stored version is g.Version, else ErrVersion. A lease stays, whoever
	// has it: the outcome of a refresh under way must still find the row. ErrExists when another grant has the key.
	RetireGrant(ctx context.Context, g Grant) error
	// ReleaseRefresh clears owner's lease and changes nothing else.
	ReleaseRefresh(ctx context.Context, account, id, owner string) error
	// TouchGrants sets LastUsedAt (not a version change).
	TouchGrants(ctx context.Context, account string, ids []string, at time.Time) error
	// ListGrants returns grants in order of id, those after the id given.
	ListGrants(ctx context.Context, account string, f GrantFilter, after string, limit int) ([]Grant, error)
	// GrantsDue returns active grants with a refresh token whose access token expires before the time given, that
	// were used since the other, and that nobody is refreshing, soonest first.
	GrantsDue(ctx context.Context, expiringBefore, usedSince, now time.Time, limit int) ([]Grant, error)
	DeleteGrant(ctx context.Context, account, id string) error
}

// SessionStatus is where an authorization session stands.
type SessionStatus string

// The life of an authorization session.
const (
	SessionPending    SessionStatus = "pending"    // begun; nobody came back from the provider yet
	SessionAuthorized SessionStatus = "authorized" // the code rests sealed, waiting for the user to be matched
	SessionExchanging SessionStatus = "exchanging" // leased by the one who completes it
	SessionCompleted  SessionStatus = "completed"
	SessionFailed     SessionStatus = "failed" // Failure says why
)

// Session is one authorization session. What decides (user, workload, provider, return URL …) rests in Sealed, bound
// to the row; the columns beside it serve listing and are not trusted.
type Session struct {
	Account, ID            string // ID: hex SHA-256 of the random part of the session URI
	WorkloadID, ProviderID string
	User                   string // User.Key
	Scopes                 []string
	Status                 SessionStatus
	Failure                string
	Sealed                 []byte
	SealedCode             []byte
	GrantID                string // set when completed
	RequestID              string // of the request that began it
	Version                int64
	LeaseUntil             time.Time // of SessionExchanging
	CreatedAt, ExpiresAt   time.Time
	UpdatedAt              time.Time
}

// SessionStore keeps authorization sessions.
type SessionStore interface {
	// InsertSession refuses with ErrTooMany when the same workload and user have maxPending unexpired sessions that
	// are pending.
	InsertSession(ctx context.Context, s Session, maxPending int) error
	// SessionByID finds a session in any account: browsers bring no account.
	SessionByID(ctx context.Context, id string) (Session, error)
	// UpdateSession stores Status, Failure, SealedCode, GrantID, LeaseUntil and UpdatedAt as version s.Version+1 if
	// the stored version is s.Version, else ErrVersion.
	UpdateSession(ctx context.Context, s Session) error
	// CompleteSession does UpdateSession and PutGrant as one change.
	CompleteSession(ctx context.Context, s Session, g Grant) error
	// ListSessions returns sessions newest first, those created before the time given (and, at the same instant,
	// with a smaller id).
	ListSessions(ctx context.Context, account string, before time.Time, beforeID string, limit int) ([]Session, error)
	DeleteExpiredSessions(ctx context.Context, before time.Time, limit int) (int, error)
}

// InboundTokenStore keeps large inbound JWTs, sealed, until they expire.
type InboundTokenStore interface {
	PutInboundToken(ctx context.Context, account, id string, sealed []byte, expiresAt time.Time) error // same id: no-op
	InboundToken(ctx context.Context, account, id string) ([]byte, error)
	DeleteExpiredInboundTokens(ctx context.Context, before time.Time, limit int) (int, error)
}

// UserEpoch refuses workload access tokens of one user minted before At.
type UserEpoch struct {
	User string // User.Key
	At   time.Time
}

// EpochStore keeps users' epochs: few, only of users whose tokens were revoked.
type EpochStore interface {
	UserEpochs(ctx context.Context, account string, limit int) ([]UserEpoch, error)
	UserEpoch(ctx context.Context, account, user string) (UserEpoch, error)
	// RaiseUserEpoch sets the epoch if it is later, and counts a change of the account.
	RaiseUserEpoch(ctx context.Context, account string, e UserEpoch) error
}

// SealedRow is one ciphertext and where it rests.
type SealedRow struct {
	Place   vault.Place
	Version int64 // of a record, whose MAC is renewed with it; 0 elsewhere
	Data    []byte
	MAC     []byte
	Sealed  []byte
}

// SealedStore walks all ciphertexts so that a rotation can wrap them anew.
type SealedStore interface {
	// SealedRows returns up to limit ciphertexts of the account after the cursor ("" to begin), and the next cursor
	// ("" at the end). Records without a secret are returned too (Sealed nil) for their MAC.
	SealedRows(ctx context.Context, account, cursor string, limit int) (rows []SealedRow, next string, err error)
	// ReplaceSealed stores the new ciphertext and MAC if the row still holds the old ones; false if it has moved on.
	ReplaceSealed(ctx context.Context, old, new SealedRow) (bool, error)
}

// AuditRecord says who did what to which, and what came of it. It never holds a secret, a code, a state or a session
// URI. All records of a consent, its grant, its refreshes and every token handed out carry the same GrantID.
type AuditRecord struct {
	ID        string    `json:"id"` // given by the store, in the order of commits
	At        time.Time `json:"at"`
	Account   string    `json:"account"`
	RequestID string    `json:"requestId"`
	Caller    string    `json:"caller,omitempty"` // ARN, or "" when nobody was authenticated
	AccessKey string    `json:"accessKeyId,omitempty"`
	SourceIP  string    `json:"sourceIp,omitempty"`
	Action    string    `json:"action"`
	Resources []string  `json:"resources,omitempty"`
	Result    string    `json:"result"` // AuditAllowed …
	Code      string    `json:"code,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Decision  string    `json:"decision,omitempty"` // which policy statement decided
	Workload  string    `json:"workload,omitempty"`
	Provider  string    `json:"provider,omitempty"`
	User      string    `json:"user,omitempty"`
	GrantID   string    `json:"grantId,omitempty"`
	SessionID string    `json:"sessionId,omitempty"` // Session.ID (a hash), never the URI
	// Durable asks for a flush to the disk before the answer: changes and grants. Token reads survive a killed
	// process, not a lost machine.
	Durable bool `json:"-"`
}

// Results of an audited request.
const (
	AuditAllowed = "allowed" // authorised and done
	AuditDenied  = "denied"  // refused by policy, authentication or a rule of session binding
	AuditFailed  = "failed"  // authorised, but not done
	AuditIntent  = "intent"  // an outside effect is about to be attempted
)

// AuditFilter narrows FindAudit; empty members match all.
type AuditFilter struct {
	RequestID, GrantID, SessionID string
	Action, Caller, User, Result  string
	// AccessKey is that of an authenticated caller: anybody can name a key in a request that is refused.
	AccessKey    string
	Since, Until time.Time
}

// AuditStore is the audit stream.
type AuditStore interface {
	// AppendAudit returns when the record survives a killed process, and one that is durable, a lost machine too. Records
	// of concurrent callers are committed together. Other processes may find it a moment later.
	AppendAudit(ctx context.Context, r AuditRecord) error
	// FindAudit returns records newest first, those before the id given ("" for the newest); ErrNotFound when that is none.
	FindAudit(ctx context.Context, account string, f AuditFilter, before string, limit int) ([]AuditRecord, error)
	// DeleteAuditBefore deletes up to limit groups of records that were committed together, all of them before the time,
	// and returns how many.
	DeleteAuditBefore(ctx context.Context, before time.Time, limit int) (int, error)
	// IndexAudit makes some of the newest records cheaper to find; more says that there may be others to do.
	IndexAudit(ctx context.Context) (more bool, err error)
}
