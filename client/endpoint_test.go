package client

import (
	"errors"
	"strings"
	"testing"
)

func TestEndpointOrder(t *testing.T) {
	all := map[string]string{envData: "http://127.0.0.1:1/", envControl: "http://127.0.0.1:2", envLanyard: "http://127.0.0.1:3", envAll: "https://all.example"}
	for _, tc := range []struct {
		name          string
		option        string
		unset         []string
		data, control string
	}{
		{name: "option first", option: "http://localhost:9", data: "http://localhost:9", control: "http://localhost:9"},
		{name: "service-specific next", data: "http://127.0.0.1:1", control: "http://127.0.0.1:2"},
		{name: "then Lanyard's", unset: []string{envControl}, data: "http://127.0.0.1:1", control: "http://127.0.0.1:3"},
		{name: "then everybody's", unset: []string{envData, envLanyard}, data: "https://all.example", control: "http://127.0.0.1:2"},
		{name: "then the other plane's", unset: []string{envData, envLanyard, envAll}, data: "http://127.0.0.1:2", control: "http://127.0.0.1:2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := options{endpoint: tc.option, getenv: func(name string) string {
				for _, u := range tc.unset {
					if u == name {
						return ""
					}
				}
				return all[name]
			}}
			e, err := o.endpoints()
			if err != nil || e.data != tc.data || e.control != tc.control {
				t.Errorf("got %+v, %v", e, err)
			}
		})
	}
}

func TestNoEndpoint(t *testing.T) {
	_, err := New(t.Context(), WithEnvironment(nothing), WithCredentials(testCredentials()), WithRegion("us-west-2"))
	if !errors.Is(err, ErrNoEndpoint) {
		t.Errorf("got %v: an endpoint that nobody named must not be made up", err)
	}
}

func TestEndpointRefused(t *testing.T) {
	for raw, want := range map[string]string{
		"127.0.0.1:8585":                   "not an http or https URL",
		"ftp://127.0.0.1":                  "not an http or https URL",
		"http://":                          "not an http or https URL",
		"https://u:p@lanyard.example":      "no user name",
		"https://lanyard.example/?x=1":     "no user name, query",
		"http://lanyard.example":           "plain http",
		"http://10.0.0.7:8585":             "plain http",
		"http://127.0.0.1.example.com":     "plain http",
		"http://localhost.example.com":     "plain http",
		"http://[::ffff:10.0.0.1]:8585":    "plain http",
		"http://0.0.0.0:8585":              "plain http",
		"http://notlocalhost:8585":         "plain http",
		"http://169.254.169.254/latest/":   "plain http",
		"https://lanyard.example/#section": "no user name, query or fragment",
	} {
		_, err := checkEndpoint("THE_VARIABLE", raw, false)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "THE_VARIABLE") {
			t.Errorf("%s: got %v, want a refusal that says %q and names the variable", raw, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: the message repeats the password", raw)
		}
	}
	for _, raw := range []string{"http://127.0.0.1:8585", "http://127.9.9.9", "http://[::1]:1", "http://localhost", "http://x.localhost:1", "https://10.0.0.7"} {
		if _, err := checkEndpoint("X", raw, false); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if _, err := checkEndpoint("X", "http://lanyard:8585", true); err != nil {
		t.Errorf("plain http was allowed by name, and refused: %v", err)
	}
}
