package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
)

const evalFix = `eval "$(lanyard env)"`

// planes are the variables by which AWS clients find the two halves of AgentCore Identity.
var planes = []string{"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL"}

// checkVariables looks at what AWS clients would read.
func (d *doctor) checkVariables() {
	all := d.env.getenv("AWS_ENDPOINT_URL")
	switch missing := slices.DeleteFunc(slices.Clone(planes), func(n string) bool { return d.env.getenv(n) != "" }); {
	case len(missing) == 0 && d.env.getenv(planes[0]) != d.env.getenv(planes[1]):
		d.add(doubt, "variables", planes[0]+" and "+planes[1]+" name different endpoints; Lanyard serves both on one", evalFix)
	case len(missing) == 0:
		d.add(fine, "variables", "AWS clients find Lanyard by their service-specific variables", "")
	case all != "":
		d.add(note, "variables", strings.Join(missing, " and ")+" not set; AWS_ENDPOINT_URL stands in", "")
	default:
		d.add(broken, "variables", strings.Join(missing, " and ")+" not set: AWS clients call AWS instead of Lanyard", evalFix)
	}
	if all != "" {
		d.add(doubt, "variables", "AWS_ENDPOINT_URL is set: it captures every AWS service, model calls to Bedrock and S3 included", "unset AWS_ENDPOINT_URL, or give each other service its own AWS_ENDPOINT_URL_<SERVICE>")
	}
	if v := d.env.getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"); strings.EqualFold(v, "true") {
		d.add(broken, "variables", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true: AWS clients ignore every endpoint variable", "unset AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
	}
	var poison []string
	for _, name := range []string{"BEDROCK_AGENTCORE_DP_ENDPOINT", "BEDROCK_AGENTCORE_CP_ENDPOINT", "BEDROCK_AGENTCORE_CONTROL_ENDPOINT"} {
		if d.env.getenv(name) != "" {
			poison = append(poison, name)
		}
	}
	if len(poison) > 0 {
		d.add(doubt, "variables", strings.Join(poison, " and ")+" set: parts of the bedrock-agentcore SDK refuse endpoints that are not AWS's when these are set (InvalidRegionError)", "unset "+strings.Join(poison, " ")+", unless the starter toolkit needs them")
	}
	if d.env.getenv("AWS_PROFILE") != "" && d.env.getenv("AWS_ACCESS_KEY_ID") != "" {
		d.add(doubt, "variables", "AWS_PROFILE is set beside access keys: some clients prefer the profile", "unset AWS_PROFILE")
	}
}

// checkEndpoint makes the client that all other checks use.
func (d *doctor) checkEndpoint(ctx context.Context) *client.Client {
	c, err := connect(ctx, d.env)
	switch {
	case errors.Is(err, client.ErrNoEndpoint):
		d.add(broken, "endpoint", "nothing names the instance to examine", evalFix)
		return nil
	case err != nil:
		d.add(broken, "endpoint", err.Error(), "correct the variable named, or "+evalFix)
		return nil
	}
	d.add(fine, "endpoint", c.Endpoint(), "")
	if v := d.env.getenv("LANYARD_ENDPOINT"); v != "" && strings.TrimRight(v, "/") != c.Endpoint() {
		d.add(doubt, "endpoint", "LANYARD_ENDPOINT names another instance than the AWS variables do", evalFix)
	}
	return c
}

// checkReachable asks for health, readiness and the time.
func (d *doctor) checkReachable(ctx context.Context, c *client.Client) bool {
	sent := d.env.now()
	got, err := fetch(ctx, c.Endpoint()+"/healthz")
	if err != nil {
		fix := "check the endpoint's host and port, and what stands between"
		if errors.Is(err, syscall.ECONNREFUSED) {
			fix = "start it (lanyard dev), or point this shell at where it runs: " + evalFix
		}
		d.add(broken, "reachable", "no answer: "+err.Error(), fix)
		return false
	}
	if got.code != http.StatusOK || got.header.Get("x-amzn-RequestId") == "" {
		d.add(broken, "reachable", fmt.Sprintf("something answers (%s), and it is not Lanyard", got.status), "check the endpoint's host and port: "+evalFix)
		return false
	}
	d.add(fine, "reachable", fmt.Sprintf("answers in %d ms", d.env.now().Sub(sent).Milliseconds()), "")
	d.checkClock(got.header.Get("Date"), sent)
	ready, err := fetch(ctx, c.Endpoint()+"/readyz")
	switch {
	case err != nil:
		d.add(broken, "ready", err.Error(), "look into the instance's log")
	case ready.code != http.StatusOK:
		d.add(broken, "ready", "the instance is "+cut(strings.TrimSpace(ready.body), 200), "look into the instance's log: its database or root key cannot be used")
	default:
		d.add(fine, "ready", "database and root key are usable", "")
	}
	return true
}

// checkClock compares clocks: a signature is good for five minutes either way.
func (d *doctor) checkClock(date string, sent time.Time) {
	at, err := http.ParseTime(date)
	if err != nil {
		return
	}
	skew := at.Sub(sent).Abs().Round(time.Second)
	switch {
	case skew > 5*time.Minute:
		d.add(broken, "clock", fmt.Sprintf("this machine and the instance differ by %s: every signature is refused", skew), "set both clocks by NTP")
	case skew > 30*time.Second:
		d.add(doubt, "clock", fmt.Sprintf("this machine and the instance differ by %s; from 5m on signatures are refused", skew), "set both clocks by NTP")
	default:
		d.add(fine, "clock", "agrees with the instance's", "")
	}
}

// checkCredentials makes one signed call.
func (d *doctor) checkCredentials(ctx context.Context, c *client.Client) bool {
	one := int32(1)
	_, err := c.ListWorkloadIdentities(ctx, &api.ListRequest{MaxResults: &one})
	ex, refused := errors.AsType[*api.Exception](err)
	switch {
	case err == nil:
		d.add(fine, "credentials", "accepted, signed for region "+c.Region(), "")
		return true
	case errors.Is(err, client.ErrNoCredentials):
		d.add(broken, "credentials", "there are none to sign with", evalFix)
	case refused && ex.Name == api.AccessDeniedException:
		d.add(doubt, "credentials", "accepted, but they may not list workload identities: "+ex.Message, "")
	case refused:
		fix := "use credentials of this instance: " + evalFix
		if d.env.getenv("AWS_SESSION_TOKEN") != "" {
			fix = "AWS_SESSION_TOKEN is set and belongs to other credentials; " + evalFix + " unsets it"
		}
		d.add(broken, "credentials", ex.Error(), fix)
	default:
		d.add(broken, "credentials", err.Error(), "")
	}
	return false
}

// mostExamined bounds how many workload identities are read one by one.
const mostExamined = 25

// checkReturnURLs finds workload identities that no user could consent for.
func (d *doctor) checkReturnURLs(ctx context.Context, c *client.Client) {
	examined, without, loopback := 0, []string{}, []string{}
	for item, err := range c.WorkloadIdentities(ctx) {
		if err != nil || examined == mostExamined {
			break
		}
		w, err := c.GetWorkloadIdentity(ctx, item.Name)
		if err != nil {
			continue // deleted meanwhile, or not for these credentials
		}
		examined++
		if len(w.ReturnURLs) == 0 {
			without = append(without, w.Name)
		}
		if slices.ContainsFunc(w.ReturnURLs, onLoopback) {
			loopback = append(loopback, w.Name)
		}
	}
	switch {
	case examined == 0:
		d.add(note, "return URLs", "there is no workload identity yet", "lanyard demo makes one, or: aws bedrock-agentcore-control create-workload-identity --name my-agent")
		return
	case len(without) == 0:
		d.add(fine, "return URLs", fmt.Sprintf("every workload identity has one (%d examined)", examined), "")
	default:
		d.add(doubt, "return URLs", "none registered for "+someOf(without)+": outside development no user can consent for them", "aws bedrock-agentcore-control update-workload-identity --name "+without[0]+" --allowed-resource-oauth2-return-urls URL")
	}
	if len(loopback) > 0 {
		d.add(note, "return URLs", "on this machine only (loopback): "+someOf(loopback)+". Good for development; remove them before users come", "")
	}
}

func onLoopback(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1")
}

func someOf(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}

// checkIssuer reads the development authorization server's discovery document.
func (d *doctor) checkIssuer(ctx context.Context) {
	issuer := d.env.getenv("LANYARD_DEV_ISSUER")
	if issuer == "" {
		d.add(note, "dev issuer", "LANYARD_DEV_ISSUER is not set; only the demo needs it", "")
		return
	}
	at := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	got, err := fetch(ctx, at)
	var document struct {
		Issuer string `json:"issuer"`
	}
	switch {
	case err != nil:
		d.add(broken, "dev issuer", at+": no answer: "+err.Error(), "start it with lanyard dev, or: "+evalFix)
	case got.code != http.StatusOK || json.Unmarshal([]byte(got.body), &document) != nil:
		d.add(broken, "dev issuer", at+" answers "+got.status+" and no discovery document", evalFix)
	case document.Issuer != issuer: // OpenID Connect Discovery section 4.3
		d.add(broken, "dev issuer", "its discovery document names "+cut(document.Issuer, 200)+" and not "+issuer, evalFix)
	default:
		d.add(fine, "dev issuer", issuer, "")
	}
}

// fetched is a small document, read and closed.
type fetched struct {
	code   int
	status string
	header http.Header
	body   string
}

// fetch gets a small document without credentials, and follows no redirect.
func fetch(ctx context.Context, address string) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fetched{}, err
	}
	h := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := h.Do(r)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return fetched{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 256<<10))
	return fetched{resp.StatusCode, resp.Status, resp.Header, string(body)}, err
}
