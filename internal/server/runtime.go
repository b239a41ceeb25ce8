package server

import (
	"context"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
)

// runtimeTable binds the operations of agent runtimes to their handlers.
func (s *Server) runtimeTable() []*route {
	return []*route{
		handle(api.CreateAgentRuntime, s.createAgentRuntime),
		handle(api.GetAgentRuntime, s.getAgentRuntime),
		handle(api.ListAgentRuntimes, s.listAgentRuntimes),
		handle(api.ListAgentRuntimeVersions, s.listAgentRuntimeVersions),
		handle(api.UpdateAgentRuntime, s.updateAgentRuntime),
		handle(api.DeleteAgentRuntime, s.deleteAgentRuntime),

		handle(api.CreateAgentRuntimeEndpoint, s.createAgentRuntimeEndpoint),
		handle(api.GetAgentRuntimeEndpoint, s.getAgentRuntimeEndpoint),
		handle(api.ListAgentRuntimeEndpoints, s.listAgentRuntimeEndpoints),
		handle(api.UpdateAgentRuntimeEndpoint, s.updateAgentRuntimeEndpoint),
		handle(api.DeleteAgentRuntimeEndpoint, s.deleteAgentRuntimeEndpoint),

		raw(api.InvokeAgentRuntime, s.invokeAgentRuntime),
		raw(api.StopRuntimeSession, s.stopRuntimeSession),
		raw(api.UploadAgentArchive, s.uploadAgentArchive),
		handle(api.ListRuntimeSessions, s.listRuntimeSessions),
		raw(api.GetRuntimeLogs, s.getRuntimeLogs),
	}
}

func version(n int) string { return strconv.Itoa(n) }

// number reads a version; the shape's pattern has checked it. Nil is 0.
func number(text *string) int {
	n, err := strconv.Atoi(value(text))
	if err != nil {
		return 0
	}
	return n
}

func (s *Server) createAgentRuntime(ctx context.Context, caller *policy.Caller, in *api.CreateAgentRuntimeRequest) (*api.CreateAgentRuntimeResponse, error) {
	cfg, err := runtimeConfig(in.Configuration())
	if err != nil {
		return nil, err
	}
	r, err := s.Identity.CreateRuntime(ctx, caller, identity.NewRuntime{Name: in.Name, Config: cfg, Tags: in.Tags, ClientToken: value(in.ClientToken)}, s.runnable)
	if err != nil {
		return nil, err
	}
	return &api.CreateAgentRuntimeResponse{ARN: s.Identity.RuntimeARN(r.Account, r.ID), Workload: s.workloadDetails(r.Runtime), ID: r.ID,
		Version: version(r.Version.Number), CreatedAt: api.DateTime(r.CreatedAt), Status: runtimeStatus(r.Version)}, nil
}

func (s *Server) updateAgentRuntime(ctx context.Context, caller *policy.Caller, in *api.UpdateAgentRuntimeRequest) (*api.UpdateAgentRuntimeResponse, error) {
	cfg, err := runtimeConfig(in.Configuration())
	if err != nil {
		return nil, err
	}
	r, err := s.Identity.UpdateRuntime(ctx, caller, in.ID, cfg, value(in.ClientToken), s.runnable)
	if err != nil {
		return nil, err
	}
	return &api.UpdateAgentRuntimeResponse{ARN: s.Identity.RuntimeARN(r.Account, r.ID), ID: r.ID, Workload: s.workloadDetails(r.Runtime),
		Version: version(r.Version.Number), CreatedAt: api.DateTime(r.CreatedAt), UpdatedAt: api.DateTime(r.UpdatedAt), Status: runtimeStatus(r.Version)}, nil
}

func (s *Server) workloadDetails(r *identity.Runtime) api.WorkloadIdentityDetails {
	return api.WorkloadIdentityDetails{ARN: s.Identity.WorkloadARN(r.Account, r.ID)}
}

// runtimeStatus: what the agent host was asked before it was stored is ready at once.
func runtimeStatus(v *identity.RuntimeVersion) string {
	if v.Missing {
		return api.RuntimeCreateFailed
	}
	return api.RuntimeReady
}

func (s *Server) getAgentRuntime(ctx context.Context, caller *policy.Caller, in *api.GetAgentRuntimeRequest) (*api.GetAgentRuntimeResponse, error) {
	r, err := s.Identity.GetRuntime(ctx, caller, in.ID, number(in.Version))
	if err != nil {
		return nil, err
	}
	out := &api.GetAgentRuntimeResponse{ARN: s.Identity.RuntimeARN(r.Account, r.ID), Name: r.Name, ID: r.ID, Version: version(r.Version.Number),
		CreatedAt: api.DateTime(r.CreatedAt), UpdatedAt: api.DateTime(r.UpdatedAt), Network: api.NetworkConfiguration{Mode: "PUBLIC"},
		Status: runtimeStatus(r.Version), Workload: s.workloadDetails(r.Runtime)}
	if r.Version.Missing {
		out.FailureReason = "making this version was interrupted; update the runtime, or delete it and make it again"
		return out, nil
	}
	describeConfig(out, &r.Version.Config)
	return out, nil
}

func (s *Server) agentRuntime(r *identity.Runtime, v *identity.RuntimeVersion) api.AgentRuntime {
	return api.AgentRuntime{ARN: s.Identity.RuntimeARN(r.Account, r.ID), ID: r.ID, Name: r.Name, Version: version(v.Number),
		Description: api.Sensitive(v.Config.Description), UpdatedAt: api.DateTime(v.CreatedAt), Status: runtimeStatus(v)}
}

func (s *Server) listAgentRuntimes(ctx context.Context, caller *policy.Caller, in *api.ListAgentRuntimesRequest) (*api.ListAgentRuntimesResponse, error) {
	l, err := s.Identity.ListRuntimes(ctx, caller, pageOf(in.NextToken, in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	return &api.ListAgentRuntimesResponse{NextToken: l.Next, Runtimes: convert(l.Items, func(r *identity.Runtime) api.AgentRuntime {
		return api.AgentRuntime{ARN: s.Identity.RuntimeARN(r.Account, r.ID), ID: r.ID, Name: r.Name, Version: version(r.Latest().Number),
			Description: api.Sensitive(r.Description), UpdatedAt: api.DateTime(r.UpdatedAt), Status: api.RuntimeReady}
	})}, nil
}

func (s *Server) listAgentRuntimeVersions(ctx context.Context, caller *policy.Caller, in *api.AgentRuntimePage) (*api.ListAgentRuntimesResponse, error) {
	l, err := s.Identity.ListRuntimeVersions(ctx, caller, in.ID, pageOf(in.NextToken, in.MaxResults, 100))
	if err != nil {
		return nil, err
	}
	return &api.ListAgentRuntimesResponse{NextToken: l.Next, Runtimes: convert(l.Items, func(r identity.RuntimeState) api.AgentRuntime {
		return s.agentRuntime(r.Runtime, r.Version)
	})}, nil
}

// deleteAgentRuntime ends the runtime's sessions after it is gone: until then new ones could begin.
func (s *Server) deleteAgentRuntime(ctx context.Context, caller *policy.Caller, in *api.DeleteAgentRuntimeRequest) (*api.DeleteAgentRuntimeResponse, error) {
	if err := s.Identity.DeleteRuntime(ctx, caller, in.ID, number(in.Version)); err != nil {
		return nil, err
	}
	if s.cfg.Host != nil {
		if _, err := s.cfg.Host.Stop(ctx, hostlink.StopRequest{RuntimeID: in.ID, Version: value(in.Version)}); err != nil {
			s.Log.WarnContext(ctx, "the sessions of a deleted runtime were not stopped; they end when they are idle", "runtime", in.ID, "err", err)
		}
	}
	return &api.DeleteAgentRuntimeResponse{Status: api.RuntimeDeleting, ID: in.ID, Version: value(in.Version)}, nil
}

// runtimeConfig reads a version's configuration from the wire.
func runtimeConfig(in api.RuntimeConfiguration) (identity.RuntimeConfig, error) {
	cfg := identity.RuntimeConfig{RoleARN: in.RoleARN, Description: string(value(in.Description))}
	if in.Artifact.Code == nil {
		return cfg, unservedArtifact("agentRuntimeArtifact.containerConfiguration", "Lanyard's agent host runs files, not container images")
	}
	code := in.Artifact.Code
	cfg.Language, cfg.EntryPoint = code.Runtime, code.EntryPoint
	var err error
	if cfg.Source, err = runtimeSource(code.Code.S3); err != nil {
		return cfg, err
	}
	if len(in.Environment) > 0 {
		cfg.Environment = make(map[string]string, len(in.Environment))
		for name, text := range in.Environment {
			cfg.Environment[name] = string(text)
		}
	}
	if in.Headers != nil {
		cfg.HeaderAllowList = in.Headers.AllowList
	}
	if in.Protocol != nil {
		cfg.Protocol = in.Protocol.Server
	}
	if in.Lifecycle != nil {
		cfg.IdleTimeout, cfg.MaxLifetime = int(value(in.Lifecycle.IdleTimeout)), int(value(in.Lifecycle.MaxLifetime))
	}
	if in.Authorizer != nil {
		cfg.Authorizer, err = jwtAuthorizer(in.Authorizer.CustomJWT)
	}
	return cfg, err
}

// runtimeSource reads where the files are. Amazon S3 is not asked: Lanyard has no keys for it and should have none.
func runtimeSource(at *api.S3Location) (identity.RuntimeSource, error) {
	const field = "agentRuntimeArtifact.codeConfiguration.code.s3"
	switch at.Bucket {
	case api.ArchiveBucket:
		sum, ok := strings.CutPrefix(at.Prefix, api.ArchivePrefix)
		if !ok || len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "" {
			return identity.RuntimeSource{}, unservedArtifact(field+".prefix", "an archive is named "+api.ArchivePrefix+" and its SHA-256 in lower-case hexadecimal, as UploadAgentArchive answers")
		}
		return identity.RuntimeSource{Archive: sum}, nil
	case api.DirectoryBucket:
		return identity.RuntimeSource{Directory: at.Prefix}, nil
	}
	return identity.RuntimeSource{}, unservedArtifact(field+".bucket", "Lanyard fetches nothing from Amazon S3; the bucket "+api.ArchiveBucket+" has what UploadAgentArchive was given, and "+api.DirectoryBucket+" the directories of the agent host's machine")
}

func unservedArtifact(field, why string) error {
	msg := why + ". `lanyard launch` uploads an agent's files and makes its runtime"
	return &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: msg, Fields: []api.FieldProblem{{Name: field, Message: msg}}}
}

// jwtAuthorizer reads an authorizer. Operators that do not go with a claim's type are refused: they would never hold.
func jwtAuthorizer(in *api.CustomJWTAuthorizer) (*identity.JWTAuthorizer, error) {
	a := &identity.JWTAuthorizer{DiscoveryURL: in.DiscoveryURL, Audiences: in.AllowedAudience, Clients: in.AllowedClients, Scopes: in.AllowedScopes, AdvertisedScopes: in.AdvertisedScopes}
	for i := range in.CustomClaims {
		c := &in.CustomClaims[i]
		one, several := c.Match.Value.String, c.Match.Value.Strings
		rule := identity.ClaimRule{Name: c.Name, List: c.ValueType == api.ClaimStringArray, Values: several}
		if one != nil {
			rule.Values = []string{*one}
		}
		fits := c.Match.Operator == api.ClaimEquals && !rule.List && one != nil ||
			c.Match.Operator == api.ClaimContains && rule.List && one != nil ||
			c.Match.Operator == api.ClaimContainsAny && rule.List && one == nil
		if !fits {
			msg := "claim " + c.Name + ": a STRING is compared by EQUALS with matchValueString; a STRING_ARRAY by CONTAINS with matchValueString, or by CONTAINS_ANY with matchValueStringList"
			return nil, &api.Exception{Name: api.ValidationException, Reason: api.ReasonFieldValidation, Message: msg,
				Fields: []api.FieldProblem{{Name: "authorizerConfiguration.customJWTAuthorizer.customClaims", Message: msg}}}
		}
		a.Claims = append(a.Claims, rule)
	}
	return a, nil
}
