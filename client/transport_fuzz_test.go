package client

import (
	"net/http"
	"net/url"
	"testing"
)

// FuzzAllowHosts: what is allowed is the listed host by https, or the listed loopback address, however a URL is written.
func FuzzAllowHosts(f *testing.F) {
	for _, s := range []string{"https://api.example.com/", "https://api.example.com:443", "http://127.0.0.1:7777/x", "https://api.example.com@evil.example", "https://api.example.com\\@evil.example",
		"https://API.EXAMPLE.COM:0443/", "https://[api.example.com]/", "https://api.example.com:/", "http://api.example.com:443/", "https://api.example.com%2eevil.example/"} {
		f.Add(s, "")
		f.Add("https://api.example.com/", s)
	}
	allow := AllowHosts{"api.example.com", "127.0.0.1:7777"}
	f.Fuzz(func(t *testing.T, raw, host string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		if allow.check(&http.Request{URL: u, Host: host}, "p") != nil {
			return
		}
		name, port := u.Hostname(), u.Port()
		isAPI := u.Scheme == "https" && len(name) == len("api.example.com") && (port == "" || port == "443")
		isLocal := name == "127.0.0.1" && port == "7777"
		if !isAPI && !isLocal || host != "" && len(host) != len(u.Host) {
			t.Errorf("%q as %q is allowed", raw, host)
		}
	})
}
