package api

// WorkloadIdentityDetails name the workload identity that a runtime has of its own.
type WorkloadIdentityDetails struct {
	ARN string `json:"workloadIdentityArn"`
}

// CreateAgentRuntimeResponse is the runtime as it was made.
type CreateAgentRuntimeResponse struct {
	ARN       string                  `json:"agentRuntimeArn"`
	Workload  WorkloadIdentityDetails `json:"workloadIdentityDetails"`
	ID        string                  `json:"agentRuntimeId"`
	Version   string                  `json:"agentRuntimeVersion"`
	CreatedAt DateTime                `json:"createdAt"`
	Status    string                  `json:"status"`
}

// UpdateAgentRuntimeResponse is the runtime's next version.
type UpdateAgentRuntimeResponse struct {
	ARN       string                  `json:"agentRuntimeArn"`
	ID        string                  `json:"agentRuntimeId"`
	Workload  WorkloadIdentityDetails `json:"workloadIdentityDetails"`
	Version   string                  `json:"agentRuntimeVersion"`
	CreatedAt DateTime                `json:"createdAt"`
	UpdatedAt DateTime                `json:"lastUpdatedAt"`
	Status    string                  `json:"status"`
}

// GetAgentRuntimeResponse is one version of a runtime.
type GetAgentRuntimeResponse struct {
	ARN           string                      `json:"agentRuntimeArn"`
	Name          string                      `json:"agentRuntimeName"`
	ID            string                      `json:"agentRuntimeId"`
	Version       string                      `json:"agentRuntimeVersion"`
	CreatedAt     DateTime                    `json:"createdAt"`
	UpdatedAt     DateTime                    `json:"lastUpdatedAt"`
	RoleARN       string                      `json:"roleArn"`
	Network       NetworkConfiguration        `json:"networkConfiguration"`
	Status        string                      `json:"status"`
	Lifecycle     LifecycleConfiguration      `json:"lifecycleConfiguration"`
	FailureReason string                      `json:"failureReason,omitempty"`
	Description   *Sensitive                  `json:"description,omitempty"`
	Workload      WorkloadIdentityDetails     `json:"workloadIdentityDetails"`
	Artifact      *AgentRuntimeArtifact       `json:"agentRuntimeArtifact,omitempty"`
	Protocol      *ProtocolConfiguration      `json:"protocolConfiguration,omitempty"`
	Environment   map[string]Sensitive        `json:"environmentVariables,omitempty"`
	Authorizer    *AuthorizerConfiguration    `json:"authorizerConfiguration,omitempty"`
	Headers       *RequestHeaderConfiguration `json:"requestHeaderConfiguration,omitempty"`
}

// ListAgentRuntimesResponse is a page of runtimes or of one runtime's versions.
type ListAgentRuntimesResponse struct {
	Runtimes  []AgentRuntime `json:"agentRuntimes"`
	NextToken string         `json:"nextToken,omitempty"`
}

// AgentRuntime is one line of a list.
type AgentRuntime struct {
	ARN         string    `json:"agentRuntimeArn"`
	ID          string    `json:"agentRuntimeId"`
	Version     string    `json:"agentRuntimeVersion"`
	Name        string    `json:"agentRuntimeName"`
	Description Sensitive `json:"description"`
	UpdatedAt   DateTime  `json:"lastUpdatedAt"`
	Status      string    `json:"status"`
}

// DeleteAgentRuntimeResponse says what is going.
type DeleteAgentRuntimeResponse struct {
	Status  string `json:"status"`
	ID      string `json:"agentRuntimeId"`
	Version string `json:"agentRuntimeVersion,omitempty"`
}

// CreateAgentRuntimeEndpointRequest names a version of a runtime; the latest unless it says which.
type CreateAgentRuntimeEndpointRequest struct {
	ID          string            `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	Name        Sensitive         `json:"name" v:"required;pattern=runtimeName"`
	Version     *string           `json:"agentRuntimeVersion,omitempty" v:"len=1..5;pattern=runtimeVersion"`
	Description *string           `json:"description,omitempty" v:"len=1..256"`
	ClientToken *string           `json:"clientToken,omitempty" v:"len=33..256;pattern=clientToken"`
	Tags        map[string]string `json:"tags,omitempty" v:"items=0..50" keys:"len=1..128;pattern=tag" each:"len=0..256;pattern=tag"`
}

// CreateAgentRuntimeEndpointResponse is the endpoint as it was made.
type CreateAgentRuntimeEndpointResponse struct {
	TargetVersion string   `json:"targetVersion"`
	EndpointARN   string   `json:"agentRuntimeEndpointArn"`
	ARN           string   `json:"agentRuntimeArn"`
	ID            string   `json:"agentRuntimeId"`
	Name          string   `json:"endpointName"`
	Status        string   `json:"status"`
	CreatedAt     DateTime `json:"createdAt"`
}

// AgentRuntimeEndpointName names an endpoint.
type AgentRuntimeEndpointName struct {
	ID   string    `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	Name Sensitive `json:"endpointName" in:"path" v:"required;pattern=runtimeName"`
}

// DeleteAgentRuntimeEndpointRequest names the endpoint to remove.
type DeleteAgentRuntimeEndpointRequest struct {
	ID          string    `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	Name        Sensitive `json:"endpointName" in:"path" v:"required;pattern=runtimeName"`
	ClientToken *string   `json:"clientToken,omitempty" in:"query=clientToken" v:"len=33..256;pattern=clientToken"`
}

// UpdateAgentRuntimeEndpointRequest points an endpoint at another version.
type UpdateAgentRuntimeEndpointRequest struct {
	ID          string    `json:"agentRuntimeId" in:"path" v:"required;pattern=runtimeID"`
	Name        Sensitive `json:"endpointName" in:"path" v:"required;pattern=runtimeName"`
	Version     *string   `json:"agentRuntimeVersion,omitempty" v:"len=1..5;pattern=runtimeVersion"`
	Description *string   `json:"description,omitempty" v:"len=1..256"`
	ClientToken *string   `json:"clientToken,omitempty" v:"len=33..256;pattern=clientToken"`
}

// UpdateAgentRuntimeEndpointResponse is the endpoint as it is now.
type UpdateAgentRuntimeEndpointResponse struct {
	LiveVersion   string   `json:"liveVersion"`
	TargetVersion string   `json:"targetVersion"`
	EndpointARN   string   `json:"agentRuntimeEndpointArn"`
	ARN           string   `json:"agentRuntimeArn"`
	Status        string   `json:"status"`
	CreatedAt     DateTime `json:"createdAt"`
	UpdatedAt     DateTime `json:"lastUpdatedAt"`
}

// AgentRuntimeEndpoint is one endpoint.
type AgentRuntimeEndpoint struct {
	Name          string   `json:"name"`
	LiveVersion   string   `json:"liveVersion"`
	TargetVersion string   `json:"targetVersion"`
	EndpointARN   string   `json:"agentRuntimeEndpointArn"`
	ARN           string   `json:"agentRuntimeArn"`
	Status        string   `json:"status"`
	ID            string   `json:"id"`
	Description   string   `json:"description,omitempty"`
	CreatedAt     DateTime `json:"createdAt"`
	UpdatedAt     DateTime `json:"lastUpdatedAt"`
}

// ListAgentRuntimeEndpointsResponse is a page in order of name.
type ListAgentRuntimeEndpointsResponse struct {
	Endpoints []AgentRuntimeEndpoint `json:"runtimeEndpoints"`
	NextToken string                 `json:"nextToken,omitempty"`
}

// DeleteAgentRuntimeEndpointResponse says what is going.
type DeleteAgentRuntimeEndpointResponse struct {
	Status string `json:"status"`
	ID     string `json:"agentRuntimeId"`
	Name   string `json:"endpointName"`
}
