// Package api is the wire contract: the table of operations, their shapes with the constraints that every member must
// meet, and the exceptions that clients know by name. The names and spellings here are those of Amazon Bedrock
// AgentCore Identity, because unmodified AWS clients send and expect them; no other package uses wire names.
//
// The package protects the domain behind it from malformed input: SDKs check hardly anything, so what passes Validate
// is the first thing that may be trusted about a request, and only its form. It never decides who may do what, holds
// no state, and imports nothing but the standard library, so that the Go client can share it.
package api
