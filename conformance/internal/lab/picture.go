package lab

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/lanyard-id/lanyard/conformance/converse"
	"github.com/lanyard-id/lanyard/conformance/githubtest"
)

// Picture is deploy/compose.yaml run as processes of this machine: the same commands, environments and files, with names
// and ports of this run: PostgreSQL, Keycloak and the object store as they are installed here, with a GitHub and a model of
// the lab as stand-ins.
type Picture struct {
	GitHub *githubtest.Server
	Model  *converse.Model

	l        *Lab
	dir      string // a copy of deploy/
	names    map[string]string
	replace  *strings.Replacer
	env      map[string]string
	services map[string]*Service
	database *Postgres
}

// Service is one of the picture.
type Service struct {
	name    string
	image   string // that compose.yaml names
	command []string
	env     []string
	dir     string
	at      string // host:port that answers when it is ready
	running *process
}

// composeFile is what the picture needs of compose.yaml.
type composeFile struct {
	Services map[string]composeService `yaml:"services"`
}

type composeService struct {
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	EnvFile     []string          `yaml:"env_file"`
	Volumes     []string          `yaml:"volumes"`
}

// pictureName is an address at which browsers and containers know a service.
var pictureName = regexp.MustCompile(`([a-z]+\.localhost):([0-9]+)`)

// PictureOption changes the copy of deploy/ before anything starts.
type PictureOption func(t testing.TB, p *Picture)

// Edit replaces text in a file of deploy/.
func Edit(file, old, new string) PictureOption {
	return func(t testing.TB, p *Picture) {
		t.Helper()
		text := p.read(t, file)
		if !strings.Contains(text, old) {
			t.Fatalf("deploy/%s does not contain %q", file, old)
		}
		p.write(t, file, strings.Replace(text, old, new, 1))
	}
}

// Picture starts everything and registers the agent, with the scripts that a reader would run.
func (l *Lab) Picture(t testing.TB, github githubtest.Config, options ...PictureOption) *Picture {
	t.Helper()
	p := &Picture{l: l, dir: filepath.Join(t.TempDir(), "deploy"), names: map[string]string{}, services: map[string]*Service{}, Model: &converse.Model{}}
	if err := os.CopyFS(p.dir, os.DirFS(filepath.Join(l.dir, "..", "deploy"))); err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		o(t, p)
	}
	p.script(t, "init.sh")
	github.ClientID, github.ClientSecret = githubClientID, githubClientSecret
	p.GitHub = githubtest.New(github)
	p.choosePorts(t)
	p.adapt(t)
	p.load(t)
	p.start(t)
	callback := callbackURL.FindString(p.script(t, "setup.sh"))
	if callback == "" {
		t.Fatal("setup.sh printed no callback URL to register at GitHub")
	}
	p.GitHub.RegisterCallback(callback)
	if again := callbackURL.FindString(p.script(t, "setup.sh")); again != callback {
		t.Fatalf("run again, setup.sh says that the callback URL is %q, not %q", again, callback)
	}
	for _, name := range []string{"session-binding", "agent"} {
		p.Service(t, name).Start(t)
	}
	return p
}

func (p *Picture) read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, file))
	return string(must(t, text, err))
}

func (p *Picture) write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// script runs one of the scripts as the reader does who has lanyard as a program instead of an image.
func (p *Picture) script(t testing.TB, name string) (printed string) {
	t.Helper()
	binary, err := p.l.binary()
	binary = must(t, binary, err)
	cmd := exec.CommandContext(t.Context(), "sh", filepath.Join(p.dir, "compose", name))
	cmd.Dir = p.dir
	cmd.Env = append(cleanEnv(p.dir), "LANYARD="+binary, "CONFIG="+p.path("compose/lanyard.yaml"), "SSL_CERT_FILE="+p.path("compose/secrets/ca.crt"),
		"ENDPOINT="+p.URL("lanyard"), "SESSION_BINDING_URL="+p.URL("agents")+"/oauth2/session-binding")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

var callbackURL = regexp.MustCompile(`https://\S+/identities/oauth2/callback/[A-Za-z0-9_-]+`)

func (p *Picture) path(file string) string { return filepath.Join(p.dir, file) }

// URL is where a name of the picture is: lanyard, agents (the front door), keycloak, agent, binding or objects.
func (p *Picture) URL(name string) string {
	for known, at := range p.names {
		if strings.HasPrefix(known, name+".") {
			if name == "agent" || name == "objects" {
				return "http://" + at
			}
			return "https://" + at
		}
	}
	return ""
}

// choosePorts gives every name that a file mentions a free port of this machine.
func (p *Picture) choosePorts(t testing.TB) {
	t.Helper()
	var pairs []string
	for _, file := range p.files(t) {
		for _, m := range pictureName.FindAllStringSubmatch(p.read(t, file), -1) {
			if p.names[m[0]] != "" {
				continue
			}
			port, err := freePort()
			p.names[m[0]] = fmt.Sprintf("127.0.0.1:%d", must(t, port, err))
			listen := strings.Replace(p.names[m[0]], "127.0.0.1", "0.0.0.0", 1)
			pairs = append(pairs, m[0], p.names[m[0]], "0.0.0.0:"+m[2], strings.Replace(listen, "0.0.0.0", "127.0.0.1", 1),
				"--https-port="+m[2], "--http-host=127.0.0.1 --https-port="+strings.TrimPrefix(listen, "0.0.0.0:"))
		}
	}
	p.database = p.l.OwnPostgres(t)
	p.replace = strings.NewReplacer(append(pairs, "keycloak.localhost", "127.0.0.1", "compose/secrets/", "compose/secrets/", "/secrets/", p.path("compose/secrets")+"/",
		" /state", " "+p.path("compose/state/front-door"), "postgres://lanyard@postgres:5432/lanyard?sslmode=disable", p.database.URL)...)
}

// files are those of the picture that name addresses.
func (p *Picture) files(t testing.TB) []string {
	t.Helper()
	matches, err := filepath.Glob(p.path("compose/*.[yj][as][mo]*"))
	files := []string{"compose.yaml"}
	for _, m := range must(t, matches, err) {
		files = append(files, filepath.Join("compose", filepath.Base(m)))
	}
	return files
}

// adapt puts this run's addresses into the files, and the stand-ins beside them.
func (p *Picture) adapt(t testing.TB) {
	t.Helper()
	for _, file := range p.files(t) {
		text := p.read(t, file)
		if file == "compose.yaml" {
			text = mountedSecrets.ReplaceAllString(text, "")
		}
		p.write(t, file, p.replace.Replace(text))
	}
	certificate := p.certificate(t)
	github, model := standIn(t, p.GitHub, certificate), standIn(t, p.Model, certificate)
	p.write(t, "compose/lanyard.yaml", p.read(t, "compose/lanyard.yaml")+fmt.Sprintf("vendors: {GithubOauth2: {base_url: %q}}\n", github))
	p.write(t, ".env", strings.NewReplacer("GITHUB_CLIENT_ID=\n", "GITHUB_CLIENT_ID="+githubClientID+"\nGITHUB_API_BASE="+github+"\n",
		"GITHUB_CLIENT_SECRET=\n", "GITHUB_CLIENT_SECRET="+githubClientSecret+"\nAWS_ENDPOINT_URL_BEDROCK_RUNTIME="+model+"\n",
		"MODEL=openai", "MODEL=bedrock", "INFERENCE_PROFILE_ID=\n", "INFERENCE_PROFILE_ID=us.stand-in-v1:0\n").Replace(p.read(t, ".env")))
}

// mountedSecrets are the lines that mount them: a process finds them where they are.
var mountedSecrets = regexp.MustCompile(`(?m)^ +- \./compose/secrets/\S+:/secrets/\S+:ro\n`)

func standIn(t testing.TB, h http.Handler, certificate *httptest.Server) string {
	server := httptest.NewUnstartedServer(h)
	server.TLS = certificate.TLS.Clone()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// load reads compose.yaml as compose does.
func (p *Picture) load(t testing.TB) {
	t.Helper()
	p.env = map[string]string{}
	for line := range strings.Lines(p.read(t, ".env")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			p.env[name] = value
		}
	}
	var file composeFile
	if err := yaml.UnmarshalWithOptions([]byte(p.read(t, "compose.yaml")), &file, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatalf("deploy/compose.yaml: %v", err)
	}
	for name, c := range file.Services {
		s := &Service{name: name, image: c.Image, dir: p.dir, at: p.address(name)}
		for _, word := range c.Command {
			s.command = append(s.command, strings.Fields(p.expand(t, p.mounted(c, word)))...)
		}
		for _, key := range slices.Sorted(maps.Keys(c.Environment)) {
			s.env = append(s.env, key+"="+p.expand(t, c.Environment[key]))
		}
		for _, file := range c.EnvFile {
			s.env = append(s.env, "env_file:"+file)
		}
		p.services[name] = s
	}
}

// address is where a service answers.
func (p *Picture) address(service string) string {
	alias := cmp.Or(map[string]string{"front-door": "agents", "session-binding": "binding"}[service], service)
	for known, at := range p.names {
		if strings.HasPrefix(known, alias+".") {
			return at
		}
	}
	return ""
}

// mounted turns a path in a container into the file that is mounted there.
func (p *Picture) mounted(c composeService, word string) string {
	for _, v := range c.Volumes {
		parts := strings.Split(v, ":")
		if len(parts) > 1 && strings.HasPrefix(parts[0], ".") && parts[1] == word {
			return p.path(parts[0])
		}
	}
	return word
}

var variable = regexp.MustCompile(`\$\{([A-Z_]+)(:[-?])?([^}]*)\}`)

func (p *Picture) expand(t testing.TB, text string) string {
	return variable.ReplaceAllStringFunc(text, func(whole string) string {
		m := variable.FindStringSubmatch(whole)
		value := p.env[m[1]]
		if value == "" && m[2] == ":-" {
			value = m[3]
		}
		if value == "" && m[2] == ":?" {
			t.Fatalf("%s is not set: %s", m[1], m[3])
		}
		return value
	})
}
