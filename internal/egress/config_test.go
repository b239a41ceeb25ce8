package egress

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNewNamesTheKeyAndTheFix(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		config Config
		want   []string
	}{
		{"scheme", Config{Allow: []string{"https://idp.corp.example"}}, []string{"egress.allow", "without a scheme"}},
		{"path", Config{Allow: []string{"idp.corp.example/x"}}, []string{"egress.allow", "CIDR"}},
		{"bad mask", Config{Allow: []string{"10.0.0.0/33"}}, []string{"egress.allow", "10.0.0.0/33"}},
		{"mapped network", Config{Allow: []string{"::ffff:10.0.0.0/104"}}, []string{"egress.allow", "IPv4"}},
		{"everything", Config{Allow: []string{"0.0.0.0/0"}}, []string{"egress.allow", "every address"}},
		{"everything v6", Config{Allow: []string{"::/0"}}, []string{"egress.allow", "every address"}},
		{"port 0", Config{Allow: []string{"idp:0"}}, []string{"egress.allow", "1 to 65535"}},
		{"port", Config{Allow: []string{"idp:99999"}}, []string{"egress.allow", "1 to 65535"}},
		{"no port", Config{Allow: []string{"idp:"}}, []string{"egress.allow", "1 to 65535"}},
		{"empty", Config{Allow: []string{""}}, []string{"egress.allow", "1 to 253"}},
		{"wildcard", Config{Allow: []string{"*.corp.example"}}, []string{"egress.allow", "letters, digits"}},
		{"trailing dot", Config{Allow: []string{"idp.corp.example."}}, []string{"egress.allow", "dots"}},
		{"short address", Config{Allow: []string{"127.1"}}, []string{"egress.allow", "four decimal numbers"}},
		{"metadata", Config{Allow: []string{"169.254.169.254"}}, []string{"egress.allow", "even when listed"}},
		{"metadata port", Config{Allow: []string{"169.254.169.254:80"}}, []string{"egress.allow", "even when listed"}},
		{"mapped metadata", Config{Allow: []string{"[::ffff:169.254.169.254]:80"}}, []string{"egress.allow", "even when listed"}},
		{"link-local network", Config{Allow: []string{"169.254.170.0/24"}}, []string{"egress.allow", "even when listed"}},
		{"zone", Config{Allow: []string{"fe80::1%eth0"}}, []string{"egress.allow", "zone"}},
		{"http scheme", Config{InsecureHTTPHosts: []string{"http://idp"}}, []string{"egress.insecure_http_hosts", "without a scheme"}},
		{"http network", Config{InsecureHTTPHosts: []string{"10.0.0.0/8"}}, []string{"egress.insecure_http_hosts", "network mask"}},
		{"http host", Config{InsecureHTTPHosts: []string{"a b"}}, []string{"egress.insecure_http_hosts", "letters, digits"}},
		{"no CA file", Config{CAFile: "does-not-exist.pem"}, []string{"egress.ca_file", "does-not-exist.pem"}},
		{"no certificate", Config{CAFile: empty}, []string{"egress.ca_file", "BEGIN CERTIFICATE"}},
		{"timeout", Config{Timeout: -1}, []string{"egress.timeout"}},
		{"body", Config{MaxBody: -1}, []string{"egress.max_body"}},
		{"user agent", Config{UserAgent: "a\r\nb"}, []string{"egress.user_agent"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := New(tc.config)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestNewAcceptsEveryFormOfEntry(t *testing.T) {
	_, err := New(Config{
		Allow: []string{"idp.corp.example", "IDP.corp.example:8443", "keycloak", "my_service:80", "10.1.2.3", "10.1.2.3:443",
			"10.0.0.0/8", "fd12::1", "[fd12::1]", "[fd12::1]:443", "fd00::/8", "127.0.0.1", "localhost"},
		InsecureHTTPHosts: []string{"keycloak", "keycloak:8080", "10.1.2.3", "[fd12::1]:8080"},
	})
	if err != nil {
		t.Error(err)
	}
}
