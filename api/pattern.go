package api

import (
	"regexp"
	"strings"
)

// patterns that members must match whole; the models' regular expressions, anchored.
var patterns = map[string]*regexp.Regexp{
	"workloadName":  regexp.MustCompile(`^[A-Za-z0-9_.-]+$`),
	"providerName":  regexp.MustCompile(`^[a-zA-Z0-9\-_]+$`),
	"returnURL":     regexp.MustCompile(`^[\w.+-]+:(/?/?)[^\s]+$`), // schemes of RFC 8252 section 7.1 have dots
	"tag":           regexp.MustCompile(`^[a-zA-Z0-9\s._:/=+@-]*$`),
	"jwt":           regexp.MustCompile(`^[A-Za-z0-9\-_=]+\.[A-Za-z0-9\-_=]+\.[A-Za-z0-9\-_=]+$`),
	"sessionURI":    regexp.MustCompile(`^urn:ietf:params:oauth:request_uri:[a-zA-Z0-9\-._~]+$`),
	"parameterName": regexp.MustCompile(`^[a-zA-Z0-9\-_.]+$`),
	"discoveryURL":  regexp.MustCompile(`^.+/\.well-known/(openid-configuration|oauth-authorization-server)$`),

	"iamName":     regexp.MustCompile(`^[\w+=,.@-]+$`),
	"iamPath":     regexp.MustCompile(`^(/|/[!-~]+/)$`),
	"pathPrefix":  regexp.MustCompile(`^/[!-\x7f]*$`),
	"policyPath":  regexp.MustCompile(`^((/[A-Za-z0-9.,+@=_-]+)*)/$`),
	"policyText":  regexp.MustCompile(`^[\t\n\r -\x{ff}]+$`),
	"description": regexp.MustCompile(`^[\t\n\r -~\x{a1}-\x{ff}]*$`),
	"iamTag":      regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]*$`),
	"iamID":       regexp.MustCompile(`^\w+$`),
	"externalID":  regexp.MustCompile(`^[\w+=,.@:/-]*$`),
	"marker":      regexp.MustCompile(`^[ -\x{ff}]+$`),
	"versionID":   regexp.MustCompile(`^v[1-9][0-9]*(\.[A-Za-z0-9-]*)?$`),
	"xmlText":     regexp.MustCompile(`^[\t\n\r -~\x{85}\x{a0}-\x{d7ff}\x{e000}-\x{fffd}\x{10000}-\x{10ffff}]+$`),

	"poolName":     regexp.MustCompile(`^[\w\s+=,.@-]+$`),
	"poolID":       regexp.MustCompile(`^[\w-]+_[0-9a-zA-Z]+$`),
	"poolClientID": regexp.MustCompile(`^[\w+]+$`),
	"poolDomain":   regexp.MustCompile(`^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$`),
	"poolUser":     regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$`),
	"attribute":    regexp.MustCompile(`^[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r ]+$`),
	"noSpace":      regexp.MustCompile(`^\S+$`),
	"oauthScope":   regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`),
	"scopeName":    regexp.MustCompile(`^[\x21\x23-\x2E\x30-\x5B\x5D-\x7E]+$`),

	"runtimeName":    regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,47}$`),
	"runtimeID":      regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}$`),
	"runtimeVersion": regexp.MustCompile(`^[1-9][0-9]{0,4}$`),
	"roleARN":        regexp.MustCompile(`^arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+$`),
	"clientToken":    regexp.MustCompile(`^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,256}$`),
	"bucket":         regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`),
	"variable":       regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`),
	"headerName":     regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,255}$`),
	"claimName":      regexp.MustCompile(`^[A-Za-z0-9_.:/-]+$`),
	"claimValue":     regexp.MustCompile(`^[A-Za-z0-9_.-]+$`),
	"account":        regexp.MustCompile(`^[0-9]{12}$`),
	"visible":        regexp.MustCompile(`^[!-~]+$`),
}

// enums that members must be one of.
var enums = map[string][]string{
	"vendor":          strings.Split(vendorEnum, "|"),
	"secretSource":    {SecretManaged, SecretExternal},
	"clientAuth":      {"CLIENT_SECRET_BASIC", "CLIENT_SECRET_POST", "AWS_IAM_ID_TOKEN_JWT", "PRIVATE_KEY_JWT"},
	"tokenAuthMethod": {"client_secret_post", "client_secret_basic"},
	"flow":            {FlowUserFederation, FlowM2M, FlowOnBehalfOf},
	"auditResult":     {"allowed", "denied", "failed", "intent"},

	"signingAlgorithm": {"RS256", "ES384"},
	"keyStatus":        {KeyActive, KeyInactive},
	"policyScope":      {ScopeAll, ScopeSupplied, ScopeLocal},
	"policyUsage":      {UsagePermissions, UsageBoundary},
	"entityFilter":     {EntityUser, EntityRole, EntityGroup, EntityLocalPolicy, EntitySuppliedPolicy},
	"contextKeyType":   strings.Split(contextKeyTypes, "|"),

	"toggle":            {"ACTIVE", "INACTIVE"},
	"verifiedAttribute": {"phone_number", "email"},
	"poolTier":          {"LITE", "ESSENTIALS", "PLUS"},
	"attributeType":     {"String", "Number", "DateTime", "Boolean"},
	"timeUnit":          {"seconds", "minutes", "hours", "days"},
	"oauthFlow":         {OAuthCode, OAuthImplicit, OAuthClientCredentials},
	"explicitFlow": {"ADMIN_NO_SRP_AUTH", "CUSTOM_AUTH_FLOW_ONLY", "USER_PASSWORD_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_CUSTOM_AUTH",
		"ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"},
	"existenceErrors": {ExistenceErrorsLegacy, ExistenceErrorsEnabled},
	"feature":         {"ENABLED", "DISABLED"},
	"messageAction":   {MessageResend, MessageSuppress},
	"deliveryMedium":  {"SMS", "EMAIL"},

	"runtimeLanguage": {"PYTHON_3_10", "PYTHON_3_11", "PYTHON_3_12", "PYTHON_3_13", "PYTHON_3_14", RuntimeNode22, RuntimeExecutable},
	"networkMode":     {"PUBLIC"},
	"serverProtocol":  {"MCP", "HTTP", "A2A", "AGUI"},
	"claimType":       {ClaimString, ClaimStringArray},
	"claimOperator":   {ClaimEquals, ClaimContains, ClaimContainsAny},
}
