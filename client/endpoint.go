package client

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// Variables that name the endpoint, the first that is set winning.
const (
	envData    = "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE"
	envControl = "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL"
	envSTS     = "AWS_ENDPOINT_URL_STS"
	envIAM     = "AWS_ENDPOINT_URL_IAM"
	envCognito = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"
	envLanyard = "LANYARD_ENDPOINT"
	envAll     = "AWS_ENDPOINT_URL"
)

// endpoints are the two planes and the services beside them, usually one listener, without a trailing slash.
type endpoints struct {
	data, control, sts, iam, cognito string
	// refused are the endpoints that only some callers need: a variable that is meant for something else than Lanyard must
	// not keep the others from their work.
	refused map[api.Service]error
}

func (o *options) endpoints() (endpoints, error) {
	data, from := o.named(envData, envControl)
	control, controlFrom := o.named(envControl, envData)
	if data == "" {
		return endpoints{}, ErrNoEndpoint
	}
	var e endpoints
	var err error
	if e.data, err = checkEndpoint(from, data, o.insecureHTTP); err != nil {
		return e, err
	}
	if e.control, err = checkEndpoint(controlFrom, control, o.insecureHTTP); err != nil {
		return e, err
	}
	e.refused = map[api.Service]error{}
	if e.iam, err = o.beside(envIAM, e.data); err != nil {
		e.refused[api.IAM] = err
	}
	if e.cognito, err = o.beside(envCognito, e.data); err != nil {
		e.refused[api.CognitoIDP] = err
	}
	e.sts, err = o.beside(envSTS, e.data)
	return e, err
}

// beside is the endpoint of a service that has a variable of its own.
func (o *options) beside(own, otherwise string) (string, error) {
	value, from := o.named(own, envData)
	if value == "" {
		return otherwise, nil
	}
	return checkEndpoint(from, value, o.insecureHTTP)
}

// named finds the endpoint of one plane. The other plane's variable comes last: one listener serves both, and a shell
// with only one of the two set means that one.
func (o *options) named(own, other string) (value, from string) {
	if o.endpoint != "" {
		return o.endpoint, "WithEndpoint"
	}
	for _, name := range []string{own, envLanyard, envAll, other} {
		if v := o.getenv(name); v != "" {
			return v, name
		}
	}
	return "", ""
}

// checkEndpoint accepts an absolute http or https URL and returns it without a trailing slash.
func checkEndpoint(from, raw string, insecureHTTP bool) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%s is not an http or https URL such as http://127.0.0.1:8585", from)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%s must be scheme, host and at most a path: no user name, query or fragment", from)
	case u.Scheme == "http" && !isLoopback(u.Hostname()) && !insecureHTTP:
		return "", fmt.Errorf("%s is plain http to %s, where everybody on the way can read the tokens: use https, or allow it by name (client.WithInsecureHTTP; for the command line, LANYARD_INSECURE_HTTP=1)", from, u.Hostname())
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func isLoopback(host string) bool {
	if strings.HasSuffix(host, ".localhost") { // RFC 6761 section 6.3
		return true
	}
	return isThisMachine(host)
}

// isThisMachine is narrower: the names below localhost are often given to other containers of a network, whatever RFC 6761
// says, and a resource token must not travel there in the clear.
func isThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// of is the endpoint of an operation.
func (e endpoints) of(op api.Operation) string {
	switch {
	case op.Service == api.STS:
		return e.sts
	case op.Service == api.IAM:
		return e.iam
	case op.Service == api.CognitoIDP:
		return e.cognito
	case isDataPlane(op):
		return e.data
	default:
		return e.control
	}
}

// isDataPlane tells the operations that AWS clients send to the data plane.
func isDataPlane(op api.Operation) bool {
	switch op.Name {
	case api.GetWorkloadAccessToken.Name, api.GetWorkloadAccessTokenForJWT.Name, api.GetWorkloadAccessTokenForUserId.Name,
		api.GetResourceOauth2Token.Name, api.GetResourceApiKey.Name, api.CompleteResourceTokenAuth.Name,
		api.InvokeAgentRuntime.Name, api.StopRuntimeSession.Name:
		return true
	}
	return op.Service == api.Lanyard
}
