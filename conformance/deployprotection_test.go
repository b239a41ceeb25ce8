//go:build conformance

package conformance_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// podOf is the pod that a workload makes.
func podOf(workload map[string]any) map[string]any {
	return at[map[string]any](workload, "spec", "template", "spec")
}

// component is the part that a selector or a set of labels means.
func component(labels any) string { return at[string](labels, "app.kubernetes.io/component") }

func TestDeployChartPodsHaveNoPrivileges(t *testing.T) {
	t.Parallel()
	pods := 0
	for _, o := range rendered(t, "all") {
		pod := podOf(o)
		if pod == nil {
			continue
		}
		pods++
		if at[bool](pod, "automountServiceAccountToken") || pod["automountServiceAccountToken"] == nil {
			t.Errorf("%s gets a token for the cluster's API", o.name())
		}
		if !at[bool](pod, "securityContext", "runAsNonRoot") || at[string](pod, "securityContext", "seccompProfile", "type") != "RuntimeDefault" {
			t.Errorf("%s may run as root, or without a seccomp profile", o.name())
		}
		for _, key := range []string{"hostNetwork", "hostPID", "hostIPC"} {
			if pod[key] != nil {
				t.Errorf("%s sets %s", o.name(), key)
			}
		}
		for _, c := range append(at[[]any](pod, "containers"), at[[]any](pod, "initContainers")...) {
			checkContainer(t, o.name()+"/"+at[string](c, "name"), c)
		}
	}
	if pods != 4 {
		t.Errorf("%d workloads were looked at, want 4", pods)
	}
}

func checkContainer(t *testing.T, name string, c any) {
	t.Helper()
	s := at[map[string]any](c, "securityContext")
	want := map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "privileged": false, "capabilities": map[string]any{"drop": []any{"ALL"}}}
	if d := cmp.Diff(want, s); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
	if at[string](c, "resources", "limits", "memory") == "" {
		t.Errorf("%s may use all the memory of its node", name)
	}
}

// TestDeployChartKeysAreForTheirReaderAlone: what is mounted with a group is seen by the container that copies it and by
// no other, and the copies rest in memory.
func TestDeployChartKeysAreForTheirReaderAlone(t *testing.T) {
	t.Parallel()
	all := append(rendered(t, "all"), rendered(t, "minimal")...)
	copied := 0
	for _, o := range all {
		pod := podOf(o)
		for _, c := range at[[]any](pod, "containers") {
			for _, m := range at[[]any](c, "volumeMounts") {
				switch name := at[string](m, "name"); {
				case name == "mounted-keys":
					t.Errorf("%s mounts keys as they come", o.name())
				case name == "keys" && !at[bool](m, "readOnly"):
					t.Errorf("%s may change its keys", o.name())
				}
			}
		}
		for _, v := range at[[]any](pod, "volumes") {
			if at[string](v, "name") == "keys" {
				copied++
				if at[string](v, "emptyDir", "medium") != "Memory" {
					t.Errorf("%s writes its keys to a disk of the node", o.name())
				}
			}
		}
	}
	if copied != 3 {
		t.Errorf("%d pods copy keys, want 3", copied)
	}
}

// TestDeployChartTokensAreForLanyardAlone: a service account's token that Lanyard accepts opens nothing else, and the
// cluster's own is not there to be stolen.
func TestDeployChartTokensAreForLanyardAlone(t *testing.T) {
	t.Parallel()
	all := rendered(t, "all")
	for _, name := range []string{"lanyard-agent", "lanyard-session-binding"} {
		var audiences []string
		pod := podOf(find(t, all, "Deployment", name))
		for _, v := range at[[]any](pod, "volumes") {
			for _, s := range at[[]any](v, "projected", "sources") {
				if token := at[map[string]any](s, "serviceAccountToken"); token != nil {
					audiences = append(audiences, at[string](token, "audience"))
				}
			}
		}
		if d := cmp.Diff([]string{"lanyard"}, audiences); d != "" {
			t.Errorf("%s: audiences of its tokens (-want +got):\n%s", name, d)
		}
		variables := map[string]string{}
		for _, v := range at[[]any](pod, "containers", 0, "env") {
			variables[at[string](v, "name")] = at[string](v, "value")
		}
		if variables["AWS_WEB_IDENTITY_TOKEN_FILE"] != "/var/run/lanyard/token" || variables["AWS_ENDPOINT_URL_STS"] != "https://lanyard.example.com" || variables["AWS_ACCESS_KEY_ID"] != "" {
			t.Errorf("%s does not sign in at Lanyard with the token: %v", name, variables)
		}
	}
}

// TestDeployChartRolesAreApart: who asks for tokens does not complete sessions.
func TestDeployChartRolesAreApart(t *testing.T) {
	t.Parallel()
	all := rendered(t, "all")
	seen := map[string]string{}
	for _, name := range []string{"lanyard-agent", "lanyard-session-binding"} {
		pod := podOf(find(t, all, "Deployment", name))
		account := at[string](pod, "serviceAccountName")
		for _, v := range at[[]any](pod, "containers", 0, "env") {
			if at[string](v, "name") == "AWS_ROLE_ARN" {
				account += " " + at[string](v, "value")
			}
		}
		for _, part := range strings.Fields(account) {
			if seen[part] != "" {
				t.Errorf("%s and %s share %s", seen[part], name, part)
			}
			seen[part] = name
		}
	}
	if len(seen) != 4 {
		t.Errorf("seen are %v, want a service account and a role of each", seen)
	}
}

// ingress tells who reaches a part at which port: parts by name, others as they stand.
func ingress(t *testing.T, all []object, name string) []string {
	t.Helper()
	p := find(t, all, "NetworkPolicy", name)
	out := []string{}
	for _, rule := range at[[]any](p, "spec", "ingress") {
		from := at[[]any](rule, "from")
		if len(from) == 0 {
			out = append(out, "everybody")
		}
		for _, peer := range from {
			who := component(at[map[string]any](peer, "podSelector", "matchLabels"))
			if who == "" {
				who = fmt.Sprint(peer)
			}
			out = append(out, fmt.Sprint(who, " ", at[any](rule, "ports", 0, "port")))
		}
	}
	return out
}

// TestA42_DeployChartBackendsAreReachedFromTheFrontDoorAlone: identity headers of anybody else do not even arrive.
func TestA42_DeployChartBackendsAreReachedFromTheFrontDoorAlone(t *testing.T) {
	t.Parallel()
	peer := `networkPolicy.backendsFrom=[{"ipBlock":{"cidr":"10.1.0.0/24"}}]`
	for _, c := range []struct {
		name     string
		settings []string
		want     string
	}{
		{"the front door", nil, "front-door"},
		{"the front door, whoever else is listed", []string{peer}, "front-door"},
		{"a load balancer that is not named", behindLoadBalancer, ""},
		{"a load balancer", append([]string{peer}, behindLoadBalancer...), "map[ipBlock:map[cidr:10.1.0.0/24]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all := rendered(t, "all", c.settings...)
			for name, port := range map[string]string{"lanyard-agent": "8080", "lanyard-session-binding": "8587"} {
				want := []string{}
				if c.want != "" {
					want = []string{c.want + " " + port}
				}
				if d := cmp.Diff(want, ingress(t, all, name)); d != "" {
					t.Errorf("who reaches %s (-want +got):\n%s", name, d)
				}
			}
		})
	}
}

func TestDeployChartEveryPodHasItsPolicy(t *testing.T) {
	t.Parallel()
	all := rendered(t, "all")
	policies := map[string]bool{}
	for _, o := range all {
		if o.kind() == "NetworkPolicy" {
			policies[component(at[map[string]any](map[string]any(o), "spec", "podSelector", "matchLabels"))] = len(at[[]any](map[string]any(o), "spec", "policyTypes")) == 2
		}
	}
	for _, o := range all {
		if podOf(o) == nil {
			continue
		}
		if part := component(at[map[string]any](map[string]any(o), "spec", "template", "metadata", "labels")); !policies[part] {
			t.Errorf("no policy for both directions means %s", part)
		}
	}
	// Nobody is listed, so nobody reaches the metrics; an empty list would be everybody.
	if d := cmp.Diff([]string{"map[namespaceSelector:map[matchLabels:map[kubernetes.io/metadata.name:ingress-nginx]]] 8585"}, ingress(t, rendered(t, "minimal"), "lanyard")); d != "" {
		t.Errorf("who reaches Lanyard alone (-want +got):\n%s", d)
	}
}

// TestA34_DeployChartRefusesMetadataAddresses: https to anywhere is not https to the cloud's metadata.
func TestA34_DeployChartRefusesMetadataAddresses(t *testing.T) {
	t.Parallel()
	for _, o := range rendered(t, "all") {
		if o.kind() != "NetworkPolicy" {
			continue
		}
		for _, rule := range at[[]any](map[string]any(o), "spec", "egress") {
			for _, to := range at[[]any](rule, "to") {
				if block := at[map[string]any](to, "ipBlock"); at[string](block, "cidr") == "0.0.0.0/0" && at[string](block, "except", 0) != "169.254.0.0/16" {
					t.Errorf("%s reaches the metadata addresses: %v", o.name(), block)
				}
			}
		}
	}
}
