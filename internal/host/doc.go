// Package host runs agents: it starts their processes, hands them requests that the server has authorised, and ends them.
//
// It protects three parties. The server: an agent's code is untrusted, so this package runs in a process of its own that
// holds no vault key, reads no database and reaches the server only as a client. Users from each other: every session is
// one process, and a session belongs to the first user who used it. The operator's machine: an agent gets an environment
// made from nothing, limits, where the system allows it a user id and namespaces of its own, and no process of it
// outlives its session or this host.
//
// It trusts the one server whose certificate is pinned (package hostlink) for who a caller is and what an agent is told
// about it; it verifies no caller itself. It trusts the operator's configuration. It trusts nothing that an agent
// answers, prints, or asks of the credentials endpoint without that session's own token.
//
// # What separates agents
//
// On Linux with namespaces (root, or where users may make them): process ids, the mount table and System V memory are
// the session's own; the state directory and whatever the operator lists are hidden; when the last process of interest
// ends, the kernel ends all others. As root besides: a user id for each session. Python agents answer on a socket that
// they inherit and that has no port. Elsewhere agents share a user id with this host, which [Host.Isolation] says.
//
// The network is not separated. An agent reaches what this machine reaches, the cloud's metadata address included,
// unless the operator's firewall refuses the user ids of sessions. An agent that is not Python listens on a loopback port
// which other agents can connect to; the host itself checks that the port is held by the session's own process before it
// sends a user's token there.
//
// # What this package must never do
//
// It must never pass this process's environment on, start a process that could outlive it, send one user's request to
// another's process, tell anybody whose a session is, unpack a file outside its folder, or write a token to a log.
package host
