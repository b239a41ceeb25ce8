// Package agent is the container contract of an agent: what a Go program must serve so that an agent host can start it,
// look after it and pass it invocations.
//
// It protects the users of an agent from each other and from the agent's own mistakes: whose an invocation is (session,
// user, workload access token) is in the context of that invocation and nowhere else, an answer can only be written while
// its invocation lasts, a panic ends one invocation and not the process, and what a panic says stays in the log.
//
// It trusts whoever can reach its port: the identity headers are proof of nothing by themselves. The agent host sets them
// and strips what a caller sent under their names. So the port must be reachable by the host alone, and Run listens on
// loopback unless it is in a container. It must never be put behind a load balancer without something that does the
// host's work. Requests of a browser's page from elsewhere are refused.
//
//	POST /invocations   a JSON payload in; JSON, or a stream of server-sent events, out
//	GET /ping           {"status": "Healthy" or "HealthyBusy", "time_of_last_update": seconds}
package agent
