package api

// IAM policies: inline in a user or role, or managed, with versions and attachments.

// PutUserPolicyRequest writes an inline policy of a user.
type PutUserPolicyRequest struct {
	UserName   string `json:"UserName" v:"required;len=1..128;pattern=iamName"`
	PolicyName string `json:"PolicyName" v:"required;len=1..128;pattern=iamName"`
	Document   string `json:"PolicyDocument" v:"required;len=1..131072;pattern=policyText"`
}

// PutRolePolicyRequest writes an inline policy of a role.
type PutRolePolicyRequest struct {
	RoleName   string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	PolicyName string `json:"PolicyName" v:"required;len=1..128;pattern=iamName"`
	Document   string `json:"PolicyDocument" v:"required;len=1..131072;pattern=policyText"`
}

// UserPolicyName names an inline policy of a user.
type UserPolicyName struct {
	UserName   string `json:"UserName" v:"required;len=1..128;pattern=iamName"`
	PolicyName string `json:"PolicyName" v:"required;len=1..128;pattern=iamName"`
}

// RolePolicyName names an inline policy of a role.
type RolePolicyName struct {
	RoleName   string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	PolicyName string `json:"PolicyName" v:"required;len=1..128;pattern=iamName"`
}

// GetUserPolicyResponse is an inline policy of a user.
type GetUserPolicyResponse struct {
	UserName   string         `json:"UserName"`
	PolicyName string         `json:"PolicyName"`
	Document   PolicyDocument `json:"PolicyDocument"`
}

// GetRolePolicyResponse is an inline policy of a role.
type GetRolePolicyResponse struct {
	RoleName   string         `json:"RoleName"`
	PolicyName string         `json:"PolicyName"`
	Document   PolicyDocument `json:"PolicyDocument"`
}

// ListPolicyNamesResponse is a page of the names of inline policies.
type ListPolicyNamesResponse struct {
	Names       []string `json:"PolicyNames"`
	IsTruncated bool     `json:"IsTruncated"`
	Marker      string   `json:"Marker,omitempty"`
}

// CreatePolicyRequest makes a managed policy and its first version.
type CreatePolicyRequest struct {
	PolicyName  string `json:"PolicyName" v:"required;len=1..128;pattern=iamName"`
	Path        string `json:"Path,omitempty" v:"len=1..512;pattern=policyPath"`
	Document    string `json:"PolicyDocument" v:"required;len=1..131072;pattern=policyText"`
	Description string `json:"Description,omitempty" v:"len=0..1000"`
	Tags        []Tag  `json:"Tags,omitempty" v:"items=0..50"`
}

// PolicyResponse is the answer of CreatePolicy and GetPolicy.
type PolicyResponse struct {
	Policy Policy `json:"Policy"`
}

// Policy is a managed policy without its documents.
type Policy struct {
	PolicyName       string    `json:"PolicyName"`
	PolicyID         string    `json:"PolicyId"`
	ARN              string    `json:"Arn"`
	Path             string    `json:"Path"`
	DefaultVersionID string    `json:"DefaultVersionId"`
	AttachmentCount  int32     `json:"AttachmentCount"`
	BoundaryUsage    int32     `json:"PermissionsBoundaryUsageCount"`
	IsAttachable     bool      `json:"IsAttachable"`
	Description      string    `json:"Description,omitempty"`
	CreateDate       Timestamp `json:"CreateDate"`
	UpdateDate       Timestamp `json:"UpdateDate"`
	Tags             []Tag     `json:"Tags,omitempty"`
}

// PolicyARN names the managed policy that an operation is about.
type PolicyARN struct {
	ARN string `json:"PolicyArn" v:"required;len=20..2048"`
}

// PolicyPage asks for a page of what a managed policy has.
type PolicyPage struct {
	ARN      string `json:"PolicyArn" v:"required;len=20..2048"`
	Marker   string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// Scopes of ListPolicies: all policies, those supplied with Lanyard, those made in the account.
const (
	ScopeAll      = "All"
	ScopeSupplied = "AWS"
	ScopeLocal    = "Local"
)

// Usages by which policies are filtered.
const (
	UsagePermissions = "PermissionsPolicy"
	UsageBoundary    = "PermissionsBoundary" // nothing has one
)

// ListPoliciesRequest narrows the managed policies.
type ListPoliciesRequest struct {
	Scope        string `json:"Scope,omitempty" v:"enum=policyScope"`
	OnlyAttached bool   `json:"OnlyAttached,omitempty"`
	PathPrefix   string `json:"PathPrefix,omitempty" v:"len=1..512;pattern=policyPath"`
	Usage        string `json:"PolicyUsageFilter,omitempty" v:"enum=policyUsage"`
	Marker       string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems     *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// ListPoliciesResponse is a page in order of name.
type ListPoliciesResponse struct {
	Policies    []Policy `json:"Policies"`
	IsTruncated bool     `json:"IsTruncated"`
	Marker      string   `json:"Marker,omitempty"`
}

// CreatePolicyVersionRequest adds a version.
type CreatePolicyVersionRequest struct {
	ARN          string `json:"PolicyArn" v:"required;len=20..2048"`
	Document     string `json:"PolicyDocument" v:"required;len=1..131072;pattern=policyText"`
	SetAsDefault bool   `json:"SetAsDefault,omitempty"`
}

// PolicyVersionResponse is the answer of CreatePolicyVersion and GetPolicyVersion.
type PolicyVersionResponse struct {
	Version PolicyVersion `json:"PolicyVersion"`
}

// PolicyVersion is one document of a managed policy; lists and CreatePolicyVersion leave the document out.
type PolicyVersion struct {
	Document         PolicyDocument `json:"Document,omitempty"`
	VersionID        string         `json:"VersionId"`
	IsDefaultVersion bool           `json:"IsDefaultVersion"`
	CreateDate       Timestamp      `json:"CreateDate"`
}

// PolicyVersionID names a version.
type PolicyVersionID struct {
	ARN       string `json:"PolicyArn" v:"required;len=20..2048"`
	VersionID string `json:"VersionId" v:"required;len=2..64;pattern=versionID"`
}

// ListPolicyVersionsResponse is a page, newest first.
type ListPolicyVersionsResponse struct {
	Versions    []PolicyVersion `json:"Versions"`
	IsTruncated bool            `json:"IsTruncated"`
	Marker      string          `json:"Marker,omitempty"`
}

// UserAttachment names a user and a managed policy.
type UserAttachment struct {
	UserName string `json:"UserName" v:"required;len=1..64;pattern=iamName"`
	ARN      string `json:"PolicyArn" v:"required;len=20..2048"`
}

// RoleAttachment names a role and a managed policy.
type RoleAttachment struct {
	RoleName string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	ARN      string `json:"PolicyArn" v:"required;len=20..2048"`
}

// ListAttachedUserPoliciesRequest asks for the managed policies of a user.
type ListAttachedUserPoliciesRequest struct {
	UserName   string `json:"UserName" v:"required;len=1..64;pattern=iamName"`
	PathPrefix string `json:"PathPrefix,omitempty" v:"len=1..512;pattern=policyPath"`
	Marker     string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems   *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// ListAttachedRolePoliciesRequest asks for the managed policies of a role.
type ListAttachedRolePoliciesRequest struct {
	RoleName   string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	PathPrefix string `json:"PathPrefix,omitempty" v:"len=1..512;pattern=policyPath"`
	Marker     string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems   *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// ListAttachedPoliciesResponse is a page of managed policies.
type ListAttachedPoliciesResponse struct {
	Policies    []AttachedPolicy `json:"AttachedPolicies"`
	IsTruncated bool             `json:"IsTruncated"`
	Marker      string           `json:"Marker,omitempty"`
}

// AttachedPolicy names a managed policy.
type AttachedPolicy struct {
	PolicyName string `json:"PolicyName"`
	ARN        string `json:"PolicyArn"`
}

// Kinds of entities to which policies are attached. There are no groups here, and the last two filter nothing.
const (
	EntityUser           = "User"
	EntityRole           = "Role"
	EntityGroup          = "Group"
	EntityLocalPolicy    = "LocalManagedPolicy"
	EntitySuppliedPolicy = "AWSManagedPolicy"
)

// ListEntitiesForPolicyRequest asks for the users and roles to which a policy is attached.
type ListEntitiesForPolicyRequest struct {
	ARN        string `json:"PolicyArn" v:"required;len=20..2048"`
	Filter     string `json:"EntityFilter,omitempty" v:"enum=entityFilter"`
	PathPrefix string `json:"PathPrefix,omitempty" v:"len=1..512;pattern=iamPath"`
	Usage      string `json:"PolicyUsageFilter,omitempty" v:"enum=policyUsage"`
	Marker     string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems   *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// ListEntitiesForPolicyResponse names them.
type ListEntitiesForPolicyResponse struct {
	Groups      []string     `json:"PolicyGroups"` // always empty
	Users       []PolicyUser `json:"PolicyUsers"`
	Roles       []PolicyRole `json:"PolicyRoles"`
	IsTruncated bool         `json:"IsTruncated"`
	Marker      string       `json:"Marker,omitempty"`
}

// PolicyUser is a user to which a policy is attached.
type PolicyUser struct {
	UserName string `json:"UserName"`
	UserID   string `json:"UserId"`
}

// PolicyRole is a role to which a policy is attached.
type PolicyRole struct {
	RoleName string `json:"RoleName"`
	RoleID   string `json:"RoleId"`
}

// TagPolicyRequest adds and replaces tags.
type TagPolicyRequest struct {
	ARN  string `json:"PolicyArn" v:"required;len=20..2048"`
	Tags []Tag  `json:"Tags" v:"required;items=0..50"`
}

// UntagPolicyRequest removes tags.
type UntagPolicyRequest struct {
	ARN     string   `json:"PolicyArn" v:"required;len=20..2048"`
	TagKeys []string `json:"TagKeys" v:"required;items=0..50" each:"len=1..128;pattern=iamTag"`
}
