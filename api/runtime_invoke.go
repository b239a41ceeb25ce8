package api

// Headers of a runtime's sessions (contract 1.5).
const (
	HeaderRuntimeSession = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
	HeaderRuntimeUser    = "X-Amzn-Bedrock-AgentCore-Runtime-User-Id"
	// HeaderReturnURL is Lanyard's own: the return URL that the agent shall use for consents of this invocation. It must
	// be one that the runtime's workload identity registered.
	HeaderReturnURL = "X-Lanyard-OAuth2-Return-Url"
)

// MaxInvocationPayload is the longest payload of an invocation, in bytes.
const MaxInvocationPayload = 100_000_000

// MaxAgentArchive is the longest archive that may be uploaded, in bytes.
const MaxAgentArchive = 250 << 20

// DefaultEndpoint is the endpoint that every runtime has; it follows the latest version.
const DefaultEndpoint = "DEFAULT"

// InvokeAgentRuntimeRequest is the head of an invocation; the payload is the request's body.
type InvokeAgentRuntimeRequest struct {
	Runtime     string  `json:"agentRuntimeArn" in:"path" v:"required;len=1..2048"`
	Qualifier   *string `json:"qualifier,omitempty" in:"query=qualifier" v:"len=1..48;pattern=runtimeName"`
	Account     *string `json:"accountId,omitempty" in:"query=accountId" v:"len=12..12;pattern=account"`
	SessionID   *string `json:"runtimeSessionId,omitempty" in:"header=X-Amzn-Bedrock-AgentCore-Runtime-Session-Id" v:"len=33..256;pattern=visible"`
	UserID      *string `json:"runtimeUserId,omitempty" in:"header=X-Amzn-Bedrock-AgentCore-Runtime-User-Id" v:"len=1..1024"`
	ReturnURL   *string `json:"oauth2ReturnUrl,omitempty" in:"header=X-Lanyard-OAuth2-Return-Url" v:"len=1..2048;pattern=returnURL"`
	ContentType *string `json:"contentType,omitempty" in:"header=Content-Type" v:"len=1..256"`
	Accept      *string `json:"accept,omitempty" in:"header=Accept" v:"len=1..256"`
	MCPSession  *string `json:"mcpSessionId,omitempty" in:"header=Mcp-Session-Id" v:"len=1..1024"`
	MCPVersion  *string `json:"mcpProtocolVersion,omitempty" in:"header=Mcp-Protocol-Version" v:"len=1..1024"`
	MCPMethod   *string `json:"mcpMethod,omitempty" in:"header=Mcp-Method" v:"len=1..1024"`
	MCPName     *string `json:"mcpName,omitempty" in:"header=Mcp-Name" v:"len=1..1024"`
	TraceID     *string `json:"traceId,omitempty" in:"header=X-Amzn-Trace-Id" v:"len=0..128"`
	TraceParent *string `json:"traceParent,omitempty" in:"header=traceparent" v:"len=0..128"`
	TraceState  *string `json:"traceState,omitempty" in:"header=tracestate" v:"len=0..512"`
	Baggage     *string `json:"baggage,omitempty" in:"header=baggage" v:"len=0..8192"`
	// Payload stands for the body, which is no JSON.
	Payload Payload `json:"payload,omitempty" in:"payload"`
}

// Payload is a request's body as it is. It is never decoded.
type Payload struct{}

// StopRuntimeSessionRequest ends a session.
type StopRuntimeSessionRequest struct {
	Runtime     string  `json:"agentRuntimeArn" in:"path" v:"required;len=1..2048"`
	Qualifier   *string `json:"qualifier,omitempty" in:"query=qualifier" v:"len=1..48;pattern=runtimeName"`
	Account     *string `json:"accountId,omitempty" in:"query=accountId" v:"len=12..12;pattern=account"`
	SessionID   string  `json:"runtimeSessionId" in:"header=X-Amzn-Bedrock-AgentCore-Runtime-Session-Id" v:"required;len=33..256;pattern=visible"`
	ClientToken *string `json:"clientToken,omitempty" v:"len=33..256;pattern=clientToken"`
}

// StopRuntimeSessionResponse names the session in a header.
type StopRuntimeSessionResponse struct {
	SessionID string `json:"-"`
}

// UploadAgentArchiveRequest is the head of an upload; the archive is the request's body, and its SHA-256 is signed as
// X-Amz-Content-Sha256.
type UploadAgentArchiveRequest struct {
	Payload Payload `json:"payload,omitempty" in:"payload"`
}

// UploadAgentArchiveResponse is where a codeConfiguration finds the archive.
type UploadAgentArchiveResponse struct {
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix"`
}

// ListRuntimeSessionsRequest names the runtime.
type ListRuntimeSessionsRequest struct {
	ID string `json:"agentRuntimeId" v:"required;pattern=runtimeID"`
}

// ListRuntimeSessionsResponse lists the sessions that the agent host knows. It never tells whose they are.
type ListRuntimeSessionsResponse struct {
	Sessions []RuntimeSession `json:"sessions"`
}

// RuntimeSession is one session at the agent host.
type RuntimeSession struct {
	ID        string     `json:"runtimeSessionId"`
	Version   string     `json:"agentRuntimeVersion"`
	State     string     `json:"state"`
	Starts    int        `json:"starts"`
	InFlight  int        `json:"inFlight"`
	Reason    string     `json:"reason,omitempty"`
	StartedAt *Timestamp `json:"startedAt,omitempty"`
	UsedAt    *Timestamp `json:"usedAt,omitempty"`
	EndedAt   *Timestamp `json:"endedAt,omitempty"`
}

// GetRuntimeLogsRequest asks for what a runtime's agents wrote, oldest first, as plain text.
type GetRuntimeLogsRequest struct {
	ID        string  `json:"agentRuntimeId" v:"required;pattern=runtimeID"`
	SessionID *string `json:"runtimeSessionId,omitempty" v:"len=33..256;pattern=visible"`
	Tail      *int32  `json:"tail,omitempty" v:"range=1..100000"`
	// Follow keeps the answer open for what is written later.
	Follow bool `json:"follow,omitempty"`
}
