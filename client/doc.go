// Package client calls a running Lanyard: one typed method for each operation, signed with AWS credentials, and on top of
// them what an agent's tools need.
//
// # For tools
//
// ResourceToken gets a resource token, and where the user has to consent first, an *AuthorizationRequiredError or, with a
// callback, the token after the consent. TokenSource and Transport do so for packages that take an oauth2.TokenSource or
// an http.Client. WithResourceToken, WithAPIKey and WithWebIdentityToken make a tool of a function that needs a
// credential: the credential is neither in what a model fills in nor in what it reads. Whose tool it is, the workload
// access token says: that of the context, which package agent sets for each invocation, or of a WorkloadTokenSource.
//
// # What it protects
//
// Requests are signed (AWS Signature Version 4), answers are bounded in size and time, and plain http is refused outside
// the loopback interface unless it is asked for by a name that says insecure. Tokens, keys and secrets are api.Sensitive
// values, which no printing path shows; convert one with string(v) where it is used. A resource token is kept nowhere
// here, for a kept one outlives its revocation. Transport sends it to the hosts that are listed, over https, and nowhere
// else.
//
// It trusts the endpoint that it was configured with to be Lanyard, and nothing that the endpoint answers beyond that:
// redirects are not followed, messages are stripped of control characters, and lists that never end are given up.
// It must never call an endpoint that nobody named: there is no default, so that a forgotten variable cannot send a
// secret to a stranger. It must never act for one user in the name of another: there is no user beside that of the
// context or source, and local development, which makes one up, has to be asked for.
//
// # Configuration
//
// The endpoint is that of the option WithEndpoint; else of AWS_ENDPOINT_URL_BEDROCK_AGENTCORE (tokens, and Lanyard's own
// operations) and AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL (workload identities and credential providers), as for any
// AWS SDK, and AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL_IAM and AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER; else of
// LANYARD_ENDPOINT; else of AWS_ENDPOINT_URL. Credentials and region come from the default AWS chain, the keyless ways
// included: AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ENDPOINT_URL_STS beside it, for the chain itself.
package client
