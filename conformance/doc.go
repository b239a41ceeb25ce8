// Package conformance holds the tests that run real clients, in their own languages, against a running lanyard.
//
// They prove the promise that unmodified clients work: the AWS SDKs for Python, JavaScript and Go, the AWS CLI and the
// bedrock-agentcore packages call Lanyard with nothing but the environment that `lanyard dev` writes, real identity
// providers stand on the other side, and a real browser gives the consent. README.md tells how to run them.
//
// The tests have the build tag conformance, so that `go test ./...` needs nothing but Go.
package conformance
