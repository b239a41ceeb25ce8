package devidp

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits on an authorization request. Whatever a request can make us remember or repeat is bounded here.
const (
	maxQuery     = 8 << 10
	maxURL       = 2048
	maxState     = 2048
	maxNonce     = 512
	maxHint      = 256
	maxScopeText = 2048
	maxScopes    = 64
	maxAudiences = 16
)

// authorizationRequest is a checked authorization request (RFC 6749, 4.1.1).
type authorizationRequest struct {
	query       url.Values // as it came; the forms carry it on, and every step checks it anew
	client      client
	redirectURI string
	state       string
	nonce       string
	challenge   string
	loginHint   string
	scopes      []string
	audiences   []string
	prompt      []string
	maxAge      time.Duration // negative when not asked for
}

// untrustedRequest is a request whose redirect_uri cannot be trusted: it ends on a page here, never in a redirect
// (RFC 6749, 4.1.2.1).
type untrustedRequest struct {
	status     int
	what, next string
}

func (e *untrustedRequest) Error() string { return "devidp: authorization request refused: " + e.what }

// authorizationError is told to the client through its redirect_uri (RFC 6749, 4.1.2.1).
type authorizationError struct{ code, description string }

func (e *authorizationError) Error() string { return "devidp: " + e.code + ": " + e.description }

func invalidRequest(description string) error {
	return &authorizationError{code: "invalid_request", description: description}
}

// parseAuthorization checks a raw query. The error is *untrustedRequest or *authorizationError; with the latter the
// request is returned too, for it says where the error goes.
func (s *Server) parseAuthorization(ctx context.Context, rawQuery string) (*authorizationRequest, error) {
	if len(rawQuery) > maxQuery {
		return nil, &untrustedRequest{http.StatusRequestURITooLong,
			"The sign-in link is longer than " + strconv.Itoa(maxQuery) + " characters.", "Ask for fewer scopes, or a shorter state."}
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, &untrustedRequest{http.StatusBadRequest,
			"The sign-in link is damaged: its query is not form-encoded.", "Copy the whole link and open it again."}
	}
	req := &authorizationRequest{query: query, maxAge: -1}
	if err := s.checkClient(ctx, req); err != nil {
		return nil, err
	}
	req.state = query.Get("state")
	for _, check := range []func(*authorizationRequest) error{
		checkRepeats, checkText, checkResponse, checkPKCE, checkScopes, checkAudiences, checkPrompt, checkMaxAge,
	} {
		if err := check(req); err != nil {
			return req, err
		}
	}
	return req, nil
}

// checkClient establishes where an answer may be sent at all, before anything else is looked at.
func (s *Server) checkClient(ctx context.Context, req *authorizationRequest) error {
	ids, uris := req.query["client_id"], req.query["redirect_uri"]
	if len(ids) != 1 || len(uris) != 1 {
		return &untrustedRequest{http.StatusBadRequest, "The sign-in link needs exactly one client_id and one redirect_uri.",
			"Open the link from the application once more."}
	}
	c, ok, err := s.directory.clientByID(ctx, ids[0])
	if err != nil {
		return err
	}
	if !ok {
		return &untrustedRequest{http.StatusBadRequest, "This server does not know the client_id in the sign-in link.",
			"Set the credential provider's client id to one that is registered here."}
	}
	if !redirectable(uris[0]) || !c.redirects(uris[0]) {
		return &untrustedRequest{http.StatusBadRequest, "The redirect_uri in the sign-in link is not a callback URL of this client.",
			"Use the callback URL that the credential provider shows, letter by letter."}
	}
	req.client, req.redirectURI = c, uris[0]
	return nil
}

// redirectable refuses what no callback URL may be, whatever the configuration says: a scheme that runs script, a
// fragment (RFC 6749, 3.1.2), credentials in the host part, or parameters that our own answer would double.
func redirectable(raw string) bool {
	if len(raw) > maxURL || strings.Contains(raw, "#") || !isVisibleASCII(raw) {
		return false
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return false
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return false
	}
	for _, reserved := range []string{"code", "state", "iss", "error", "error_description"} {
		if query.Has(reserved) {
			return false
		}
	}
	return true
}

// repeatable are the parameters that may come more than once (RFC 8707, 2).
var repeatable = []string{"resource", "audience"}

// checkRepeats holds to RFC 6749, 3.1: a parameter comes once. Which of two states is the true one cannot be told, so
// neither is sent back.
func checkRepeats(req *authorizationRequest) error {
	for name, values := range req.query {
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			if name == "state" {
				req.state = ""
			}
			return invalidRequest("a parameter is repeated")
		}
	}
	return nil
}

func checkText(req *authorizationRequest) error {
	if len(req.state) > maxState || !isVisibleASCII(req.state) {
		req.state = ""
		return invalidRequest("state must be at most " + strconv.Itoa(maxState) + " printable ASCII characters")
	}
	req.nonce, req.loginHint = req.query.Get("nonce"), req.query.Get("login_hint")
	if len(req.nonce) > maxNonce || !isVisibleASCII(req.nonce) {
		return invalidRequest("nonce must be at most " + strconv.Itoa(maxNonce) + " printable ASCII characters")
	}
	if len(req.loginHint) > maxHint {
		return invalidRequest("login_hint must be at most " + strconv.Itoa(maxHint) + " bytes")
	}
	return nil
}

func checkResponse(req *authorizationRequest) error {
	switch {
	case req.query.Has("request"):
		return &authorizationError{"request_not_supported", "request objects are not supported"}
	case req.query.Has("request_uri"):
		return &authorizationError{"request_uri_not_supported", "request_uri is not supported"}
	case !req.client.mayUse(grantCode):
		return &authorizationError{"unauthorized_client", "the client is not registered for the authorization code flow"}
	case req.query.Get("response_type") != "code":
		return &authorizationError{"unsupported_response_type", "response_type must be code"}
	case req.query.Has("response_mode") && req.query.Get("response_mode") != "query":
		return invalidRequest("response_mode must be query")
	}
	return nil
}

// checkPKCE demands S256 (RFC 7636, 4.3 and 4.4.1): a missing method would mean plain, which protects nothing once the
// authorization request was seen.
func checkPKCE(req *authorizationRequest) error {
	req.challenge = req.query.Get("code_challenge")
	if req.challenge == "" && req.client.noPKCE && !req.query.Has("code_challenge_method") {
		return nil
	}
	if req.challenge == "" {
		return invalidRequest("code_challenge is required")
	}
	if req.query.Get("code_challenge_method") != "S256" {
		return invalidRequest("code_challenge_method must be S256")
	}
	if sum, err := base64.RawURLEncoding.Strict().DecodeString(req.challenge); err != nil || len(sum) != 32 {
		return invalidRequest("code_challenge must be the base64url text of a SHA-256 hash, 43 characters")
	}
	return nil
}

func checkScopes(req *authorizationRequest) (err error) {
	asked, err := parseScopes(req.query.Get("scope"))
	if err == nil {
		req.scopes, err = req.client.scopes(asked, grantCode)
	}
	return err
}

// parseScopes splits a scope parameter (RFC 6749, 3.3), without doubles and in the order asked.
func parseScopes(text string) ([]string, error) {
	invalid := func(why string) ([]string, error) {
		return nil, &authorizationError{"invalid_scope", why}
	}
	if len(text) > maxScopeText {
		return invalid("scope must be at most " + strconv.Itoa(maxScopeText) + " characters")
	}
	scopes := []string{}
	for scope := range strings.SplitSeq(text, " ") {
		if strings.ContainsAny(scope, `"\`) || !isVisibleASCII(scope) {
			return invalid(`scope holds a character other than printable ASCII without " and \`)
		}
		if scope != "" && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) > maxScopes {
		return invalid("scope must hold at most " + strconv.Itoa(maxScopes) + " scopes")
	}
	return scopes, nil
}

func checkAudiences(req *authorizationRequest) (err error) {
	req.audiences, err = parseAudiences(req.query)
	return err
}

// parseAudiences collects the resource parameters (RFC 8707, 2: absolute URIs without fragment) and the audience ones
// that some providers take in their stead (any text).
func parseAudiences(query url.Values) ([]string, error) {
	invalid := func(why string) ([]string, error) {
		return nil, &authorizationError{"invalid_target", why}
	}
	audiences := []string{}
	for _, resource := range query["resource"] {
		u, err := url.Parse(resource)
		if err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return invalid("resource must be an absolute URI without fragment")
		}
	}
	for _, audience := range slices.Concat(query["resource"], query["audience"]) {
		if audience == "" || len(audience) > maxURL || !isVisibleASCII(audience) {
			return invalid("resource and audience must be 1 to " + strconv.Itoa(maxURL) + " printable ASCII characters")
		}
		if !slices.Contains(audiences, audience) {
			audiences = append(audiences, audience)
		}
	}
	if len(audiences) > maxAudiences {
		return invalid("at most " + strconv.Itoa(maxAudiences) + " resources and audiences may be asked for")
	}
	return audiences, nil
}

// checkPrompt holds to OpenID Connect Core, 3.1.2.1: none stands alone.
func checkPrompt(req *authorizationRequest) error {
	req.prompt = strings.Fields(req.query.Get("prompt"))
	for _, p := range req.prompt {
		switch p {
		case "none", "login", "consent", "select_account":
		default:
			return invalidRequest("prompt must be none, login, consent or select_account")
		}
	}
	if req.prompts("none") && len(req.prompt) > 1 {
		return invalidRequest("prompt=none cannot be combined")
	}
	return nil
}

func checkMaxAge(req *authorizationRequest) error {
	text := req.query.Get("max_age")
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return invalidRequest("max_age must be a number of seconds")
	}
	req.maxAge = time.Duration(seconds) * time.Second
	return nil
}

func (r *authorizationRequest) prompts(value string) bool { return slices.Contains(r.prompt, value) }

// needsLogin reports whether a browser that is signed in has to sign in again.
func (r *authorizationRequest) needsLogin(in session, now time.Time) bool {
	return r.prompts("login") || r.prompts("select_account") || (r.maxAge >= 0 && now.Sub(in.AuthAt) > r.maxAge)
}

// afterLogin is the request with its wish for a fresh sign-in fulfilled; with the wish left in, the browser would be
// asked for ever. The client sees from auth_time that it was honoured.
func (r *authorizationRequest) afterLogin() *authorizationRequest {
	next := *r
	next.query = url.Values{}
	for name, values := range r.query {
		next.query[name] = values
	}
	next.prompt = slices.DeleteFunc(slices.Clone(r.prompt), func(p string) bool { return p == "login" || p == "select_account" })
	next.maxAge = -1
	next.query.Del("max_age")
	next.query.Del("prompt")
	if len(next.prompt) > 0 {
		next.query.Set("prompt", strings.Join(next.prompt, " "))
	}
	return &next
}

// response builds an authorization response: the redirect_uri with its own query kept (RFC 6749, 3.1.2), state as it
// came, and iss (RFC 9207, 2) in answers and errors alike.
func (r *authorizationRequest) response(issuer string, params url.Values) string {
	u, err := url.Parse(r.redirectURI)
	if err != nil {
		panic("devidp: redirect_uri was accepted but does not parse") // checkClient parsed the same text
	}
	params.Set("iss", issuer)
	if r.state != "" {
		params.Set("state", r.state)
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += params.Encode()
	return u.String()
}

func isVisibleASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e })
}
