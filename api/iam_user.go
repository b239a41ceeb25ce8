package api

// IAM users and their access keys.

// CreateUserRequest makes a user.
type CreateUserRequest struct {
	Path     string    `json:"Path,omitempty" v:"len=1..512;pattern=iamPath"`
	UserName string    `json:"UserName" v:"required;len=1..64;pattern=iamName"`
	Tags     []Tag     `json:"Tags,omitempty" v:"items=0..50"`
	Boundary *Unserved `json:"PermissionsBoundary,omitempty" unserved:"permissions boundaries are not enforced here, and one that is stored but not enforced would mislead; put the limit into the user's policies as a Deny"`
}

// UserResponse is the answer of CreateUser and GetUser.
type UserResponse struct {
	User User `json:"User"`
}

// User is an IAM user.
type User struct {
	Path       string    `json:"Path"`
	UserName   string    `json:"UserName"`
	UserID     string    `json:"UserId"`
	ARN        string    `json:"Arn"`
	CreateDate Timestamp `json:"CreateDate"`
	Tags       []Tag     `json:"Tags,omitempty"`
}

// GetUserRequest names a user; without a name, the caller.
type GetUserRequest struct {
	UserName string `json:"UserName,omitempty" v:"len=1..128;pattern=iamName"`
}

// UserName names the user that an operation is about.
type UserName struct {
	UserName string `json:"UserName" v:"required;len=1..128;pattern=iamName"`
}

// UserPage asks for a page of what a user has.
type UserPage struct {
	UserName string `json:"UserName" v:"required;len=1..128;pattern=iamName"`
	Marker   string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// UpdateUserRequest renames or moves a user.
type UpdateUserRequest struct {
	UserName    string  `json:"UserName" v:"required;len=1..128;pattern=iamName"`
	NewPath     *string `json:"NewPath,omitempty" v:"len=1..512;pattern=iamPath"`
	NewUserName *string `json:"NewUserName,omitempty" v:"len=1..64;pattern=iamName"`
}

// ListUsersResponse is a page in order of name.
type ListUsersResponse struct {
	Users       []User `json:"Users"`
	IsTruncated bool   `json:"IsTruncated"`
	Marker      string `json:"Marker,omitempty"`
}

// TagUserRequest adds and replaces tags.
type TagUserRequest struct {
	UserName string `json:"UserName" v:"required;len=1..128;pattern=iamName"`
	Tags     []Tag  `json:"Tags" v:"required;items=0..50"`
}

// UntagUserRequest removes tags.
type UntagUserRequest struct {
	UserName string   `json:"UserName" v:"required;len=1..128;pattern=iamName"`
	TagKeys  []string `json:"TagKeys" v:"required;items=0..50" each:"len=1..128;pattern=iamTag"`
}

// ListGroupsForUserResponse is empty: users are in no groups here.
type ListGroupsForUserResponse struct {
	Groups      []string `json:"Groups"`
	IsTruncated bool     `json:"IsTruncated"`
}

// Statuses of an access key.
const (
	KeyActive   = "Active"
	KeyInactive = "Inactive"
)

// CreateAccessKeyRequest names a user; without a name, the caller.
type CreateAccessKeyRequest struct {
	UserName string `json:"UserName,omitempty" v:"len=1..128;pattern=iamName"`
}

// CreateAccessKeyResponse is the only answer that ever has the secret.
type CreateAccessKeyResponse struct {
	AccessKey AccessKey `json:"AccessKey"`
}

// AccessKey is a key pair.
type AccessKey struct {
	UserName        string    `json:"UserName"`
	AccessKeyID     string    `json:"AccessKeyId"`
	Status          string    `json:"Status"`
	SecretAccessKey Sensitive `json:"SecretAccessKey"`
	CreateDate      Timestamp `json:"CreateDate"`
}

// ListAccessKeysRequest names a user; without a name, the caller.
type ListAccessKeysRequest struct {
	UserName string `json:"UserName,omitempty" v:"len=1..128;pattern=iamName"`
	Marker   string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// ListAccessKeysResponse is a page of keys without their secrets.
type ListAccessKeysResponse struct {
	Keys        []AccessKeyMetadata `json:"AccessKeyMetadata"`
	IsTruncated bool                `json:"IsTruncated"`
	Marker      string              `json:"Marker,omitempty"`
}

// AccessKeyMetadata is a key without its secret.
type AccessKeyMetadata struct {
	UserName    string    `json:"UserName"`
	AccessKeyID string    `json:"AccessKeyId"`
	Status      string    `json:"Status"`
	CreateDate  Timestamp `json:"CreateDate"`
}

// UpdateAccessKeyRequest switches a key on or off.
type UpdateAccessKeyRequest struct {
	UserName    string `json:"UserName,omitempty" v:"len=1..128;pattern=iamName"`
	AccessKeyID string `json:"AccessKeyId" v:"required;len=16..128;pattern=iamID"`
	Status      string `json:"Status" v:"required;enum=keyStatus"`
}

// DeleteAccessKeyRequest ends a key.
type DeleteAccessKeyRequest struct {
	UserName    string `json:"UserName,omitempty" v:"len=1..128;pattern=iamName"`
	AccessKeyID string `json:"AccessKeyId" v:"required;len=16..128;pattern=iamID"`
}

// GetAccessKeyLastUsedRequest names a key.
type GetAccessKeyLastUsedRequest struct {
	AccessKeyID string `json:"AccessKeyId" v:"required;len=16..128;pattern=iamID"`
}

// GetAccessKeyLastUsedResponse says whose key it is and when it last signed.
type GetAccessKeyLastUsedResponse struct {
	UserName string            `json:"UserName"`
	LastUsed AccessKeyLastUsed `json:"AccessKeyLastUsed"`
}

// AccessKeyLastUsed is when and where; of a key that never signed, service and region are "N/A".
type AccessKeyLastUsed struct {
	LastUsedDate *Timestamp `json:"LastUsedDate,omitempty"`
	ServiceName  string     `json:"ServiceName"`
	Region       string     `json:"Region"`
}
