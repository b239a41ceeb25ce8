//go:build conformance

package conformance_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// secrets is a directory with every file that a deployed configuration names, so that the program can be started with it.
type secrets struct {
	t   *testing.T
	dir string
}

// aKey is 32 bytes in base64.
var aKey = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))

// mounted are the directories that containers mount, as configurations write them.
var mounted = regexp.MustCompile(`(["': ])/(keys|shared-keys|secrets|tls|trust|state|files|token)([/"'\s])`)

func newSecrets(t *testing.T) *secrets {
	t.Helper()
	s := &secrets{t: t, dir: t.TempDir()}
	ca, cert, key := bench.Certificate(t)
	for _, dir := range []string{"keys", "shared-keys", "secrets", "tls", "trust", "state", "files"} {
		if err := os.Mkdir(filepath.Join(s.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, from := range map[string]string{"ca.crt": ca, "tls.crt": cert, "tls.key": key, "database-ca.pem": ca} {
			s.copy(filepath.Join(dir, name), from)
		}
		for _, name := range []string{"root.key", "nonce.key", "client-secret", "front-door-client-secret"} {
			s.write(filepath.Join(dir, name), aKey)
		}
	}
	return s
}

func (s *secrets) copy(name, from string) {
	s.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(name, string(text))
}

func (s *secrets) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// configuration writes a configuration as it would be mounted, with its paths and listeners moved to this machine's.
func (s *secrets) configuration(text string) string {
	s.t.Helper()
	text = mounted.ReplaceAllString(text, "${1}"+s.dir+"/${2}${3}")
	text = strings.ReplaceAll(text, "listen: 0.0.0.0:8587", "listen: 127.0.0.1:0")
	return s.write("configuration.yaml", text)
}

// variables are what the deployed processes have in their environment, as far as it decides whether they start.
func (s *secrets) variables() []string {
	return []string{"PGHOST=127.0.0.1", "PGPORT=1", "PGUSER=lanyard", "PGDATABASE=lanyard", "PGPASSWORD=x", "PGCONNECT_TIMEOUT=5",
		"AWS_REGION=us-west-2", "AWS_EC2_METADATA_DISABLED=true", "AWS_ENDPOINT_URL_STS=https://lanyard.example.com",
		"AWS_ROLE_ARN=arn:aws:iam::000000000000:role/session-binding", "AWS_WEB_IDENTITY_TOKEN_FILE=/token/token"}
}

// accepts starts the program with the configuration, as far as it comes without the world that the configuration names:
// the server to its database, the front door to its identity provider, the session binding until it serves.
func (s *secrets) accepts(verb, text string) {
	s.t.Helper()
	file := s.configuration(text)
	switch verb {
	case "serve":
		s.ends("store: migrating the PostgreSQL database", "serve", "--config", file)
	case "frontdoor":
		s.ends("the configuration can be read, but the identity provider did not answer", "frontdoor", "check", "--config", file)
	case "session-binding":
		s.serves("session-binding", "--config", file)
	default:
		s.t.Fatalf("nothing is known of lanyard %s", verb)
	}
}

// ends runs the program, which must fail with words that it says only after everything before them was in order.
func (s *secrets) ends(words string, args ...string) {
	s.t.Helper()
	out, err := bench.Run(s.t, s.variables(), bench.Binary(s.t), args...)
	if err == nil || !strings.Contains(out, words) {
		s.t.Errorf("lanyard %s: %v, want %q:\n%s", args[0], err, words, out)
	}
}

// serves runs the program until it says that it is ready.
func (s *secrets) serves(args ...string) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer stop()
	cmd := exec.CommandContext(ctx, bench.Binary(s.t), args...)
	cmd.Env = s.variables()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready, said := untilReady(stderr)
	stop()
	_ = cmd.Wait() // it was killed, or has said why it ended
	if !ready {
		s.t.Errorf("lanyard %s did not come to serve:\n%s", args[0], said)
	}
}

func untilReady(r io.Reader) (ready bool, said string) {
	var all strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), `"msg":"ready"`) {
			return true, all.String()
		}
	}
	return false, all.String()
}
