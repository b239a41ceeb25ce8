package lab

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Start starts a service again after Kill or Stop.
func (s *Service) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Dir = s.dir
	cmd.Env = cleanEnv(s.dir)
	for _, assignment := range s.env {
		if file, ok := strings.CutPrefix(assignment, "env_file:"); ok {
			cmd.Env = append(cmd.Env, readEnvFile(t, filepath.Join(s.dir, file))...)
			continue
		}
		cmd.Env = append(cmd.Env, assignment)
	}
	p, err := startProcess(s.name, s.LogFile(), cmd)
	s.running = must(t, p, err)
	if err := p.waitFor(t.Context(), "open port "+s.at, s.answers); err != nil {
		t.Fatal(err)
	}
}

func (s *Service) answers() bool {
	conn, err := net.DialTimeout("tcp", s.at, time.Second)
	return err == nil && conn.Close() == nil
}

// LogFile holds what the service printed, over all its starts.
func (s *Service) LogFile() string { return filepath.Join(s.dir, s.name+".log") }

// Kill ends the service as a power cut would. A large program is not gone yet when its parent is.
func (s *Service) Kill(t testing.TB) {
	t.Helper()
	s.running.kill()
	s.running = nil
	if err := Eventually(s.name+" is gone", func() bool { return !s.answers() }); err != nil {
		t.Fatal(err)
	}
}

// Restart is Kill and Start.
func (s *Service) Restart(t testing.TB) {
	t.Helper()
	s.Kill(t)
	s.Start(t)
}

// Pid is the process id.
func (s *Service) Pid() int { return s.running.cmd.Process.Pid }

// readEnvFile reads NAME=value lines, as compose does for env_file.
func readEnvFile(t testing.TB, file string) (env []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	for lines := bufio.NewScanner(strings.NewReader(string(must(t, text, err)))); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			env = append(env, line)
		}
	}
	return env
}

// Service is one of lanyard, front-door, session-binding, agent, keycloak and objects.
func (p *Picture) Service(t testing.TB, name string) *Service {
	t.Helper()
	s, ok := p.services[name]
	if !ok {
		t.Fatalf("deploy/compose.yaml has no service %s", name)
	}
	return s
}

// start starts all services in an order in which each finds what it asks at its start. The agent and the session binding
// service wait for setup.sh's access keys by reading them when they are first needed.
func (p *Picture) start(t testing.TB) {
	t.Helper()
	binary, err := p.l.binary()
	binary = must(t, binary, err)
	for name, program := range map[string][]string{"lanyard": {binary}, "front-door": {binary}, "session-binding": {binary},
		"agent": {p.l.agentProgram(t)}, "keycloak": p.keycloak(t), "objects": p.objects(t)} {
		s := p.Service(t, name)
		s.command = slices.Concat(program, s.command)
	}
	p.services["agent"].env = append(p.services["agent"].env, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME="+p.env["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"], "AWS_BEARER_TOKEN_BEDROCK=stand-in")
	t.Cleanup(func() { p.end(t) })
	for _, name := range []string{"keycloak", "objects", "lanyard", "front-door"} {
		p.Service(t, name).Start(t)
	}
}

func (p *Picture) end(t testing.TB) {
	for _, s := range p.services {
		if s.running == nil {
			continue
		}
		if err := s.running.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s's log ends:\n%s", s.name, (&process{log: s.LogFile()}).tail())
		}
	}
}

// agentProgram builds examples/github-agent once a run.
func (l *Lab) agentProgram(t testing.TB) string {
	t.Helper()
	program, err := l.agent()
	return must(t, program, err)
}

func (l *Lab) buildAgent() (string, error) {
	program := filepath.Join(l.tmp, "github-agent")
	build := exec.CommandContext(l.ctx, "go", "build", "-o", program, "./examples/github-agent")
	build.Dir = filepath.Dir(l.dir)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building examples/github-agent: %w\n%s", err, out)
	}
	return program, nil
}

// certificate is a server that is never started, with the picture's own certificate.
func (p *Picture) certificate(t testing.TB) *httptest.Server {
	t.Helper()
	c, err := tls.LoadX509KeyPair(p.path("compose/secrets/tls.crt"), p.path("compose/secrets/tls.key"))
	return &httptest.Server{TLS: &tls.Config{Certificates: []tls.Certificate{must(t, c, err)}, MinVersion: tls.VersionTLS12}}
}

// Setting is one of .env.
func (p *Picture) Setting(name string) string { return p.env[name] }

// Lanyard runs a command of the operator's, with the root key that setup.sh made.
func (p *Picture) Lanyard(t testing.TB, args ...string) string {
	t.Helper()
	binary, err := p.l.binary()
	cmd := exec.CommandContext(t.Context(), must(t, binary, err), args...)
	cmd.Dir = p.dir
	cmd.Env = append(cleanEnv(p.dir), p.OperatorEnv(t)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("lanyard %s: %v\n%s", strings.Join(args, " "), err, stderrOf(err))
	}
	return string(out)
}

// OperatorEnv is the environment of the operator's clients.
func (p *Picture) OperatorEnv(t testing.TB) []string {
	t.Helper()
	return append(readEnvFile(t, p.path("compose/secrets/root.env")), "AWS_REGION=us-west-2", "LANYARD_ENDPOINT="+p.URL("lanyard"), "SSL_CERT_FILE="+p.path("compose/secrets/ca.crt"))
}

func stderrOf(err error) string {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}

// ServiceEnv is the environment that a service was given by files.
func (p *Picture) ServiceEnv(t testing.TB, name string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, assignment := range p.Service(t, name).env {
		if file, ok := strings.CutPrefix(assignment, "env_file:"); ok {
			for _, a := range readEnvFile(t, p.path(file)) {
				key, value, _ := strings.Cut(a, "=")
				env[key] = value
			}
		}
	}
	return env
}

// AgentCredentials are the agent's at Lanyard.
func (p *Picture) AgentCredentials(t testing.TB) map[string]string {
	t.Helper()
	_, own, _ := strings.Cut(p.read(t, "compose/secrets/agent.aws"), "[lanyard]")
	env := map[string]string{}
	for line := range strings.Lines(own) {
		if key, value, ok := strings.Cut(line, "="); ok {
			env[strings.ToUpper(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return env
}

// Root are the operator's credentials.
func (p *Picture) Root(t testing.TB) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, a := range readEnvFile(t, p.path("compose/secrets/root.env")) {
		key, value, _ := strings.Cut(a, "=")
		env[key] = value
	}
	return env
}

// Path is where a file of deploy/ is in this run.
func (p *Picture) Path(file string) string { return p.path(file) }

// Rewrite replaces text in a file of this run.
func (p *Picture) Rewrite(t testing.TB, file, old, new string) {
	t.Helper()
	Edit(file, old, new)(t, p)
}

// Setenv adds to a service's environment, from its next start on.
func (s *Service) Setenv(assignments ...string) { s.env = append(s.env, assignments...) }

// Getenv is a variable of a service's environment.
func (s *Service) Getenv(name string) (value string) {
	for _, assignment := range s.env {
		if v, ok := strings.CutPrefix(assignment, name+"="); ok {
			value = v
		}
	}
	return value
}

// Transport trusts the picture's certificate, keeps no connection and follows nothing.
func (p *Picture) Transport(t testing.TB) *http.Transport {
	t.Helper()
	text, err := os.ReadFile(p.path("compose/secrets/ca.crt"))
	pool := x509.NewCertPool()
	if text = must(t, text, err); !pool.AppendCertsFromPEM(text) {
		t.Fatal("the authority's file holds no certificate")
	}
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
}
