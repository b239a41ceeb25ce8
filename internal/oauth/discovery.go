package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	discoveryTimeout = 30 * time.Second
	maxListItems     = 128
	maxListItem      = 256
)

// Metadata is what an authorization server publishes about itself (RFC 8414
// section 2, OpenID Connect Discovery 1.0 section 3), as far as it is used.
type Metadata struct {
	Issuer                string
	AuthorizationEndpoint string // empty for a server without user consent
	TokenEndpoint         string
	RevocationEndpoint    string
	IssParameter          bool // RFC 9207 section 3
	AuthMethods           []AuthMethod
	AssertionAlgorithms   []string // token_endpoint_auth_signing_alg_values_supported
	ResponseTypes         []string
}

// Discover fetches the metadata at a discovery URL. The document is hostile until
// it has named the issuer that its URL stands for, and each of its endpoints has
// passed the outbound policy.
//
// A document is used for ten minutes, and for up to a day while its server cannot
// be reached. A document that has become wrong is never bridged by an old one.
func (e *Engine) Discover(ctx context.Context, discoveryURL string) (Metadata, error) {
	issuers, err := issuersOf(discoveryURL)
	if err != nil {
		return Metadata{}, err
	}
	if m, ok := e.discovery.fresh(discoveryURL, e.now()); ok {
		return m, nil
	}
	result := e.discovery.flight.DoChan(discoveryURL, func() (any, error) {
		// The fetch outlives the caller that happened to start it: others wait for it.
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), discoveryTimeout)
		defer cancel()
		return e.rediscover(shared, discoveryURL, issuers)
	})
	select {
	case <-ctx.Done():
		return Metadata{}, discoveryAnswer(discoveryURL, e.now()).transportError(ctx.Err())
	case r := <-result:
		if r.Err != nil {
			return Metadata{}, r.Err
		}
		return r.Val.(Metadata).clone(), nil
	}
}

func (e *Engine) rediscover(ctx context.Context, discoveryURL string, issuers []string) (Metadata, error) {
	if m, ok := e.discovery.fresh(discoveryURL, e.now()); ok { // another flight has just landed
		return m, nil
	}
	m, err := e.fetchMetadata(ctx, discoveryURL, issuers)
	if err == nil {
		e.discovery.put(discoveryURL, m, e.now())
		return m, nil
	}
	if KindOf(err) == Transient {
		if old, ok := e.discovery.stale(discoveryURL, e.now()); ok {
			return old, nil
		}
	}
	return Metadata{}, err
}

func discoveryAnswer(discoveryURL string, at time.Time) answer {
	return answer{op: "discovery", url: discoveryURL, at: at}
}

func (e *Engine) fetchMetadata(ctx context.Context, discoveryURL string, issuers []string) (Metadata, error) {
	a := discoveryAnswer(discoveryURL, e.now())
	resp, err := e.http.Get(ctx, discoveryURL, http.Header{"Accept": {"application/json"}})
	if err != nil {
		return Metadata{}, a.transportError(err)
	}
	if isBusy(resp) {
		busy := a.fail(Transient, resp.Status, "the discovery document is not available now")
		busy.RetryAfter = retryAfter(resp.Header, a.at)
		return Metadata{}, busy
	}
	if resp.Status != http.StatusOK {
		return Metadata{}, a.fail(Malformed, resp.Status, "there is no discovery document; correct the discovery URL")
	}
	members, err := objectMembers(resp.Body)
	if err != nil {
		return Metadata{}, a.fail(Malformed, resp.Status, "the discovery document cannot be read: "+err.Error())
	}
	m, flaw := readMetadata(members)
	if flaw == "" {
		flaw = issuerFlaw(m.Issuer, issuers)
	}
	if flaw != "" {
		return Metadata{}, a.fail(Malformed, resp.Status, flaw)
	}
	return m, e.checkEndpoints(discoveryURL, m)
}

// issuerFlaw holds OpenID Connect Discovery 1.0 section 4.3 and RFC 8414 section
// 3.3: without it, one server's document could speak for another's issuer.
func issuerFlaw(issuer string, expected []string) string {
	if slices.Contains(expected, issuer) {
		return ""
	}
	return "the document is of issuer " + printable(issuer, maxDescription) + ", but its URL belongs to " + expected[0] +
		"; use that issuer's discovery URL, or configure issuer and endpoints by hand"
}

// issuersOf returns the issuers that a document at the URL may name: the URL
// without its well-known part, with or without a final slash, where that part
// stands at the end (OpenID Connect Discovery 1.0 section 4) or between host and
// path (RFC 8414 section 3).
func issuersOf(discoveryURL string) ([]string, error) {
	u, err := url.Parse(discoveryURL)
	if err != nil || !inRange(discoveryURL, 0x21, 0x7e, maxURL) || (u.Scheme != "https" && u.Scheme != "http") ||
		u.Host == "" || u.User != nil || strings.ContainsAny(discoveryURL, "?#") {
		return nil, misconfigured("discovery", "", "the discovery URL must be an absolute https URL of at most %d characters without user, query and fragment", maxURL)
	}
	for _, wellKnown := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		before, after, found := strings.Cut(discoveryURL, wellKnown)
		origin := u.Scheme + "://" + u.Host
		switch {
		case !found:
		case after == "":
			return []string{before, before + "/"}, nil
		case before == origin && strings.HasPrefix(after, "/"):
			return []string{origin + after}, nil
		}
	}
	return nil, misconfigured("discovery", discoveryURL, "the discovery URL must end in /.well-known/openid-configuration or /.well-known/oauth-authorization-server")
}

func readMetadata(members map[string]any) (m Metadata, flaw string) {
	texts := []struct {
		name     string
		into     *string
		required bool
	}{
		{"issuer", &m.Issuer, true},
		{"token_endpoint", &m.TokenEndpoint, true},
		{"authorization_endpoint", &m.AuthorizationEndpoint, false},
		{"revocation_endpoint", &m.RevocationEndpoint, false},
	}
	for _, t := range texts {
		value, isText := members[t.name].(string)
		if members[t.name] == nil && !t.required {
			continue
		}
		if !isText || !inRange(value, 0x21, 0x7e, maxURL) {
			return Metadata{}, "the document's " + t.name + " is missing or no URL"
		}
		*t.into = value
	}
	m.IssParameter, _ = members["authorization_response_iss_parameter_supported"].(bool)
	for _, method := range readList(members["token_endpoint_auth_methods_supported"]) {
		m.AuthMethods = append(m.AuthMethods, AuthMethod(method))
	}
	m.AssertionAlgorithms = readList(members["token_endpoint_auth_signing_alg_values_supported"])
	m.ResponseTypes = readList(members["response_types_supported"])
	return m, ""
}

// readList keeps what is plain text: an advertisement that cannot be read
// advertises nothing.
func readList(value any) []string {
	items, _ := value.([]any)
	var list []string
	for _, item := range items {
		text, _ := item.(string)
		if len(list) < maxListItems && inRange(text, 0x20, 0x7e, maxListItem) {
			list = append(list, text)
		}
	}
	return list
}

// checkEndpoints refuses a document that points Lanyard, or the user's browser,
// where a configured URL may not point either.
func (e *Engine) checkEndpoints(discoveryURL string, m Metadata) error {
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint,
		"token_endpoint":         m.TokenEndpoint,
		"revocation_endpoint":    m.RevocationEndpoint,
	} {
		if endpoint == "" {
			continue
		}
		if _, err := e.http.Check(endpoint); err != nil {
			refusal := discoveryAnswer(discoveryURL, e.now()).transportError(err)
			refusal.Kind = Malformed
			refusal.Description = printable("the document's "+name+" "+bareURL(endpoint)+" is refused: "+refusal.Description, maxURL)
			return refusal
		}
	}
	return nil
}

func (m Metadata) clone() Metadata {
	m.AuthMethods = slices.Clone(m.AuthMethods)
	m.AssertionAlgorithms = slices.Clone(m.AssertionAlgorithms)
	m.ResponseTypes = slices.Clone(m.ResponseTypes)
	return m
}
