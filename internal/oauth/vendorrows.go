package oauth

import "time"

// vendorRows is the vendor table. What a vendor does not document is left at its
// zero value, which is the strict form, unless docs/decisions/0011-vendors.md
// says why.
func vendorRows() []Row {
	return []Row{
		customRow(), githubRow(), googleRow(), microsoftRow(), slackRow(), atlassianRow(), salesforceRow(), oktaRow(), cognitoRow(),
	}
}

// provenBy is one client authentication for every grant.
func provenBy(method AuthMethod) map[GrantType]AuthMethod {
	return map[GrantType]AuthMethod{GrantAuthorizationCode: method, GrantRefreshToken: method, GrantClientCredentials: method}
}

func customRow() Row {
	return Row{
		Name:                  "CustomOauth2",
		ConfigMember:          "customOauth2ProviderConfig",
		Configures:            ConfiguresServer,
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ,",
	}
}

func githubRow() Row {
	return Row{
		Name:         "GithubOauth2",
		ConfigMember: "githubOauth2ProviderConfig",
		Endpoints: Endpoints{
			Issuer:        "https://github.com/login/oauth",
			Authorization: "https://github.com/login/oauth/authorize",
			Token:         "https://github.com/login/oauth/access_token",
			Revocation:    "https://api.github.com/applications/{client_id}/grant",
		},
		SelfHosted: Endpoints{
			Issuer:        "{base}/login/oauth",
			Authorization: "{base}/login/oauth/authorize",
			Token:         "{base}/login/oauth/access_token",
			Revocation:    "{base}/api/v3/applications/{client_id}/grant",
		},
		AuthMethods:           provenBy(ClientSecretPost),
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ,",
		RefreshOmitsScopes:    true,
		Revocation:            RevokeDeleteGrant,
		ErrorKinds: map[string]Kind{
			"bad_verification_code":        InvalidGrant,
			"bad_refresh_token":            InvalidGrant,
			"incorrect_client_credentials": Rejected,
			"redirect_uri_mismatch":        Rejected,
			"unverified_user_email":        Rejected,
		},
	}
}

// googleRow asks for a refresh token each time: without prompt=consent Google
// gives one at the first consent alone, and every later grant would last an hour.
func googleRow() Row {
	return Row{
		Name:         "GoogleOauth2",
		ConfigMember: "googleOauth2ProviderConfig",
		Endpoints: Endpoints{
			Issuer:        "https://accounts.google.com",
			Authorization: "https://accounts.google.com/o/oauth2/v2/auth",
			Token:         "https://oauth2.googleapis.com/token",
			Revocation:    "https://oauth2.googleapis.com/revoke",
		},
		AuthMethods:           provenBy(ClientSecretPost),
		AuthorizationDefaults: []Parameter{{"access_type", "offline"}, {"prompt", "consent"}},
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ",
		RefreshOmitsScopes:    true,
		Revocation:            RevokeTokenAlone,
		RevokedCodes:          []string{"invalid_token"},
		ErrorKinds: map[string]Kind{
			"invalid_token":         Rejected,
			"redirect_uri_mismatch": Rejected,
		},
	}
}

// microsoftRow is the v2.0 endpoint. It wants the scopes of one resource at the
// token endpoint: those of its last answer are, those asked for may not be.
func microsoftRow() Row {
	return Row{
		Name:         "MicrosoftOauth2",
		ConfigMember: "microsoftOauth2ProviderConfig",
		Configures:   ConfiguresTenant,
		Endpoints: Endpoints{
			Issuer:        "https://login.microsoftonline.com/{tenant}/v2.0",
			Authorization: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
			Token:         "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
		},
		DefaultTenant:         "common",
		AuthMethods:           provenBy(ClientSecretPost),
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ",
		OfflineScope:          "offline_access",
		ErrorKinds:            map[string]Kind{"invalid_resource": Rejected},
		// The refresh token may be sound, yet gives no token before the user has
		// been there again.
		RefreshErrorKinds: map[string]Kind{"interaction_required": InvalidGrant, "consent_required": InvalidGrant},
	}
}

// slackRow hands out the bot's token, or the user's when only user_scope=…
// scopes were asked for.
func slackRow() Row {
	return Row{
		Name:         "SlackOauth2",
		ConfigMember: "slackOauth2ProviderConfig",
		Endpoints: Endpoints{
			Issuer:        "https://slack.com",
			Authorization: "https://slack.com/oauth/v2/authorize",
			Token:         "https://slack.com/api/oauth.v2.access",
			Revocation:    "https://slack.com/api/auth.revoke",
		},
		AuthMethods: provenBy(ClientSecretBasic),
		// An app that has PKCE on is a public client for ever; what a challenge does
		// to one that has not is unknown.
		NoPKCE:                true,
		ScopeSeparator:        ",",
		AnswerScopeSeparators: " ,",
		TokenKinds:            []TokenKind{{Type: "bot"}, {Type: "user", Parameter: "user_scope", Member: "authed_user"}},
		RefreshOmitsScopes:    true,
		Revocation:            RevokeBearer,
		RevokedCodes:          []string{"token_revoked", "token_expired", "account_inactive"},
		ErrorKinds: map[string]Kind{
			"invalid_code":                     InvalidGrant,
			"code_already_used":                InvalidGrant,
			"invalid_refresh_token":            InvalidGrant,
			"token_expired":                    InvalidGrant,
			"token_revoked":                    InvalidGrant,
			"ratelimited":                      Transient,
			"internal_error":                   Transient,
			"fatal_error":                      Transient,
			"service_unavailable":              Transient,
			"account_inactive":                 Rejected,
			"bad_client_secret":                Rejected,
			"invalid_client_id":                Rejected,
			"bad_redirect_uri":                 Rejected,
			"invalid_grant_type":               Rejected,
			"invalid_auth":                     Rejected,
			"not_bearer_token":                 Rejected,
			"oauth_authorization_url_mismatch": Rejected,
		},
	}
}

func atlassianRow() Row {
	return Row{
		Name:         "AtlassianOauth2",
		ConfigMember: "atlassianOauth2ProviderConfig",
		Endpoints: Endpoints{
			Issuer:        "https://auth.atlassian.com",
			Authorization: "https://auth.atlassian.com/authorize",
			Token:         "https://auth.atlassian.com/oauth/token",
		},
		AuthMethods:           provenBy(ClientSecretPost),
		JSONRequests:          true,
		AuthorizationDefaults: []Parameter{{"audience", "api.atlassian.com"}, {"prompt", "consent"}},
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ",
		OfflineScope:          "offline_access",
		RefreshOmitsScopes:    true,
		// A dead refresh token is reported under either name.
		RefreshErrorKinds: map[string]Kind{"unauthorized_client": InvalidGrant},
	}
}

func salesforceRow() Row {
	return Row{
		Name:         "SalesforceOauth2",
		ConfigMember: "salesforceOauth2ProviderConfig",
		Endpoints: Endpoints{
			Issuer:        "https://login.salesforce.com",
			Authorization: "https://login.salesforce.com/services/oauth2/authorize",
			Token:         "https://login.salesforce.com/services/oauth2/token",
			Revocation:    "https://login.salesforce.com/services/oauth2/revoke",
		},
		AuthMethods:           provenBy(ClientSecretPost),
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ",
		RefreshOmitsScopes:    true,
		// A token lives as long as the organisation's sessions, at least this.
		AssumedLifetime: 15 * time.Minute,
		Revocation:      RevokeTokenAlone,
		RevokedCodes:    []string{"invalid_token"},
		ErrorKinds: map[string]Kind{
			"rate_limit_exceeded":   Transient,
			"inactive_user":         Rejected,
			"invalid_client_id":     Rejected,
			"invalid_token":         Rejected,
			"redirect_uri_mismatch": Rejected,
		},
	}
}

func oktaRow() Row {
	return Row{
		Name:         "OktaOauth2",
		ConfigMember: "includedOauth2ProviderConfig",
		Configures:   ConfiguresIssuer,
		OfIssuer: Endpoints{
			Issuer: "{issuer}", Authorization: "{issuer}/v1/authorize", Token: "{issuer}/v1/token",
		},
		OfBareIssuer: Endpoints{
			Issuer: "{issuer}", Authorization: "{issuer}/oauth2/v1/authorize", Token: "{issuer}/oauth2/v1/token",
		},
		RevocationName:        "revoke",
		AuthMethods:           provenBy(ClientSecretBasic),
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ",
		OfflineScope:          "offline_access",
	}
}

// cognitoRow has its endpoints at the pool's domain, another host than the issuer.
func cognitoRow() Row {
	return Row{
		Name:                  "CognitoOauth2",
		ConfigMember:          "includedOauth2ProviderConfig",
		Configures:            ConfiguresIssuer,
		RevocationName:        "revoke",
		AuthMethods:           provenBy(ClientSecretBasic),
		ScopeSeparator:        " ",
		AnswerScopeSeparators: " ",
		RefreshOmitsScopes:    true,
	}
}
