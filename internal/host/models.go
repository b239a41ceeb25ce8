package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// ModelService is an AWS service that agents may call with the operator's credentials, once the server has verified the
// call and policy has allowed it.
type ModelService struct {
	Service string // bedrock-runtime
	Region  string
	URL     string // where it is; the service's public address when empty
	// Credentials sign; the default AWS chain of this process when nil.
	Credentials aws.CredentialsProvider
}

// modelVariable and signing name of each service that may be named. Services that hold data, Amazon S3 above all, are
// not to be added: what an agent could reach there is not a matter of models.
var modelServices = map[string]struct{ variable, signing string }{
	"bedrock-runtime": {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "bedrock"},
}

func (m *ModelService) check() error {
	if _, ok := modelServices[m.Service]; !ok {
		return fmt.Errorf("host: models: %q cannot be passed through; bedrock-runtime can", m.Service)
	}
	if m.Region == "" {
		return errors.New("host: models: name the region of " + m.Service)
	}
	if m.URL == "" {
		m.URL = "https://" + m.Service + "." + m.Region + ".amazonaws.com"
	}
	u, err := url.Parse(m.URL)
	if err != nil || u.Host == "" || u.Path != "" || u.User != nil || u.Scheme != "https" && u.Hostname() != "127.0.0.1" {
		return fmt.Errorf("host: models: url %q: want https://HOST", m.URL)
	}
	return nil
}

// modelProxy passes agents' calls of models on. It holds the operator's AWS credentials, which no agent ever sees: what
// the agent signed goes to the server to be verified, and the call is signed anew.
type modelProxy struct {
	services map[string]*modelTarget
	upstream hostlink.Upstream
	now      func() time.Time
	log      *slog.Logger
	signer   *v4.Signer
	client   *http.Client
	address  string

	mu      sync.Mutex
	callers map[string]hostlink.Process // by the secret part of the path
}

type modelTarget struct {
	ModelService
	base *url.URL
}

func newModelProxy(ctx context.Context, services []ModelService, up hostlink.Upstream, now func() time.Time, log *slog.Logger) (*modelProxy, error) {
	m := &modelProxy{
		services: map[string]*modelTarget{}, upstream: up, now: now, log: log, callers: map[string]hostlink.Process{}, signer: v4.NewSigner(),
		client: &http.Client{Transport: &http.Transport{TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	for _, s := range services {
		if err := s.check(); err != nil {
			return nil, err
		}
		u, err := url.Parse(s.URL)
		if err != nil {
			return nil, err
		}
		if s.Credentials == nil {
			cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Region))
			if err != nil {
				return nil, fmt.Errorf("host: the operator's AWS configuration: %w", err)
			}
			s.Credentials = cfg.Credentials
		}
		m.services[s.Service] = &modelTarget{s, u}
	}
	return m, nil
}

func (m *modelProxy) register(p *process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.callers[p.model] = p.link()
}

func (m *modelProxy) forget(p *process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.callers, p.model)
}

func (m *modelProxy) caller(secret string) (hostlink.Process, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.callers[secret]
	return p, ok
}

const pathModels = "/models/"

// modelVariables lead an agent's AWS SDK to the proxy.
func (h *Host) modelVariables(p *process) map[string]string {
	out := map[string]string{}
	for name := range h.models.services {
		out[modelServices[name].variable] = "http://" + h.models.address + pathModels + p.model + "/" + name
	}
	return out
}

// maxModelBody bounds a call, which is held while the server decides.
const maxModelBody = 25 << 20

func (m *modelProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secret, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), pathModels), "/")
	service, path, _ := strings.Cut(rest, "/")
	process, known := m.caller(secret)
	target := m.services[service]
	problem := foreignHeader(r.Header)
	switch {
	case !known || target == nil || r.Host != m.address || problem != "":
		modelError(w, http.StatusForbidden, "AccessDeniedException", "this address is for a running agent's calls of a model alone")
		return
	case r.ContentLength > maxModelBody:
		modelError(w, http.StatusRequestEntityTooLarge, "ValidationException", "the request is too large")
		return
	}
	body, err := readModelBody(w, r)
	if err != nil {
		modelError(w, http.StatusBadRequest, "ValidationException", "the request's body could not be read")
		return
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	call := hostlink.ModelCall{Process: process, Service: service, Region: target.Region, Method: r.Method, Host: r.Host, URI: r.URL.RequestURI(), Header: r.Header, PayloadSHA256: hash}
	if err := m.upstream.ModelAccess(r.Context(), call); err != nil {
		m.log.Info("a call of a model was refused", "runtime", process.RuntimeID, "session", process.SessionID, "err", hostlink.AsError(err))
		modelError(w, http.StatusForbidden, "AccessDeniedException", hostlink.AsError(err).Message)
		return
	}
	m.pass(w, r, target, "/"+path, body, hash)
}

// modelBodyTime bounds the reading of a call; its answer may stream for as long as the model takes.
const modelBodyTime = 30 * time.Second

func readModelBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(modelBodyTime)); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxModelBody))
	return body, errors.Join(err, control.SetReadDeadline(time.Time{}))
}

// modelHeaders are those of the agent's request that go on. Its signature and session token do not.
var modelHeaders = []string{"Content-Type", "Accept", "X-Amzn-Bedrock-Trace", "X-Amzn-Bedrock-Guardrailidentifier", "X-Amzn-Bedrock-Guardrailversion", "X-Amzn-Bedrock-Accept"}

// pass signs the call with the operator's credentials and streams the answer.
func (m *modelProxy) pass(w http.ResponseWriter, r *http.Request, t *modelTarget, path string, body []byte, hash string) {
	u := *t.base
	u.RawQuery = r.URL.RawQuery
	req, err := http.NewRequestWithContext(r.Context(), r.Method, u.String(), bytes.NewReader(body))
	if err == nil {
		req.URL.Path, err = url.PathUnescape(path)
		req.URL.RawPath = path
	}
	if err != nil {
		modelError(w, http.StatusBadRequest, "ValidationException", "the request's path is malformed")
		return
	}
	for _, name := range modelHeaders {
		if v := r.Header.Values(name); len(v) > 0 {
			req.Header[name] = v
		}
	}
	creds, err := t.Credentials.Retrieve(r.Context())
	if err == nil {
		err = m.signer.SignHTTP(r.Context(), creds, req, hash, modelServices[t.Service].signing, t.Region, m.now())
	}
	if err != nil {
		m.log.Error("a call of a model could not be signed with the operator's credentials", "err", err)
		modelError(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "the agent host has no AWS credentials for "+t.Service)
		return
	}
	res, err := m.client.Do(req) //nolint:gosec // the operator configured the target
	if err != nil {
		modelError(w, http.StatusBadGateway, "ServiceUnavailableException", t.Service+" cannot be reached from the agent host")
		return
	}
	defer res.Body.Close()
	relay(w, res)
}

// relay streams a model's answer.
func relay(w http.ResponseWriter, res *http.Response) {
	for _, name := range []string{"Content-Type", "X-Amzn-Requestid", "X-Amzn-Errortype", "X-Amzn-Bedrock-Content-Type", "Retry-After"} {
		if v := res.Header.Values(name); len(v) > 0 {
			w.Header()[name] = v
		}
	}
	w.WriteHeader(res.StatusCode)
	if err := copyFlushed(w, res.Body); err != nil {
		panic(http.ErrAbortHandler) // what broke off must not look complete
	}
}

func modelError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	credentialsError(w, status, kind, message)
}

// localHandler answers agents on the loopback interface.
func (h *Host) localHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // no mux: it would mend paths that were signed
		if strings.HasPrefix(r.URL.EscapedPath(), pathModels) {
			h.models.ServeHTTP(w, r)
			return
		}
		h.credentials.ServeHTTP(w, r)
	})
}
