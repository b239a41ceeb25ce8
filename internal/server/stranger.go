package server

import (
	"net/http"
	"strings"

	"github.com/lanyard-id/lanyard/api"
)

// serviceVariables are the variables that point one service's clients elsewhere.
var serviceVariables = map[string]string{
	"sts": "AWS_ENDPOINT_URL_STS", "iam": "AWS_ENDPOINT_URL_IAM", "cognito-idp": "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
	"bedrock": "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "s3": "AWS_ENDPOINT_URL_S3",
}

// stranger answers calls that no route serves, in the protocol of whoever asked, with the variable that sends the call
// where it belongs: usually an endpoint variable redirects more services than it should.
func (s *Server) stranger(w http.ResponseWriter, r *http.Request) {
	service := scopeService(r)
	msg := "Lanyard serves no operation at " + r.Method + " " + clip(rawPath(r)) + " for service " + clip(service) + ". " + advice(service)
	switch {
	case isForm(r.Header.Get("Content-Type")):
		ex := &api.Exception{Name: api.InvalidAction, Message: msg}
		if err := (query{}).writeException(w, api.Operation{}, ex, ex.Name.Status()); err != nil {
			s.Log.DebugContext(r.Context(), "the client went away", "err", err)
		}
	case r.Header.Get("X-Amz-Target") != "" || service != "":
		w.Header().Set("X-Amzn-ErrorType", string(api.UnknownOperationException))
		ex := &api.Exception{Name: api.UnknownOperationException, Message: msg}
		if err := writeJSON(w, ex.Name.Status(), ex); err != nil {
			s.Log.DebugContext(r.Context(), "the client went away", "err", err)
		}
	default:
		plain(w, http.StatusNotFound, "Nothing is served here. AWS clients reach Lanyard by the variables that `lanyard env` prints.\n")
	}
}

// scopeService is the service that the request was signed for, "" when it was not signed.
func scopeService(r *http.Request) string {
	_, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		scope = r.URL.Query().Get("X-Amz-Credential")
	}
	parts := strings.SplitN(scope, "/", 6)
	if len(parts) < 5 {
		return ""
	}
	return parts[3]
}

func advice(service string) string {
	if v, ok := serviceVariables[service]; ok {
		return "To send this service's calls elsewhere, unset AWS_ENDPOINT_URL and " + v + ", or set " + v + " to that service's own endpoint"
	}
	return "To send this service's calls elsewhere, unset AWS_ENDPOINT_URL, or set AWS_ENDPOINT_URL_<SERVICE> to that service's own endpoint"
}
