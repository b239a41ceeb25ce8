package api

import (
	"fmt"
	"time"
)

// Agent runtimes and their endpoints (contract 2.7). Members that are no part of the body say where they are with an in
// tag; see Located.

// DateTime is a time in the form that runtimes answer: an ISO 8601 string in UTC.
type DateTime time.Time

const dateTimeLayout = "2006-01-02T15:04:05.000Z"

// MarshalText writes ISO 8601 with milliseconds.
func (t DateTime) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, dateTimeLayout), nil
}

// UnmarshalText reads ISO 8601.
func (t *DateTime) UnmarshalText(b []byte) error {
	at, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return fmt.Errorf("a time must look like 2026-01-02T15:04:05.000Z")
	}
	*t = DateTime(at)
	return nil
}

// Statuses of runtimes and endpoints.
const (
	RuntimeReady        = "READY"
	RuntimeCreateFailed = "CREATE_FAILED"
	RuntimeDeleting     = "DELETING"
)

// Languages that a codeConfiguration may name. RuntimeExecutable is Lanyard's own: a program that listens on PORT.
const (
	RuntimeNode22     = "NODE_22"
	RuntimeExecutable = "EXECUTABLE"
)

// Buckets that stand for where Lanyard's agent host finds files: uploaded archives, and directories of the host's machine.
const (
	ArchiveBucket   = "lanyard-archives"
	DirectoryBucket = "lanyard-directory"
	ArchivePrefix   = "sha256/" // and the archive's SHA-256 in hexadecimal
)

// RuntimeConfiguration is what a version of a runtime consists of: creating and updating send it whole.
type RuntimeConfiguration struct {
	Artifact    AgentRuntimeArtifact
	RoleARN     string
	Description *Sensitive
	Authorizer  *AuthorizerConfiguration
	Headers     *RequestHeaderConfiguration
	Protocol    *ProtocolConfiguration
	Lifecycle   *LifecycleConfiguration
	Environment map[string]Sensitive
}

// CreateAgentRuntimeRequest makes a runtime with its first version and its endpoint DEFAULT.
type CreateAgentRuntimeRequest struct {
	Name        string                      `json:"agentRuntimeName" v:"required;pattern=runtimeName"`
	Artifact    AgentRuntimeArtifact        `json:"agentRuntimeArtifact" v:"required"`
	RoleARN     string                      `json:"roleArn" v:"required;len=1..2048;pattern=roleARN"`
	Network     *NetworkConfiguration       `json:"networkConfiguration,omitempty"`
	Description *Sensitive                  `json:"description,omitempty" v:"len=1..4096"`
	Authorizer  *AuthorizerConfiguration    `json:"authorizerConfiguration,omitempty"`
	Headers     *RequestHeaderConfiguration `json:"requestHeaderConfiguration,omitempty"`
	Protocol    *ProtocolConfiguration      `json:"protocolConfiguration,omitempty"`
	Lifecycle   *LifecycleConfiguration     `json:"lifecycleConfiguration,omitempty"`
	Environment map[string]Sensitive        `json:"environmentVariables,omitempty" v:"items=0..50" keys:"len=1..100;pattern=variable" each:"len=0..5000"`
	ClientToken *string                     `json:"clientToken,omitempty" v:"len=33..256;pattern=clientToken"`
	Filesystems *Unserved                   `json:"filesystemConfigurations,omitempty" unserved:"the agent host mounts no file systems; an agent's directory lasts as long as its session"`
	Capacity    *Unserved                   `json:"capacityProviderConfiguration,omitempty" unserved:"agents run on the machine of the agent host; there are no capacity providers"`
	Ports       *Unserved                   `json:"allowedPorts,omitempty" unserved:"the agent host gives each session an address of its own"`
	Platform    *Unserved                   `json:"platformVersion,omitempty" unserved:"the platform is the agent host's machine"`
	Tags        map[string]string           `json:"tags,omitempty" v:"items=0..50" keys:"len=1..128;pattern=tag" each:"len=0..256;pattern=tag"`
}

// Configuration is what the first version consists of.
func (r *CreateAgentRuntimeRequest) Configuration() RuntimeConfiguration {
	return RuntimeConfiguration{r.Artifact, r.RoleARN, r.Description, r.Authorizer, r.Headers, r.Protocol, r.Lifecycle, r.Environment}
}

// UpdateAgentRuntimeRequest makes the next version, which replaces the whole configuration.
type UpdateAgentRuntimeRequest struct {
	ID          string                      `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	Artifact    AgentRuntimeArtifact        `json:"agentRuntimeArtifact" v:"required"`
	RoleARN     string                      `json:"roleArn" v:"required;len=1..2048;pattern=roleARN"`
	Network     *NetworkConfiguration       `json:"networkConfiguration,omitempty"`
	Description *Sensitive                  `json:"description,omitempty" v:"len=1..4096"`
	Authorizer  *AuthorizerConfiguration    `json:"authorizerConfiguration,omitempty"`
	Headers     *RequestHeaderConfiguration `json:"requestHeaderConfiguration,omitempty"`
	Protocol    *ProtocolConfiguration      `json:"protocolConfiguration,omitempty"`
	Lifecycle   *LifecycleConfiguration     `json:"lifecycleConfiguration,omitempty"`
	Environment map[string]Sensitive        `json:"environmentVariables,omitempty" v:"items=0..50" keys:"len=1..100;pattern=variable" each:"len=0..5000"`
	ClientToken *string                     `json:"clientToken,omitempty" v:"len=33..256;pattern=clientToken"`
	Filesystems *Unserved                   `json:"filesystemConfigurations,omitempty" unserved:"the agent host mounts no file systems; an agent's directory lasts as long as its session"`
	Capacity    *Unserved                   `json:"capacityProviderConfiguration,omitempty" unserved:"agents run on the machine of the agent host; there are no capacity providers"`
	Ports       *Unserved                   `json:"allowedPorts,omitempty" unserved:"the agent host gives each session an address of its own"`
	Platform    *Unserved                   `json:"platformVersion,omitempty" unserved:"the platform is the agent host's machine"`
	// Metadata asks for a protection of the metadata service of containers, which there is none of here.
	Metadata *RuntimeMetadataConfiguration `json:"metadataConfiguration,omitempty"`
}

// Configuration is what the next version consists of.
func (r *UpdateAgentRuntimeRequest) Configuration() RuntimeConfiguration {
	return RuntimeConfiguration{r.Artifact, r.RoleARN, r.Description, r.Authorizer, r.Headers, r.Protocol, r.Lifecycle, r.Environment}
}

// RuntimeMetadataConfiguration is accepted and changes nothing.
type RuntimeMetadataConfiguration struct {
	RequireMMDSV2 bool `json:"requireMMDSV2"`
}

// AgentRuntimeArtifact is where the agent's files are: a union, of which Lanyard runs code alone.
type AgentRuntimeArtifact struct {
	_         struct{}                `v:"union"`
	Container *ContainerConfiguration `json:"containerConfiguration,omitempty"`
	Code      *CodeConfiguration      `json:"codeConfiguration,omitempty"`
}

// ContainerConfiguration names a container's image. It is understood, so that it can be refused in words.
type ContainerConfiguration struct {
	URI string `json:"containerUri" v:"required;len=1..1024"`
}

// CodeConfiguration names an agent's files and how they are started.
type CodeConfiguration struct {
	Code       CodeSource `json:"code" v:"required"`
	Runtime    string     `json:"runtime" v:"required;enum=runtimeLanguage"`
	EntryPoint []string   `json:"entryPoint" v:"required;items=1..2" each:"len=1..128"`
}

// CodeSource is a union of one member.
type CodeSource struct {
	_  struct{}    `v:"union"`
	S3 *S3Location `json:"s3,omitempty"`
}

// S3Location names an uploaded archive or a directory (see ArchiveBucket and DirectoryBucket).
type S3Location struct {
	Bucket    string    `json:"bucket" v:"required;pattern=bucket"`
	Prefix    string    `json:"prefix" v:"required;len=1..1024"`
	VersionID *Unserved `json:"versionId,omitempty" unserved:"an archive is named by its own hash, which has no versions"`
}

// NetworkConfiguration says where the agent's network is.
type NetworkConfiguration struct {
	Mode   string    `json:"networkMode" v:"required;enum=networkMode"`
	Config *Unserved `json:"networkModeConfig,omitempty" unserved:"agents run in the network of the agent host's machine; use networkMode PUBLIC alone"`
}

// AuthorizerConfiguration is a union of one member: who may invoke the runtime with a JWT.
type AuthorizerConfiguration struct {
	_         struct{}             `v:"union"`
	CustomJWT *CustomJWTAuthorizer `json:"customJWTAuthorizer,omitempty"`
}

// CustomJWTAuthorizer says which JWTs invoke a runtime. All that is set is checked.
type CustomJWTAuthorizer struct {
	DiscoveryURL     string            `json:"discoveryUrl" v:"required;len=1..2048;pattern=discoveryURL"`
	AllowedAudience  []string          `json:"allowedAudience,omitempty" v:"items=1..100" each:"len=1..2048"`
	AllowedClients   []string          `json:"allowedClients,omitempty" v:"items=1..100" each:"len=1..2048"`
	AllowedScopes    []string          `json:"allowedScopes,omitempty" v:"items=1..100" each:"len=1..255;pattern=oauthScope"`
	AdvertisedScopes map[string]string `json:"advertisedScopeMapping,omitempty" v:"items=1..50" keys:"len=1..255;pattern=oauthScope" each:"len=1..255;pattern=oauthScope"`
	CustomClaims     []CustomClaim     `json:"customClaims,omitempty" v:"items=1..50"`
	PrivateEndpoint  *Unserved         `json:"privateEndpoint,omitempty" unserved:"allow an identity provider in a private network in the server's configuration, under egress.allow"`
	PrivateEndpoints *Unserved         `json:"privateEndpointOverrides,omitempty" unserved:"allow an identity provider in a private network in the server's configuration, under egress.allow"`
	AllowedWorkloads *Unserved         `json:"allowedWorkloadConfiguration,omitempty" unserved:"chains of workloads are not told apart here; restrict callers by audience, client, scope or claim"`
}

// Types of a claim's value and how it is compared.
const (
	ClaimString      = "STRING"
	ClaimStringArray = "STRING_ARRAY"
	ClaimEquals      = "EQUALS"
	ClaimContains    = "CONTAINS"
	ClaimContainsAny = "CONTAINS_ANY"
)

// CustomClaim is a claim that a JWT must have.
type CustomClaim struct {
	Name      string     `json:"inboundTokenClaimName" v:"required;len=1..255;pattern=claimName"`
	ValueType string     `json:"inboundTokenClaimValueType" v:"required;enum=claimType"`
	Match     ClaimMatch `json:"authorizingClaimMatchValue" v:"required"`
}

// ClaimMatch is what the claim is compared with.
type ClaimMatch struct {
	Value    ClaimValue `json:"claimMatchValue" v:"required"`
	Operator string     `json:"claimMatchOperator" v:"required;enum=claimOperator"`
}

// ClaimValue is a union: one string, or several.
type ClaimValue struct {
	_       struct{} `v:"union"`
	String  *string  `json:"matchValueString,omitempty" v:"len=1..255;pattern=claimValue"`
	Strings []string `json:"matchValueStringList,omitempty" v:"items=1..100" each:"len=1..255;pattern=claimValue"`
}

// RequestHeaderConfiguration is a union of one member: headers of callers that the agent sees.
type RequestHeaderConfiguration struct {
	_         struct{} `v:"union"`
	AllowList []string `json:"requestHeaderAllowlist,omitempty" v:"items=1..20" each:"len=1..256;pattern=headerName"`
}

// ProtocolConfiguration says how the agent is spoken to.
type ProtocolConfiguration struct {
	Server string    `json:"serverProtocol" v:"required;enum=serverProtocol"`
	Path   *Unserved `json:"path,omitempty" unserved:"the agent is asked at /invocations"`
	Port   *Unserved `json:"port,omitempty" unserved:"the agent host gives each session an address of its own"`
}

// LifecycleConfiguration bounds a session's life, in seconds.
type LifecycleConfiguration struct {
	IdleTimeout *int32 `json:"idleRuntimeSessionTimeout,omitempty" v:"range=60..1209600"`
	MaxLifetime *int32 `json:"maxLifetime,omitempty" v:"range=60..1209600"`
}

// AgentRuntimeID names a runtime.
type AgentRuntimeID struct {
	ID string `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
}

// GetAgentRuntimeRequest names a runtime, and a version of it unless the latest is meant.
type GetAgentRuntimeRequest struct {
	ID      string  `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	Version *string `json:"agentRuntimeVersion,omitempty" in:"query=version" v:"len=1..5;pattern=runtimeVersion"`
}

// DeleteAgentRuntimeRequest names a runtime, and a version of it unless all is meant.
type DeleteAgentRuntimeRequest struct {
	ID          string  `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	Version     *string `json:"agentRuntimeVersion,omitempty" in:"query=version" v:"len=1..5;pattern=runtimeVersion"`
	ClientToken *string `json:"clientToken,omitempty" in:"query=clientToken" v:"len=33..256;pattern=clientToken"`
}

// ListAgentRuntimesRequest asks for a page of at most 100.
type ListAgentRuntimesRequest struct {
	MaxResults *int32 `json:"maxResults,omitempty" in:"query=maxResults" v:"range=1..100"`
	NextToken  string `json:"nextToken,omitempty" in:"query=nextToken" v:"len=0..2048"`
}

// AgentRuntimePage asks for a page of a runtime's versions or endpoints.
type AgentRuntimePage struct {
	ID         string `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	MaxResults *int32 `json:"maxResults,omitempty" in:"query=maxResults" v:"range=1..100"`
	NextToken  string `json:"nextToken,omitempty" in:"query=nextToken" v:"len=0..2048"`
}
