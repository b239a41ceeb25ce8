package frontdoor

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The headers that carry the user to the backend. The wire fixes their names.
const (
	headerData        = "X-Amzn-Oidc-Data"
	headerIdentity    = "X-Amzn-Oidc-Identity"
	headerAccessToken = "X-Amzn-Oidc-Accesstoken"
	headerTrace       = "X-Amzn-Trace-Id"
)

// Headers by which some front door or other tells a backend who the user is, where a request came from or which path it
// was for, folded to letters and digits: programs take "_", "." and "-" in a header's name for one another (A42).
var (
	identityPrefixes = []string{"xamznoidc", "xamznbedrockagentcore", "xforwarded", "xremote",
		"xmsclientprincipal", "xmstoken", "xgoogauthenticated", "xgoogiap", "cfaccess", "xwebauth", "xssl", "sslclient", "xclientcert",
		"xauthuser", "xauthrequest", "xauthemail", "xauthname", "xauthgroups", "xauthroles", "xauthsub", "xauthid", "xuser", "xvouch", "xpomerium", "xconsumer", "tailscaleuser", "tailscaleheaders"}
	identityNames = []string{"workloadaccesstoken", "oauth2callbackurl", "forwarded", "xrealip", "xclientip", "clientip", "trueclientip", "cfconnectingip",
		"cfconnectingipv6", "xclusterclientip", "fastlyclientip", "xazureclientip", "xazuresocketip", "xscheme", "xurlscheme", "frontendhttps",
		"remoteuser", "xemail", "xgroups", "xroles", "xoriginalurl", "xoriginaluri", "xoriginalhost", "xoriginalmethod", "xrewriteurl", "xamzntraceid", "xhost"}
)

// isIdentity tells a header that only the front door may write. more are names of the operator's, folded.
func isIdentity(name string, more []string) bool {
	f := fold(name)
	return slices.Contains(more, f) || slices.Contains(identityNames, f) || slices.ContainsFunc(identityPrefixes, func(p string) bool { return strings.HasPrefix(f, p) })
}

// fold keeps letters and digits, in lower case.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + ('a' - 'A')
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		default:
			return -1
		}
	}, name)
}

// foldNames folds the operator's names of headers to strip, and refuses what is no name.
func foldNames(names []string) ([]string, error) {
	folded := make([]string, len(names))
	for i, n := range names {
		if folded[i] = fold(n); folded[i] == "" || !mayBeIdentity(http.CanonicalHeaderKey(n)) {
			return nil, fmt.Errorf("strip_headers: %q is not the name of a header by which a backend could take somebody for a user", n)
		}
	}
	return folded, nil
}

// stripIdentity removes every header that is known to tell a backend who the user is, and those that the operator names.
func stripIdentity(h http.Header, more []string) {
	for name := range h {
		if mayBeIdentity(name) && isIdentity(name, more) {
			delete(h, name)
		}
	}
}

// mayBeIdentity spares the fold of the names that browsers send with every request.
func mayBeIdentity(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Length", "Content-Type", "Cookie", "Origin", "Pragma",
		"Priority", "Referer", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "User-Agent":
		return false
	}
	return true
}

// stripCookies keeps the front door's own cookies from the backend: who has them is signed in.
func stripCookies(h http.Header, owns func(name string) bool) {
	lines, ok := h["Cookie"]
	if !ok {
		return
	}
	var kept []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			name, _, _ := strings.Cut(pair, "=")
			if pair != "" && !owns(strings.TrimSpace(name)) {
				kept = append(kept, pair)
			}
		}
	}
	if kept == nil {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = []string{strings.Join(kept, "; ")}
}

// guardSetCookie keeps a backend from setting the front door's cookies. It may delete them: that is how an application
// behind a load balancer signs its user out.
func guardSetCookie(h http.Header, owns func(name string) bool, now time.Time) {
	lines := h["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		if !owns(strings.TrimSpace(name)) {
			kept = append(kept, line)
			continue
		}
		c, err := http.ParseSetCookie(line)
		if err == nil && (c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(now)) {
			gone := http.Cookie{Name: c.Name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: c.Secure, SameSite: http.SameSiteLaxMode}
			kept = append(kept, gone.String())
		}
	}
	h["Set-Cookie"] = kept
}
