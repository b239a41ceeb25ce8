package api

// OpenID Connect providers: issuers whose JWTs roles may trust.

// CreateOIDCProviderRequest registers an issuer.
type CreateOIDCProviderRequest struct {
	URL         string   `json:"Url" v:"required;len=1..255"`
	ClientIDs   []string `json:"ClientIDList,omitempty" v:"items=0..100" each:"len=1..255"`
	Thumbprints []string `json:"ThumbprintList,omitempty" v:"items=0..5" each:"len=40..40"`
	Tags        []Tag    `json:"Tags,omitempty" v:"items=0..50"`
}

// CreateOIDCProviderResponse names what was made.
type CreateOIDCProviderResponse struct {
	ARN  string `json:"OpenIDConnectProviderArn"`
	Tags []Tag  `json:"Tags,omitempty"`
}

// OIDCProviderARN names the provider that an operation is about.
type OIDCProviderARN struct {
	ARN string `json:"OpenIDConnectProviderArn" v:"required;len=20..2048"`
}

// OIDCProviderPage asks for a page of what a provider has.
type OIDCProviderPage struct {
	ARN      string `json:"OpenIDConnectProviderArn" v:"required;len=20..2048"`
	Marker   string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// GetOIDCProviderResponse is a provider; its URL is without the scheme, as clients expect it.
type GetOIDCProviderResponse struct {
	URL         string    `json:"Url"`
	ClientIDs   []string  `json:"ClientIDList"`
	Thumbprints []string  `json:"ThumbprintList"`
	CreateDate  Timestamp `json:"CreateDate"`
	Tags        []Tag     `json:"Tags,omitempty"`
}

// ListOIDCProvidersResponse names all providers: this list has no pages.
type ListOIDCProvidersResponse struct {
	Providers []OIDCProviderItem `json:"OpenIDConnectProviderList"`
}

// OIDCProviderItem is one line of the list.
type OIDCProviderItem struct {
	ARN string `json:"Arn"`
}

// OIDCProviderClientID names a provider and a client id.
type OIDCProviderClientID struct {
	ARN      string `json:"OpenIDConnectProviderArn" v:"required;len=20..2048"`
	ClientID string `json:"ClientID" v:"required;len=1..255"`
}

// UpdateThumbprintRequest replaces the thumbprints.
type UpdateThumbprintRequest struct {
	ARN         string   `json:"OpenIDConnectProviderArn" v:"required;len=20..2048"`
	Thumbprints []string `json:"ThumbprintList" v:"required;items=0..5" each:"len=40..40"`
}

// TagOIDCProviderRequest adds and replaces tags.
type TagOIDCProviderRequest struct {
	ARN  string `json:"OpenIDConnectProviderArn" v:"required;len=20..2048"`
	Tags []Tag  `json:"Tags" v:"required;items=0..50"`
}

// UntagOIDCProviderRequest removes tags.
type UntagOIDCProviderRequest struct {
	ARN     string   `json:"OpenIDConnectProviderArn" v:"required;len=20..2048"`
	TagKeys []string `json:"TagKeys" v:"required;items=0..50" each:"len=1..128;pattern=iamTag"`
}
