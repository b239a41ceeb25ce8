package api

// Workload identities (contract 2.1).

// CreateWorkloadIdentityRequest registers an agent and the return URLs to which browsers may go after consent.
type CreateWorkloadIdentityRequest struct {
	Name       string            `json:"name" v:"required;len=3..255;pattern=workloadName"`
	ReturnURLs []string          `json:"allowedResourceOauth2ReturnUrls,omitempty" v:"items=0..100" each:"len=1..2048;pattern=returnURL"`
	Tags       map[string]string `json:"tags,omitempty" v:"items=0..50" keys:"len=1..128;pattern=tag" each:"len=0..256;pattern=tag"`
}

// CreateWorkloadIdentityResponse is the identity as it was made.
type CreateWorkloadIdentityResponse struct {
	Name       string   `json:"name"`
	ARN        string   `json:"workloadIdentityArn"`
	ReturnURLs []string `json:"allowedResourceOauth2ReturnUrls"`
}

// WorkloadIdentityName is the input of GetWorkloadIdentity and DeleteWorkloadIdentity.
type WorkloadIdentityName struct {
	Name string `json:"name" v:"required;len=3..255;pattern=workloadName"`
}

// WorkloadIdentity is the output of GetWorkloadIdentity and UpdateWorkloadIdentity.
type WorkloadIdentity struct {
	Name        string    `json:"name"`
	ARN         string    `json:"workloadIdentityArn"`
	ReturnURLs  []string  `json:"allowedResourceOauth2ReturnUrls"`
	CreatedTime Timestamp `json:"createdTime"`
	UpdatedTime Timestamp `json:"lastUpdatedTime"`
}

// UpdateWorkloadIdentityRequest replaces the whole list of return URLs.
type UpdateWorkloadIdentityRequest struct {
	Name       string   `json:"name" v:"required;len=3..255;pattern=workloadName"`
	ReturnURLs []string `json:"allowedResourceOauth2ReturnUrls,omitempty" v:"items=0..100" each:"len=1..2048;pattern=returnURL"`
}

// ListRequest asks for a page of at most 20.
type ListRequest struct {
	NextToken  string `json:"nextToken,omitempty" v:"len=0..2048"`
	MaxResults *int32 `json:"maxResults,omitempty" v:"range=1..20"`
}

// ListWorkloadIdentitiesResponse is a page in order of name.
type ListWorkloadIdentitiesResponse struct {
	Items     []WorkloadIdentityItem `json:"workloadIdentities"`
	NextToken string                 `json:"nextToken,omitempty"`
}

// WorkloadIdentityItem is one line of a list.
type WorkloadIdentityItem struct {
	Name string `json:"name"`
	ARN  string `json:"workloadIdentityArn"`
}

// Empty is the shape of operations that answer nothing.
type Empty struct{}
