package egress

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestCheckRefusesForms(t *testing.T) {
	c := newClient(t, Config{})
	for _, tc := range []struct{ url, want string }{
		{"", "https://"},
		{"idp.example", "https://"},
		{"/relative", "https://"},
		{"//idp.example/x", "https://"},
		{"https:", "no host"},
		{"https:opaque", "no host"},
		{"https:///path", "no host"},
		{"https://:443/", "no host"},
		{"ftp://idp.example/", "https://"},
		{"file:///etc/passwd", "https://"},
		{"gopher://idp.example/", "https://"},
		{"http://idp.example/", "use https"},
		{"http://localhost:8080/", "development only"},
		{"https://user@idp.example/", "user information"},
		{"https://user:hunter2@idp.example/", "user information"},
		{"https://@idp.example/", "user information"},
		{"https://idp.example/#frag", "fragment"},
		{"https://idp.example/#", "fragment"},
		{"https://idp.example:/", "colon"},
		{"https://idp.example:0/", "1 to 65535"},
		{"https://idp.example:65536/", "1 to 65535"},
		{"https://idp.example:https/", "not a valid URL"},
		{"https://idp.example./", "dots"},
		{"https://.idp.example/", "dots"},
		{"https://idp..example/", "dots"},
		{"https://bücher.example/", "percent-encoded"},
		{"https://idp.example/a b", "percent-encoded"},
		{"https://idp.example/{tenant}/", "percent-encoded"},
		{`https://good.example\@idp.example/`, "percent-encoded"},
		{"https://idp.example/\r\nHost: x", "percent-encoded"},
		{"https://idp.example\x00/", "percent-encoded"},
		{"https://id%70.example/", "not a valid URL"},
		{"https://idp$.example/", "letters, digits"},
		{"https://[fe80::1%25eth0]/", "without a zone"},
		{"https://[nonsense]/", "not a valid URL"},
		{"https://" + strings.Repeat("a.", 120) + "example.example/", "253"},
		{"https://idp.example/" + strings.Repeat("a", 2048), "2048"},
		// Spellings that only some resolvers take for an address.
		{"https://127.1/", "unusual form"},
		{"https://2130706433/", "unusual form"},
		{"https://0x7f000001/", "unusual form"},
		{"https://0x7f.0.0.0x1/", "unusual form"},
		{"https://0177.0.0.1/", "unusual form"},
		{"https://1.2.3.4.5/", "unusual form"},
		{"https://1.2.3.256/", "unusual form"},
	} {
		_, err := c.Check(tc.url)
		if err == nil {
			t.Errorf("Check(%q) accepted", tc.url)
			continue
		}
		if e := wantKind(t, err, Refused); !strings.Contains(e.Error(), tc.want) {
			t.Errorf("Check(%q) = %q, want it to say %q", tc.url, e, tc.want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Check(%q) repeats a password: %q", tc.url, err)
		}
	}
}

func TestCheckAcceptsForms(t *testing.T) {
	c := newClient(t, Config{InsecureHTTPHosts: []string{"plain.example:8080"}})
	for _, raw := range []string{
		"https://idp.example", "https://idp.example/", "HTTPS://IDP.example:8443/a/b?c=d%20e&f=@",
		"https://xn--bcher-kva.example/", "https://my_service.example/", "https://8.8.8.8/", "https://[2606:4700::1111]:443/",
		"https://1password.example/", "https://idp.example/a:b@c", "http://plain.example:8080/x", "https://plain.example/",
	} {
		if _, err := c.Check(raw); err != nil {
			t.Errorf("Check(%q): %v", raw, err)
		}
	}
	if _, err := c.Check("http://plain.example/x"); err == nil {
		t.Error("http accepted on a port that is not listed")
	}
}

func TestA34_CheckRefusesLiteralAddresses(t *testing.T) {
	c := newClient(t, Config{})
	for _, host := range []string{
		"127.0.0.1", "10.0.0.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "[::1]", "[::]",
		"[::ffff:169.254.169.254]", "[::ffff:7f00:1]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]", "[fe80::1]", "192.168.0.1:8443",
	} {
		_, err := c.Check("https://" + host + "/latest/meta-data")
		if err == nil {
			t.Errorf("%s accepted", host)
			continue
		}
		wantKind(t, err, Refused)
	}
}

func TestA34_ListedAddressesAndWhatIsNeverPermitted(t *testing.T) {
	c := newClient(t, Config{Allow: []string{"10.1.0.0/16", "192.168.7.7:8443", "fd12::/16", "100.64.0.0/10", "168.0.0.0/5", "idp.corp.example"}})
	for raw, ok := range map[string]bool{
		"https://10.1.2.3/":                 true,
		"https://[::ffff:10.1.2.3]/":        true,
		"https://10.2.0.1/":                 false,
		"https://192.168.7.7:8443/":         true,
		"https://192.168.7.7/":              false,
		"https://[fd12::5]/":                true,
		"https://[fd13::5]/":                false,
		"https://100.64.1.1/":               true,
		"https://100.100.100.200/":          false, // metadata inside a listed network
		"https://169.254.169.254/":          false,
		"https://[64:ff9b::10.1.2.3]/":      false, // another address than the listed one
		"https://[::ffff:169.254.169.254]/": false,
	} {
		if _, err := c.Check(raw); (err == nil) != ok {
			t.Errorf("Check(%s) = %v, want accepted: %t", raw, err, ok)
		}
	}
}

func TestLoopbackIsForDevelopment(t *testing.T) {
	dev := newClient(t, Config{Loopback: true})
	for raw, ok := range map[string]bool{
		"http://127.0.0.1:8585/issuer": true,
		"http://[::1]:9000/":           true,
		"http://localhost:9000/":       true,
		"http://app.localhost:9000/":   true,
		"https://localhost:9000/":      true,
		"http://localhost.example/":    false,
		"http://10.0.0.1/":             false,
		"http://0.0.0.0:8585/":         false,
		"http://idp.example/":          false,
	} {
		if _, err := dev.Check(raw); (err == nil) != ok {
			t.Errorf("Check(%s) = %v, want accepted: %t", raw, err, ok)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		"https://idp.example/a?b=c", "http://127.0.0.1/", "https://[::ffff:169.254.169.254]/", "https://user@h/", "https://0x7f.1/",
		"https://a%2eb/", "https://h:443/#x", `https://a\@b/`, "https://[::1%25lo]/", "https:/h", "https://169.254.169.254:80/",
	} {
		f.Add(seed)
	}
	c, err := New(Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := c.Check(raw)
		if err != nil {
			wantKind(t, err, Refused)
			return
		}
		if u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" || len(raw) > maxURLLength {
			t.Fatalf("accepted %q as %#v", raw, u)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
			if r, what := classify(ip); r != reachAnybody {
				t.Fatalf("accepted %q, which is %s", raw, what)
			}
		}
		again, err := url.Parse(u.String())
		if err != nil || again.Host != u.Host {
			t.Fatalf("%q is sent to another host than was checked: %v, %v", raw, again, err)
		}
	})
}
