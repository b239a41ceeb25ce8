// Package client calls a running Lanyard: one typed method for each operation, signed with AWS credentials.
//
// It protects what travels: requests are signed (AWS Signature Version 4), answers are bounded in size and time, and
// plain http is refused outside the loopback interface unless it is asked for by a name that says insecure. Tokens, keys
// and secrets are api.Sensitive values, which no printing path shows; convert one with string(v) where it is used.
//
// It trusts the endpoint that it was configured with to be Lanyard, and nothing that the endpoint answers beyond that:
// redirects are not followed, messages are stripped of control characters, and lists that never end are given up.
// It must never call an endpoint that nobody named: there is no default, so that a forgotten variable cannot send a
// secret to a stranger.
//
// The endpoint is that of the option WithEndpoint; else of AWS_ENDPOINT_URL_BEDROCK_AGENTCORE (tokens, and Lanyard's own
// operations) and AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL (workload identities and credential providers), as for any
// AWS SDK, and AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL_IAM and AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER; else of LANYARD_ENDPOINT; else of AWS_ENDPOINT_URL. Credentials and region come from the default AWS chain.
package client
