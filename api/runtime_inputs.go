package api

import "reflect"

// RuntimeInput is the input shape of an operation of agent runtimes, nil for any other: what places its members (see
// Located).
func RuntimeInput(op Operation) reflect.Type {
	switch op.Name {
	case CreateAgentRuntime.Name:
		return reflect.TypeFor[CreateAgentRuntimeRequest]()
	case UpdateAgentRuntime.Name:
		return reflect.TypeFor[UpdateAgentRuntimeRequest]()
	case GetAgentRuntime.Name:
		return reflect.TypeFor[GetAgentRuntimeRequest]()
	case DeleteAgentRuntime.Name:
		return reflect.TypeFor[DeleteAgentRuntimeRequest]()
	case ListAgentRuntimes.Name:
		return reflect.TypeFor[ListAgentRuntimesRequest]()
	case ListAgentRuntimeVersions.Name, ListAgentRuntimeEndpoints.Name:
		return reflect.TypeFor[AgentRuntimePage]()
	case CreateAgentRuntimeEndpoint.Name:
		return reflect.TypeFor[CreateAgentRuntimeEndpointRequest]()
	case UpdateAgentRuntimeEndpoint.Name:
		return reflect.TypeFor[UpdateAgentRuntimeEndpointRequest]()
	case GetAgentRuntimeEndpoint.Name:
		return reflect.TypeFor[AgentRuntimeEndpointName]()
	case DeleteAgentRuntimeEndpoint.Name:
		return reflect.TypeFor[DeleteAgentRuntimeEndpointRequest]()
	default:
		return sessionInput(op)
	}
}

func sessionInput(op Operation) reflect.Type {
	switch op.Name {
	case InvokeAgentRuntime.Name:
		return reflect.TypeFor[InvokeAgentRuntimeRequest]()
	case StopRuntimeSession.Name:
		return reflect.TypeFor[StopRuntimeSessionRequest]()
	case UploadAgentArchive.Name:
		return reflect.TypeFor[UploadAgentArchiveRequest]()
	case ListRuntimeSessions.Name:
		return reflect.TypeFor[ListRuntimeSessionsRequest]()
	case GetRuntimeLogs.Name:
		return reflect.TypeFor[GetRuntimeLogsRequest]()
	default:
		return nil
	}
}
