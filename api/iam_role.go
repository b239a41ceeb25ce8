package api

// IAM roles.

// CreateRoleRequest makes a role.
type CreateRoleRequest struct {
	Path        string    `json:"Path,omitempty" v:"len=1..512;pattern=iamPath"`
	RoleName    string    `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	Trust       string    `json:"AssumeRolePolicyDocument" v:"required;len=1..131072;pattern=policyText"`
	Description string    `json:"Description,omitempty" v:"len=0..1000;pattern=description"`
	MaxSession  *int32    `json:"MaxSessionDuration,omitempty" v:"range=3600..43200"`
	Tags        []Tag     `json:"Tags,omitempty" v:"items=0..50"`
	Boundary    *Unserved `json:"PermissionsBoundary,omitempty" unserved:"permissions boundaries are not enforced here, and one that is stored but not enforced would mislead; put the limit into the role's policies as a Deny"`
}

// RoleResponse is the answer of CreateRole, GetRole and UpdateRoleDescription.
type RoleResponse struct {
	Role Role `json:"Role"`
}

// Role is an IAM role.
type Role struct {
	Path        string         `json:"Path"`
	RoleName    string         `json:"RoleName"`
	RoleID      string         `json:"RoleId"`
	ARN         string         `json:"Arn"`
	CreateDate  Timestamp      `json:"CreateDate"`
	Trust       PolicyDocument `json:"AssumeRolePolicyDocument"`
	Description string         `json:"Description,omitempty"`
	MaxSession  int32          `json:"MaxSessionDuration"`
	Tags        []Tag          `json:"Tags,omitempty"`
}

// RoleName names the role that an operation is about.
type RoleName struct {
	RoleName string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
}

// RolePage asks for a page of what a role has.
type RolePage struct {
	RoleName string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	Marker   string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// ListRolesResponse is a page in order of name.
type ListRolesResponse struct {
	Roles       []Role `json:"Roles"`
	IsTruncated bool   `json:"IsTruncated"`
	Marker      string `json:"Marker,omitempty"`
}

// UpdateRoleRequest changes what is sent and leaves the rest.
type UpdateRoleRequest struct {
	RoleName    string  `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	Description *string `json:"Description,omitempty" v:"len=0..1000;pattern=description"`
	MaxSession  *int32  `json:"MaxSessionDuration,omitempty" v:"range=3600..43200"`
}

// UpdateRoleResponse has a result without members, which is not the same on the wire as no result.
type UpdateRoleResponse struct{}

// UpdateRoleDescriptionRequest replaces the description.
type UpdateRoleDescriptionRequest struct {
	RoleName    string  `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	Description *string `json:"Description" v:"required;len=0..1000;pattern=description"`
}

// UpdateAssumeRolePolicyRequest replaces the trust policy.
type UpdateAssumeRolePolicyRequest struct {
	RoleName string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	Document string `json:"PolicyDocument" v:"required;len=1..131072;pattern=policyText"`
}

// TagRoleRequest adds and replaces tags.
type TagRoleRequest struct {
	RoleName string `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	Tags     []Tag  `json:"Tags" v:"required;items=0..50"`
}

// UntagRoleRequest removes tags.
type UntagRoleRequest struct {
	RoleName string   `json:"RoleName" v:"required;len=1..64;pattern=iamName"`
	TagKeys  []string `json:"TagKeys" v:"required;items=0..50" each:"len=1..128;pattern=iamTag"`
}

// ListInstanceProfilesForRoleResponse is empty: no machine takes on a role by a profile here.
type ListInstanceProfilesForRoleResponse struct {
	Profiles    []string `json:"InstanceProfiles"`
	IsTruncated bool     `json:"IsTruncated"`
}
