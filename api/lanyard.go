package api

// Lanyard's own operations, for its command line: what happened, what is pending, what is kept.

// FindAuditRecordsRequest asks for audit records, newest first; empty members match all.
type FindAuditRecordsRequest struct {
	RequestID  string     `json:"requestId,omitempty" v:"len=0..64"`
	GrantID    string     `json:"grantId,omitempty" v:"len=0..64"`
	SessionID  string     `json:"sessionId,omitempty" v:"len=0..64"`
	Action     string     `json:"action,omitempty" v:"len=0..128"`
	Caller     string     `json:"caller,omitempty" v:"len=0..2048"`
	User       string     `json:"user,omitempty" v:"len=0..2048"`
	Result     string     `json:"result,omitempty" v:"enum=auditResult"`
	Since      *Timestamp `json:"since,omitempty"`
	Until      *Timestamp `json:"until,omitempty"`
	NextToken  string     `json:"nextToken,omitempty" v:"len=0..2048"`
	MaxResults *int32     `json:"maxResults,omitempty" v:"range=1..1000"`
}

// FindAuditRecordsResponse is a page of audit records.
type FindAuditRecordsResponse struct {
	Records   []AuditRecord `json:"records"`
	NextToken string        `json:"nextToken,omitempty"`
}

// AuditRecord says who did what to which, and what came of it.
type AuditRecord struct {
	ID          string    `json:"id"`
	Time        Timestamp `json:"time"`
	RequestID   string    `json:"requestId"`
	Caller      string    `json:"caller,omitempty"`
	AccessKeyID string    `json:"accessKeyId,omitempty"`
	SourceIP    string    `json:"sourceIp,omitempty"`
	Action      string    `json:"action"`
	Resources   []string  `json:"resources,omitempty"`
	Result      string    `json:"result"`
	Code        string    `json:"code,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Decision    string    `json:"decision,omitempty"`
	Workload    string    `json:"workload,omitempty"`
	Provider    string    `json:"provider,omitempty"`
	User        string    `json:"user,omitempty"`
	GrantID     string    `json:"grantId,omitempty"`
	SessionID   string    `json:"sessionId,omitempty"`
}

// PageRequest asks for a page of at most 100.
type PageRequest struct {
	NextToken  string `json:"nextToken,omitempty" v:"len=0..2048"`
	MaxResults *int32 `json:"maxResults,omitempty" v:"range=1..100"`
}

// ListAuthorizationSessionsResponse is a page, newest first.
type ListAuthorizationSessionsResponse struct {
	Sessions  []AuthorizationSession `json:"sessions"`
	NextToken string                 `json:"nextToken,omitempty"`
}

// AuthorizationSession is one consent and where it stands. ID is a hash: it opens nothing.
type AuthorizationSession struct {
	ID        string    `json:"id"`
	Status    string    `json:"status"`
	Failure   string    `json:"failure,omitempty"`
	Workload  string    `json:"workload"`
	Provider  string    `json:"provider"`
	User      string    `json:"user"`
	Scopes    []string  `json:"scopes"`
	RequestID string    `json:"requestId"`
	GrantID   string    `json:"grantId,omitempty"`
	CreatedAt Timestamp `json:"createdAt"`
	ExpiresAt Timestamp `json:"expiresAt"`
}

// ListGrantsRequest narrows the grants; empty members match all.
type ListGrantsRequest struct {
	Workload   string `json:"workload,omitempty" v:"len=0..255"`
	Provider   string `json:"provider,omitempty" v:"len=0..128"`
	User       string `json:"user,omitempty" v:"len=0..2048"`
	NextToken  string `json:"nextToken,omitempty" v:"len=0..2048"`
	MaxResults *int32 `json:"maxResults,omitempty" v:"range=1..100"`
}

// ListGrantsResponse is a page of grants.
type ListGrantsResponse struct {
	Grants    []GrantItem `json:"grants"`
	NextToken string      `json:"nextToken,omitempty"`
}

// GrantItem is one stored consent, without its tokens.
type GrantItem struct {
	ID              string     `json:"id"`
	Workload        string     `json:"workload"`
	Provider        string     `json:"provider"`
	User            string     `json:"user,omitempty"`
	Scopes          []string   `json:"scopes"`
	State           string     `json:"state"`
	Reason          string     `json:"reason,omitempty"`
	Refreshable     bool       `json:"refreshable"`
	AccessExpiresAt *Timestamp `json:"accessExpiresAt,omitempty"`
	LastUsedAt      Timestamp  `json:"lastUsedAt"`
	CreatedAt       Timestamp  `json:"createdAt"`
}

// RotateDataKeysResponse tells what a rotation did.
type RotateDataKeysResponse struct {
	KeyVersion int64 `json:"keyVersion"`
	Rewrapped  int64 `json:"rewrapped"`
}
