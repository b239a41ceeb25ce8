package api

// IAM: what its nouns share.

// Tag is a key and its value, which may be empty but must be there.
type Tag struct {
	Key   string  `json:"Key" v:"required;len=1..128;pattern=iamTag"`
	Value *string `json:"Value" v:"required;len=0..256;pattern=iamTag"`
}

// ListTagsResponse is the answer of every List…Tags.
type ListTagsResponse struct {
	Tags        []Tag  `json:"Tags"`
	IsTruncated bool   `json:"IsTruncated"`
	Marker      string `json:"Marker,omitempty"`
}

// PathRequest asks for a page of what lies under a path.
type PathRequest struct {
	PathPrefix string `json:"PathPrefix,omitempty" v:"len=1..512;pattern=pathPrefix"`
	Marker     string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems   *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// MarkerRequest asks for a page of what the account has.
type MarkerRequest struct {
	Marker   string `json:"Marker,omitempty" v:"len=1..320;pattern=marker"`
	MaxItems *int32 `json:"MaxItems,omitempty" v:"range=1..1000"`
}

// ListAccountAliasesResponse is empty: an account is known by its number alone.
type ListAccountAliasesResponse struct {
	Aliases     []string `json:"AccountAliases"`
	IsTruncated bool     `json:"IsTruncated"`
}

// OutboundFederation is the answer of EnableOutboundWebIdentityFederation: the issuer of the account's web identity
// tokens.
type OutboundFederation struct {
	IssuerURL string `json:"IssuerIdentifier"`
}

// OutboundFederationInfo says who issues the account's web identity tokens, and whether it does.
type OutboundFederationInfo struct {
	IssuerURL string `json:"IssuerIdentifier"`
	Enabled   bool   `json:"JwtVendingEnabled"`
}
