package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/identity"
)

// upstream answers what the agent host asks: the credentials of a runtime's role, and whether an agent may call a model.
// The host is known by the certificate of its connection; what it says of a process is believed only as far as this
// server can tell that it sent the process there.
type upstream struct {
	identity *identity.Service
	authn    *authn.Authenticator
}

// NewUpstream returns what the agent host asks. It serves no network by itself: hostlink.UpstreamHandler does.
func NewUpstream(d *identity.Service, a *authn.Authenticator) hostlink.Upstream {
	return &upstream{d, a}
}

func process(p hostlink.Process) identity.RuntimeProcess {
	n, err := strconv.Atoi(p.Version)
	if err != nil {
		n = 0 // which no version has
	}
	return identity.RuntimeProcess{RuntimeARN: p.RuntimeARN, RuntimeID: p.RuntimeID, SessionID: p.SessionID, UserKey: p.UserKey, Version: n}
}

// Credentials implements hostlink.Upstream.
func (u *upstream) Credentials(ctx context.Context, p hostlink.Process) (hostlink.Credentials, error) {
	c, err := u.identity.RuntimeRole(ctx, process(p))
	if err != nil {
		return hostlink.Credentials{}, forHost(err)
	}
	return hostlink.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey.RevealString(), Token: c.SessionToken.RevealString(),
		Expiration: c.ExpiresAt, RoleARN: c.RoleARN}, nil
}

// forHost is an error as the link carries it. What is not meant for showing stays here.
func forHost(err error) error {
	e, ok := errors.AsType[*identity.Error](err)
	switch {
	case !ok || e.Code == identity.Internal:
		return hostlink.Errorf(hostlink.CodeInternal, "the server failed; its log says why")
	case e.Code == identity.Unavailable:
		return hostlink.Errorf(hostlink.CodeInternal, "%s", e.Message)
	default:
		return hostlink.Errorf(hostlink.CodeInvalid, "%s", e.Message)
	}
}

// ModelAccess implements hostlink.Upstream.
func (u *upstream) ModelAccess(ctx context.Context, call hostlink.ModelCall) error {
	r, hash, err := signedCall(ctx, call)
	if err != nil {
		return err
	}
	p := process(call.Process)
	action, model, ok := modelAction(call)
	if !ok {
		return hostlink.Errorf(hostlink.CodeInvalid, "Lanyard passes InvokeModel, InvokeModelWithResponseStream, Converse and ConverseStream on, and nothing else of Amazon Bedrock")
	}
	claim, err := u.authn.Claim(r, "bedrock")
	if err != nil {
		return notSigned(err)
	}
	caller, err := claim.Prove(hash, authn.Peer{})
	if err != nil {
		return notSigned(err)
	}
	if err := u.identity.AllowModelCall(ctx, caller, identity.ModelCall{Process: p, Action: action, Models: []string{modelARN(call.Region, caller.Account, model)}}); err != nil {
		return forHost(err)
	}
	return nil
}

func notSigned(err error) error {
	return hostlink.Errorf(hostlink.CodeInvalid, "the agent's signature does not hold: %s", err.Error())
}

// signedCall is the request as the agent signed it, for the one who verifies it.
func signedCall(ctx context.Context, call hostlink.ModelCall) (*http.Request, [sha256.Size]byte, error) {
	var hash [sha256.Size]byte
	b, err := hex.DecodeString(call.PayloadSHA256)
	if err != nil || len(b) != len(hash) {
		return nil, hash, hostlink.Errorf(hostlink.CodeInvalid, "the payload's hash is malformed")
	}
	copy(hash[:], b)
	u, err := url.ParseRequestURI(call.URI)
	if err != nil || !strings.HasPrefix(call.URI, "/") {
		return nil, hash, hostlink.Errorf(hostlink.CodeInvalid, "the request's path is malformed")
	}
	r := (&http.Request{Method: call.Method, URL: u, Host: call.Host, Header: call.Header, RequestURI: call.URI}).WithContext(ctx)
	return r, hash, nil
}

// modelActions are the actions that AWS asks for each operation of Bedrock Runtime that is passed on.
var modelActions = map[string]string{
	"invoke": "bedrock:InvokeModel", "converse": "bedrock:InvokeModel",
	"invoke-with-response-stream": "bedrock:InvokeModelWithResponseStream", "converse-stream": "bedrock:InvokeModelWithResponseStream",
}

// modelAction reads which model a call is for. The agent host puts its own prefix of three segments before the service's
// path.
func modelAction(call hostlink.ModelCall) (action, model string, ok bool) {
	path, _, _ := strings.Cut(call.URI, "?")
	parts := strings.Split(path, "/") // "", "models", the process's secret, the service, "model", the model, the operation
	if call.Service != "bedrock-runtime" || call.Method != http.MethodPost || len(parts) != 7 || parts[1] != "models" || parts[3] != call.Service || parts[4] != "model" {
		return "", "", false
	}
	action = modelActions[parts[6]]
	model, err := url.PathUnescape(parts[5])
	return action, model, err == nil && action != "" && model != ""
}

// modelARN is the resource on which policy decides. A profile of several regions is a resource of the account's.
func modelARN(region, account, model string) string {
	if strings.HasPrefix(model, "arn:") {
		return model
	}
	if area, rest, ok := strings.Cut(model, "."); ok && strings.Contains(rest, ".") && len(area) <= 6 && crossRegion[area] {
		return "arn:aws:bedrock:" + region + ":" + account + ":inference-profile/" + model
	}
	return "arn:aws:bedrock:" + region + "::foundation-model/" + model
}

// crossRegion are the prefixes of inference profiles over several regions.
var crossRegion = map[string]bool{"us": true, "us-gov": true, "eu": true, "apac": true, "jp": true, "au": true, "ca": true, "global": true}
