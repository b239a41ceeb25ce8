package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goodConfig is one that serve accepts.
const goodConfig = `public_url: https://lanyard.example.com
database: {postgres: "postgres://lanyard@db/lanyard"}
root_key: {file: root.key}
tls: {cert_file: tls.crt, key_file: /tls.key}
audit: {journal: journal}
`

func writeServeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lanyard.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestConfigPaths: relative paths are beside the file.
func TestConfigPaths(t *testing.T) {
	path := writeServeConfig(t, goodConfig)
	c, err := readConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	beside := func(name string) string { return filepath.Join(filepath.Dir(path), name) }
	if c.RootKey.File != beside("root.key") || c.TLS.CertFile != beside("tls.crt") || c.Audit.Journal != beside("journal") || c.TLS.KeyFile != "/tls.key" {
		t.Errorf("%+v", c)
	}
}

// TestConfigComplaints: what is wrong is said with its key and how to mend it.
func TestConfigComplaints(t *testing.T) {
	for _, c := range []struct{ was, is, want string }{
		{"public_url: https://lanyard.example.com", "", "public_url: is missing; write the https URL"},
		{"https://lanyard.example.com", "http://lanyard.example.com", "public_url: \"http://lanyard.example.com\" is not https; use https"},
		{"https://lanyard.example.com", "https://lanyard.example.com?x=y", "public_url: \"https://lanyard.example.com?x=y\" is not a plain URL"},
		{"https://lanyard.example.com", "https://u:p@lanyard.example.com", "is not a plain URL"},
		{"", "listen: 8585", "listen: \"8585\" is not host:port; write for example 0.0.0.0:8585"},
		{"", "account: \"12\"", "account: \"12\" is not 12 digits"},
		{"", "region: Mars", "region: \"Mars\" does not look like a region; write for example us-west-2"},
		{`database: {postgres: "postgres://lanyard@db/lanyard"}`, "", "database: set exactly one of database.sqlite"},
		{`{postgres: "postgres://`, `{sqlite: data, postgres: "postgres://`, "database: set exactly one of database.sqlite"},
		{`{postgres: "postgres://lanyard@db/lanyard"}`, `{sqlite: data}`, "audit.journal: is for database.postgres"},
		{"postgres://", "mysql://", "database.postgres: is not a URL that begins with postgres://"},
		{"root_key: {file: root.key}", "", "root_key: set exactly one of root_key.file (make it with: lanyard admin root-key create FILE)"},
		{"{file: root.key}", "{file: root.key, aws_kms: \"arn:aws:kms:x\"}", "root_key: set exactly one"},
		{"{file: root.key}", "{aws_kms: key}", "root_key.aws_kms: \"key\" is not a key ARN"},
		{"cert_file: tls.crt, ", "", "tls: needs both cert_file and key_file"},
		{"tls: {cert_file: tls.crt, key_file: /tls.key}", "", "tls: there is neither a certificate"},
		{"", "proxies: [10.0.0.0/8, lb]", "proxies[1]: \"lb\" is neither an address nor a network"},
		{"", "metrics_listen: \"9090\"", "metrics_listen: \"9090\" is not host:port"},
		{"", "issuer_url: http://issuer.example.com", "issuer_url: \"http://issuer.example.com\" is not https"},
		{"", "issuer_url: https://issuer.example.com?", "issuer_url: \"https://issuer.example.com?\" is not a plain URL"},
		{"", "web_identity_subject: person", "web_identity_subject: \"person\" is not one of role, session"},
		{"", "signing_key_life: 1h", "signing_key_life: 1h0m0s is not between 48h"},
		{"", "inbound_issuers: [{issuer: login, audiences: [a]}]", "inbound_issuers[0].issuer: \"login\" is not a URL; write the value of the iss claim"},
		{"", "inbound_issuers: [{issuer: \"https://login.example.com\"}]", "inbound_issuers[0]: needs audiences or client_ids"},
		{"", "egress: {timeout: 11s}", "egress.timeout: 11s is not between 0 and 10s"},
		{"", "vendors: {Unheard: {base_url: \"https://x\"}}", "vendors.Unheard: is not served; write one of "},
		{"", "tracing: {otlp_endpoint: \"localhost:4318\"}", "tracing.otlp_endpoint: \"localhost:4318\" is not a URL such as http://localhost:4318"},
		{"", "tracing: {sample_ratio: 2}", "tracing.sample_ratio: 2 is not between 0 and 1"},
		{"", "tokens: {workload_ttl: 25h}", "tokens.workload_ttl: 25h0m0s is not between 1m and 24h"},
		{"", "sessions: {ttl: 1s}", "sessions.ttl: 1s is not between 1m and 1h"},
		{"", "sessions: {max_pending: 0}", "sessions.max_pending: 0 is not between 1 and 10000"},
		{"audit: {journal: journal}", "audit: {retention: -1h}", "audit.retention: -1h0m0s is negative; write 0 to keep records for ever"},
		{"", "log: {level: loud}", "log.level: \"loud\" is not one of debug, info, warn, error"},
		{"", "log: {format: xml}", "log.format: \"xml\" is not one of json, text"},
		{"", "agent_host: {url: \"http://10.0.0.7\"}", "agent_host."},
		{"", "retention: 1h", "retention"}, // no such key
		{"root_key:", "rootkey:", "rootkey"},
	} {
		text := goodConfig + c.is
		if c.was != "" {
			if text = strings.Replace(goodConfig, c.was, c.is, 1); text == goodConfig {
				t.Errorf("%q is not in the configuration", c.was)
			}
		}
		_, err := readConfig(writeServeConfig(t, text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n%v\nwant %s", text, err, c.want)
		}
	}
}

// TestConfigSaysAllAtOnce: nobody starts it again and again to hear of one problem after the other.
func TestConfigSaysAllAtOnce(t *testing.T) {
	_, err := readConfig(writeServeConfig(t, "listen: x\naccount: y\nregion: z\n"))
	for _, key := range []string{"listen", "account", "region", "public_url", "tls", "database", "root_key"} {
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+key+": ") {
			t.Errorf("nothing is said of %s: %v", key, err)
		}
	}
}

// TestConfigAsDocumented: the configuration that the manual shows whole is one that serve takes, but for the certificate that
// it cannot know.
func TestConfigAsDocumented(t *testing.T) {
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(manual), "```yaml\n")
	text, _, found := strings.Cut(after, "```\n")
	if !found || !strings.Contains(text, "public_url:") {
		t.Fatalf("the manual's first YAML is %.200q", text)
	}
	_, err = readConfig(writeServeConfig(t, strings.Replace(text, `fingerprint: ""`, "fingerprint: sha256:"+strings.Repeat("0", 64), 1)))
	if err != nil {
		t.Error(err)
	}
}
