package main

import "github.com/goccy/go-yaml"

// newAgentDoc is an agent with every member that the toolkit writes, in its order.
func newAgentDoc(name string) yaml.MapSlice {
	return ordered(
		"name", name, "language", "python", "node_version", nil, "entrypoint", "", "deployment_type", deployDirect, "runtime_type", nil,
		"platform", "linux/amd64", "container_runtime", nil, "source_path", nil,
		"aws", ordered("execution_role", nil, "execution_role_auto_create", true, "account", nil, "region", nil,
			"ecr_repository", nil, "ecr_auto_create", false, "s3_path", nil, "s3_auto_create", true,
			"network_configuration", ordered("network_mode", "PUBLIC", "network_mode_config", nil),
			"protocol_configuration", ordered("server_protocol", "HTTP"),
			"observability", ordered("enabled", true),
			"lifecycle_configuration", ordered("idle_runtime_session_timeout", nil, "max_lifetime", nil)),
		"bedrock_agentcore", ordered("agent_id", nil, "agent_arn", nil, "agent_session_id", nil),
		"codebuild", ordered("project_name", nil, "execution_role", nil, "source_bucket", nil),
		"memory", ordered("mode", "NO_MEMORY", "memory_id", nil, "memory_arn", nil, "memory_name", nil, "event_expiry_days", 30,
			"first_invoke_memory_check_done", false, "was_created_by_toolkit", false),
		"identity", ordered("credential_providers", []any{}, "workload", nil),
		"aws_jwt", ordered("enabled", false, "audiences", []any{}, "signing_algorithm", jwtAlgorithm, "issuer_url", nil, "duration_seconds", jwtDuration),
		"authorizer_configuration", nil, "request_header_configuration", nil, "oauth_configuration", nil,
		"api_key_env_var_name", nil, "api_key_credential_provider_name", nil, "is_generated_by_agentcore_create", false)
}
