package server

import (
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// describeConfig writes a version's configuration to the wire, as it was given.
func describeConfig(out *api.GetAgentRuntimeResponse, c *identity.RuntimeConfig) {
	idle, lifetime := int32(c.IdleTimeout), int32(c.MaxLifetime)
	out.RoleARN = c.RoleARN
	out.Lifecycle = api.LifecycleConfiguration{IdleTimeout: &idle, MaxLifetime: &lifetime}
	out.Protocol = &api.ProtocolConfiguration{Server: c.Protocol}
	out.Artifact = artifact(c)
	if c.Description != "" {
		d := api.Sensitive(c.Description)
		out.Description = &d
	}
	if len(c.Environment) > 0 {
		out.Environment = make(map[string]api.Sensitive, len(c.Environment))
		for name, text := range c.Environment {
			out.Environment[name] = api.Sensitive(text)
		}
	}
	if len(c.HeaderAllowList) > 0 {
		out.Headers = &api.RequestHeaderConfiguration{AllowList: c.HeaderAllowList}
	}
	if c.Authorizer != nil {
		out.Authorizer = &api.AuthorizerConfiguration{CustomJWT: authorizer(c.Authorizer)}
	}
}

func artifact(c *identity.RuntimeConfig) *api.AgentRuntimeArtifact {
	at := &api.S3Location{Bucket: api.DirectoryBucket, Prefix: c.Source.Directory}
	if c.Source.Archive != "" {
		at = &api.S3Location{Bucket: api.ArchiveBucket, Prefix: api.ArchivePrefix + c.Source.Archive}
	}
	return &api.AgentRuntimeArtifact{Code: &api.CodeConfiguration{Code: api.CodeSource{S3: at}, Runtime: c.Language, EntryPoint: c.EntryPoint}}
}

func authorizer(a *identity.JWTAuthorizer) *api.CustomJWTAuthorizer {
	out := &api.CustomJWTAuthorizer{DiscoveryURL: a.DiscoveryURL, AllowedAudience: a.Audiences, AllowedClients: a.Clients, AllowedScopes: a.Scopes, AdvertisedScopes: a.AdvertisedScopes}
	for _, rule := range a.Claims {
		c := api.CustomClaim{Name: rule.Name, ValueType: api.ClaimString}
		c.Match.Operator = api.ClaimEquals
		if rule.List {
			c.ValueType, c.Match.Operator = api.ClaimStringArray, api.ClaimContains
		}
		if len(rule.Values) == 1 {
			c.Match.Value.String = &rule.Values[0]
		} else {
			c.Match.Operator, c.Match.Value.Strings = api.ClaimContainsAny, rule.Values
		}
		out.CustomClaims = append(out.CustomClaims, c)
	}
	return out
}
