// Package githubtest is a stand-in for GitHub's OAuth and user endpoints, as GitHub documents them: the answers that
// differ from RFC 6749 are the reason why it exists.
//
// It protects nothing and trusts whoever can reach it: anybody may sign in as any user. It is for tests on a loopback
// address and must never be part of a service.
//
// What it keeps of the original, because clients stumble over it:
//
//   - The token endpoint answers with a form unless the client asks for JSON.
//   - Its errors come with status 200.
//   - Scopes are asked for with spaces, answered with commas, and those that another one implies are dropped.
//   - OAuth apps get tokens without expiry (gho_); GitHub Apps get expiring ones (ghu_) with a refresh token (ghr_),
//     no scope, and a refresh kills the old access token together with the old refresh token.
//   - A request without a User-Agent is refused.
//   - Without the scope repo, an OAuth app's token lists public repositories only.
package githubtest
