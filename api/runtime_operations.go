package api

import "net/http"

// Resource kinds of runtimes.
const (
	ResourceRuntime         ResourceKind = "runtime"
	ResourceRuntimeEndpoint ResourceKind = "runtime-endpoint"
)

func runtimeOp(name, method, path string, status int, readOnly bool, resources ...ResourceKind) Operation {
	return Operation{Name: name, Service: AgentCore, Method: method, Path: path, Status: status, Resources: resources, ReadOnly: readOnly}
}

func lanyardRuntimeOp(name string, readOnly bool) Operation {
	op := lanyardOp(name, readOnly)
	op.Resources = []ResourceKind{ResourceRuntime}
	return op
}

// The operations of agent runtimes. A part of a path in braces is a label: a member of the request, percent-encoded.
var (
	CreateAgentRuntime       = runtimeOp("CreateAgentRuntime", http.MethodPut, "/runtimes/", 202, false, ResourceRuntime)
	GetAgentRuntime          = runtimeOp("GetAgentRuntime", http.MethodGet, "/runtimes/{agentRuntimeId}/", 200, true, ResourceRuntime)
	ListAgentRuntimes        = runtimeOp("ListAgentRuntimes", http.MethodPost, "/runtimes/", 200, true, ResourceRuntime)
	ListAgentRuntimeVersions = runtimeOp("ListAgentRuntimeVersions", http.MethodPost, "/runtimes/{agentRuntimeId}/versions/", 200, true, ResourceRuntime)
	UpdateAgentRuntime       = runtimeOp("UpdateAgentRuntime", http.MethodPut, "/runtimes/{agentRuntimeId}/", 202, false, ResourceRuntime)
	DeleteAgentRuntime       = runtimeOp("DeleteAgentRuntime", http.MethodDelete, "/runtimes/{agentRuntimeId}/", 202, false, ResourceRuntime)

	CreateAgentRuntimeEndpoint = runtimeOp("CreateAgentRuntimeEndpoint", http.MethodPut, "/runtimes/{agentRuntimeId}/runtime-endpoints/", 202, false, ResourceRuntime, ResourceRuntimeEndpoint)
	GetAgentRuntimeEndpoint    = runtimeOp("GetAgentRuntimeEndpoint", http.MethodGet, "/runtimes/{agentRuntimeId}/runtime-endpoints/{endpointName}/", 200, true, ResourceRuntime, ResourceRuntimeEndpoint)
	ListAgentRuntimeEndpoints  = runtimeOp("ListAgentRuntimeEndpoints", http.MethodPost, "/runtimes/{agentRuntimeId}/runtime-endpoints/", 200, true, ResourceRuntime)
	UpdateAgentRuntimeEndpoint = runtimeOp("UpdateAgentRuntimeEndpoint", http.MethodPut, "/runtimes/{agentRuntimeId}/runtime-endpoints/{endpointName}/", 202, false, ResourceRuntime, ResourceRuntimeEndpoint)
	DeleteAgentRuntimeEndpoint = runtimeOp("DeleteAgentRuntimeEndpoint", http.MethodDelete, "/runtimes/{agentRuntimeId}/runtime-endpoints/{endpointName}/", 202, false, ResourceRuntime, ResourceRuntimeEndpoint)

	InvokeAgentRuntime = runtimeOp("InvokeAgentRuntime", http.MethodPost, "/runtimes/{agentRuntimeArn}/invocations", 200, false, ResourceRuntime, ResourceRuntimeEndpoint)
	StopRuntimeSession = runtimeOp("StopRuntimeSession", http.MethodPost, "/runtimes/{agentRuntimeArn}/stopruntimesession", 200, false, ResourceRuntime, ResourceRuntimeEndpoint)

	UploadAgentArchive  = lanyardOp("UploadAgentArchive", false)
	ListRuntimeSessions = lanyardRuntimeOp("ListRuntimeSessions", true)
	GetRuntimeLogs      = lanyardRuntimeOp("GetRuntimeLogs", true)
)

// runtimeOperations are the rows of agent runtimes.
func runtimeOperations() []Operation {
	return []Operation{
		CreateAgentRuntime, GetAgentRuntime, ListAgentRuntimes, ListAgentRuntimeVersions, UpdateAgentRuntime, DeleteAgentRuntime,
		CreateAgentRuntimeEndpoint, GetAgentRuntimeEndpoint, ListAgentRuntimeEndpoints, UpdateAgentRuntimeEndpoint, DeleteAgentRuntimeEndpoint,
		InvokeAgentRuntime, StopRuntimeSession, UploadAgentArchive, ListRuntimeSessions, GetRuntimeLogs,
	}
}
