package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

// jwtQuestion asks what one user's JWT is good for.
type jwtQuestion struct{ file, workload string }

func (q *jwtQuestion) flags(c *cobra.Command) {
	c.Flags().StringVar(&q.file, "jwt", "", "examine instead the user's JWT in this file (- for the standard input): what it is good for, and why not. It is never shown")
	c.Flags().StringVar(&q.workload, "workload", "", "with --jwt, also have the instance verify it for this workload identity")
}

// userJWT is a token taken apart for looking at it. Nothing is verified.
type userJWT struct{ header, claims map[string]any }

// examineJWT says what is known of a token without showing it.
func (d *doctor) examineJWT(ctx context.Context, q jwtQuestion, asJSON bool) error {
	if q.file == "" {
		return errors.New("--workload goes with --jwt; name the file of the user's JWT")
	}
	token, err := readJWT(d.env.stdin, q.file)
	if err != nil {
		return err
	}
	if j := d.checkForm(token); j != nil {
		d.checkVerifiable(j)
		d.checkNames(j)
		d.checkTimes(j)
		d.checkTrust(ctx, q.workload, token)
	}
	t := newTerminal(d.env)
	if asJSON {
		t.live = false
	}
	return d.report(t, asJSON)
}

// maxJWT is what the service takes.
const maxJWT = 128 << 10

func readJWT(stdin io.Reader, path string) (api.Sensitive, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if e, ok := errors.AsType[*fs.PathError](err); ok { // without the path: somebody may have given the token itself
			return "", fmt.Errorf("--jwt names a file, or - for the standard input, and this one cannot be read: %w. Never give the token itself: it would stay in the shell's history", e.Err)
		}
		if err != nil {
			return "", errors.New("--jwt: the file cannot be read")
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxJWT+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("--jwt: %w", err)
	case len(b) > maxJWT:
		return "", fmt.Errorf("--jwt: more than %d bytes, which is more than the service takes", maxJWT)
	}
	text := strings.TrimSpace(string(b))
	if scheme, rest, ok := strings.Cut(text, " "); ok && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(rest)
	}
	if text == "" {
		return "", errors.New("--jwt: there is no token in it")
	}
	return api.Sensitive(text), nil
}

// checkForm takes the token apart, or says what it is instead.
func (d *doctor) checkForm(token api.Sensitive) *userJWT {
	parts := strings.Split(string(token), ".")
	switch len(parts) {
	case 3:
	case 5: // RFC 7516 section 3.1
		d.add(broken, "form", "it is encrypted (JWE): only the service for which it was issued can read it", "ask the identity provider for a signed token of your own application")
		return nil
	default:
		d.add(broken, "form", "it is not a JWT but an opaque token: only its issuer knows what it means", "ask the identity provider for a token of your own application or API, which is a JWT with most of them; or "+byUserID)
		return nil
	}
	j := &userJWT{jsonSegment(parts[0]), jsonSegment(parts[1])}
	switch {
	case j.header == nil || j.claims == nil:
		d.add(broken, "form", "it looks like a JWT, and its header or its claims cannot be read", "check that it was copied whole")
		return nil
	case j.header["signer"] != nil:
		d.add(broken, "form", "it is the x-amzn-oidc-data header of a front door or load balancer, not a user's JWT: it is verified by signer and kid, and has no audience", byUserID)
		return nil
	}
	d.add(fine, "form", "a JWT, signed by "+claimText(j.header["alg"], "no named algorithm"), "")
	return j
}

func jsonSegment(s string) (out map[string]any) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || json.Unmarshal(b, &out) != nil {
		return nil
	}
	return out
}

func claimText(v any, otherwise string) string {
	if s, ok := v.(string); ok && s != "" {
		return cut(s, 200)
	}
	return otherwise
}

const byUserID = "behind a front door verify x-amzn-oidc-data and use its sub with GetWorkloadAccessTokenForUserId"

// ownScope is what mends a token of Microsoft Graph: Entra ID signs those so that Graph alone can verify them.
const ownScope = "either " + byUserID + ", or ask Entra ID for a token of your own application (scope api://CLIENT_ID/.default, or CLIENT_ID/.default) and forward that one by a rule of the front door"

var graphAudiences = []string{"00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com", "00000002-0000-0000-c000-000000000000", "https://graph.windows.net"}

// checkVerifiable finds tokens whose signature nobody here could ever verify.
func (d *doctor) checkVerifiable(j *userJWT) {
	alg := claimText(j.header["alg"], "none")
	forGraph := slices.ContainsFunc(j.audiences(), func(a string) bool { return slices.Contains(graphAudiences, strings.TrimRight(a, "/")) })
	switch {
	case forGraph:
		d.add(broken, "signature", "it is a token for Microsoft Graph, and Microsoft Graph alone can verify it: no other service is meant to, and Entra ID signs it so that none can", ownScope)
	case j.header["nonce"] != nil:
		d.add(broken, "signature", "its header has a nonce, as Entra ID's tokens for Microsoft Graph have: the signature is over another header than the one it shows, so Microsoft Graph alone can verify it", ownScope)
	case strings.EqualFold(alg, "none"):
		d.add(broken, "signature", "it is not signed (alg none)", "ask the identity provider for a signed token")
	case strings.HasPrefix(strings.ToUpper(alg), "HS"):
		d.add(broken, "signature", "it is signed with a shared secret ("+alg+"): whoever can verify it can also forge it", "have the identity provider sign with a key pair: RS256 or ES256")
	default:
		d.add(fine, "signature", "its issuer's published keys can verify it, if they have its kid", "")
	}
}

// checkNames says who issued it, for whom, and about whom.
func (d *doctor) checkNames(j *userJWT) {
	if issuer := claimText(j.claims["iss"], ""); issuer == "" {
		d.add(broken, "issuer", "it names none (iss)", "ask for a token of an OpenID Connect provider")
	} else {
		d.add(fine, "issuer", issuer, "")
	}
	var clients []string
	for _, name := range []string{"azp", "client_id", "cid", "appid"} {
		if c := claimText(j.claims[name], ""); c != "" && !slices.Contains(clients, c) {
			clients = append(clients, c)
		}
	}
	audiences := j.audiences()
	switch {
	case len(audiences)+len(clients) == 0:
		d.add(broken, "audience", "it names none (aud), and no client: nobody can tell for whom it was issued", "ask for a token with the audience of your application")
	case len(audiences) == 0:
		d.add(fine, "audience", "none; issued to client "+someOf(clients)+", which is what the instance then compares", "")
	default:
		d.add(fine, "audience", someOf(audiences)+issuedTo(clients), "")
	}
	switch sub := claimText(j.claims["sub"], ""); {
	case sub == "":
		d.add(broken, "user", "it names none (sub)", "ask for a token of a user who signed in")
	case slices.Contains(clients, sub) || claimText(j.claims["idtyp"], "") == "app":
		d.add(doubt, "user", "it names the application itself, not a user: it came from client credentials", "ask for a token of a user who signed in")
	default:
		d.add(fine, "user", "it names one (sub)", "")
	}
}

func issuedTo(clients []string) string {
	if len(clients) == 0 {
		return ""
	}
	return "; issued to client " + someOf(clients)
}

// audiences are those of aud, which is a string or a list (RFC 7519 section 4.1.3).
func (j *userJWT) audiences() []string {
	list, ok := j.claims["aud"].([]any)
	if !ok {
		list = []any{j.claims["aud"]}
	}
	var out []string
	for _, a := range list {
		if s := claimText(a, ""); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// checkTimes compares with this machine's clock.
func (d *doctor) checkTimes(j *userJWT) {
	now := d.env.now()
	if nbf, ok := momentOf(j.claims["nbf"]); ok && now.Before(nbf) {
		d.add(broken, "expiry", "it is not valid before "+nbf.UTC().Format(time.RFC3339), "wait, or set the clocks by NTP")
		return
	}
	exp, ok := momentOf(j.claims["exp"])
	left := exp.Sub(now).Round(time.Second)
	at := exp.UTC().Format(time.RFC3339)
	switch {
	case !ok:
		d.add(broken, "expiry", "it has none (exp), and would be good for ever", "ask for a token that expires")
	case left <= 0:
		d.add(broken, "expiry", fmt.Sprintf("it expired at %s, %s ago", at, -left), "sign in again; a front door forwards a fresh one with every request")
	case left < 5*time.Minute:
		d.add(doubt, "expiry", fmt.Sprintf("it expires at %s, in %s; workload access tokens made with it end then too", at, left), "")
	default:
		d.add(fine, "expiry", fmt.Sprintf("at %s, in %s; workload access tokens made with it end then at the latest", at, left), "")
	}
}

func momentOf(v any) (time.Time, bool) {
	seconds, ok := v.(float64)
	if !ok || seconds < 0 || seconds > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// checkTrust has the instance verify the token, as an agent's start would: its answer knows the listed issuers and their
// keys. What it gives for it is dropped.
func (d *doctor) checkTrust(ctx context.Context, workload string, token api.Sensitive) {
	if workload == "" {
		d.add(note, "trust", "whether the instance lists issuer and audience is known once it verifies the token", "lanyard doctor --jwt FILE --workload NAME")
		return
	}
	if slices.ContainsFunc(d.findings, func(f finding) bool { return f.Level == broken }) {
		d.add(note, "trust", "the instance was not asked: it would refuse what is broken above", "")
		return
	}
	c, err := connect(ctx, d.env)
	if err == nil {
		_, err = c.GetWorkloadAccessTokenForJWT(ctx, workload, token)
	}
	switch {
	case err == nil:
		d.add(fine, "trust", "the instance verified it for workload identity "+workload+" and gives workload access tokens for it", "")
	case errors.Is(err, client.ErrNoEndpoint):
		d.add(broken, "trust", "nothing names the instance to ask", evalFix)
	default:
		d.add(broken, "trust", err.Error(), "")
	}
}
