//go:build conformance

package conformance_test

import "testing"

// program is one client's program and the identity providers that it runs with.
type program struct {
	file      string
	providers []string
}

func TestPython(t *testing.T) {
	t.Parallel()
	for _, p := range []program{
		{"control_plane.py", []string{"oidc-provider"}},
		{"consent.py", []string{"oidc-provider", "keycloak", "github"}},
		{"inbound_jwt.py", []string{"oidc-provider", "keycloak"}},
		{"machine.py", []string{"oidc-provider", "keycloak"}},
		{"refresh.py", []string{"oidc-provider-short"}},
		{"decorators.py", []string{"oidc-provider"}},
		{"local_development.py", []string{"oidc-provider"}},
	} {
		for _, provider := range p.providers {
			t.Run(p.file+"/"+provider, func(t *testing.T) {
				t.Parallel()
				if provider != "oidc-provider" { // of which every program has its own
					bench.Alone(t, provider)
				}
				bench.Python(t, bench.Dev(t), p.file, "LAB_PROVIDER="+provider)
			})
		}
	}
}

func TestNode(t *testing.T) {
	t.Parallel()
	for _, p := range []program{
		{"story.mjs", []string{"oidc-provider", "keycloak"}},
		{"wrappers.mjs", []string{"oidc-provider"}},
	} {
		for _, provider := range p.providers {
			t.Run(p.file+"/"+provider, func(t *testing.T) {
				t.Parallel()
				if provider != "oidc-provider" { // of which every program has its own
					bench.Alone(t, provider)
				}
				bench.Node(t, bench.Dev(t), p.file, "LAB_PROVIDER="+provider)
			})
		}
	}
}
