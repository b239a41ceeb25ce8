package lab

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// WithPython adds rules for the article's services in Python to the front door.
func WithPython() PictureOption {
	return func(t testing.TB, p *Picture) {
		t.Helper()
		Edit("compose/front-door.yaml", "rules:\n", `rules:
  - path: /python/invocations
    backend: http://pythonagent.localhost:9001
  - path: /python/oauth2/session-binding
    backend: http://pythonbinding.localhost:9002
`)(t, p)
	}
}

// PythonURL is where one of them is, without the front door.
func (p *Picture) PythonURL(app string) string { return "http://" + p.address("python"+app) }

// StartPython starts the app agent or binding of python/article.py, with the same credentials as its counterpart in Go.
func (p *Picture) StartPython(t testing.TB, app string, env ...string) {
	t.Helper()
	python := p.l.PythonProgram(t)
	at := p.address("python" + app)
	host, port, _ := strings.Cut(at, ":")
	s := &Service{name: "python-" + app, dir: p.dir, at: at, command: []string{python, "-m", "uvicorn", "--host", host, "--port", port, "--app-dir", filepath.Join(p.l.dir, "python"), "article:" + app}}
	counterpart := p.Service(t, map[string]string{"agent": "agent", "binding": "session-binding"}[app])
	for _, assignment := range counterpart.env {
		if name, _, _ := strings.Cut(assignment, "="); name != "SSL_CERT_FILE" && name != "SESSION_BINDING_URL" {
			s.env = append(s.env, assignment)
		}
	}
	trusted := p.path("compose/secrets/python-ca.crt")
	s.env = append(s.env, append(env, "AWS_REGION=us-west-2", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE="+p.URL("lanyard"),
		"AWS_CA_BUNDLE="+trusted, "SSL_CERT_FILE="+trusted, "REQUESTS_CA_BUNDLE="+trusted, "PYTHONDONTWRITEBYTECODE=1",
		"PYTHONPATH="+filepath.Join(p.l.dir, "python", "keyhost"), "KEY_HOST="+p.keyHost(t, trusted))...)
	if app == "agent" {
		s.env = append(s.env, "AWS_PROFILE=lanyard")
	}
	p.services[s.name] = s
	s.Start(t)
}

// keyHost stands where AWS publishes its load balancers' keys, and answers with the front door's.
func (p *Picture) keyHost(t testing.TB, trusted string) string {
	t.Helper()
	ca, err := p.l.ca()
	ca = must(t, ca, err)
	ours, err1 := os.ReadFile(p.path("compose/secrets/ca.crt"))
	theirs, err2 := os.ReadFile(ca.caFile)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := os.WriteFile(trusted, append(ours, theirs...), 0o600); err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(ca.certFile, ca.keyFile)
	certificate = must(t, certificate, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := p.Transport(t).RoundTrip(httptest.NewRequestWithContext(r.Context(), http.MethodGet, p.URL("agents")+"/oauth2/public-keys"+r.URL.Path, nil))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		w.WriteHeader(res.StatusCode)
		if _, err := io.Copy(w, res.Body); err != nil {
			t.Error(err)
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "https://")
}
