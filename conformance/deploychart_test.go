//go:build conformance

package conformance_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// helm runs Helm on the chart with one of the example values files and further settings.
func helm(t *testing.T, verb, values string, settings ...string) (string, error) {
	t.Helper()
	chart := deployed(t, "helm/lanyard")[0]
	args := map[string][]string{"lint": {"lint", "--strict", chart}, "template": {"template", "lanyard", chart, "--namespace", "agents"}}[verb]
	args = append(args, "--values", deployed(t, "helm/values-"+values+".yaml")[0])
	for _, s := range settings {
		args = append(args, "--set-json", s)
	}
	return bench.Run(t, nil, bench.Tool(t, "helm", "helm"), args...)
}

// object is a rendered Kubernetes object.
type object map[string]any

// at walks to a value by keys and indices.
func at[T any](v any, path ...any) T {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				v = nil
			} else {
				v = l[p]
			}
		}
	}
	out, _ := v.(T)
	return out
}

func (o object) name() string { return at[string](map[string]any(o), "metadata", "name") }
func (o object) kind() string { return at[string](map[string]any(o), "kind") }

// rendered are the chart's objects.
func rendered(t *testing.T, values string, settings ...string) []object {
	t.Helper()
	out, err := helm(t, "template", values, settings...)
	if err != nil {
		t.Fatalf("helm template with values-%s.yaml: %v\n%s", values, err, out)
	}
	var all []object
	d := yaml.NewDecoder(strings.NewReader(out))
	for {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("values-%s.yaml renders what is no YAML: %v", values, err)
		}
		if o != nil {
			all = append(all, o)
		}
	}
}

func find(t *testing.T, all []object, kind, name string) map[string]any {
	t.Helper()
	for _, o := range all {
		if o.kind() == kind && o.name() == name {
			return o
		}
	}
	t.Fatalf("the chart renders no %s %s", kind, name)
	return nil
}

// behindLoadBalancer are settings with which a load balancer stands in the place of the front door.
var behindLoadBalancer = []string{`frontDoor.enabled=false`, `sessionBinding.tls.secretName=""`,
	`loadBalancer={"signer":"arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/agents/1","client":"c","issuer":"https://login.example.com","awsRegion":"us-west-2","publicUrl":"https://agents.example.com"}`}

func TestDeployChart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, values string
		settings     []string
	}{
		{"minimal", "minimal", nil},
		{"all", "all", nil},
		{"a password file", "minimal", []string{`lanyard.database.passwordSecret.name=""`, `lanyard.database.passfileSecret.name="pass"`}},
		{"the cluster's own authority", "minimal", []string{`trust.configMap="kube-root-ca.crt"`, `image.digest="sha256:` + strings.Repeat("a", 64) + `"`}},
		{"no metrics, no policies", "minimal", []string{`lanyard.metrics.enabled=false`, `networkPolicy.enabled=false`}},
		{"behind a load balancer", "all", behindLoadBalancer},
		{"with the cloud's identity", "all", []string{`agent.cloudIdentity=true`, `agent.stateClaim=""`, `agent.replicas=2`, `agent.environment.S3_BUCKET_NAME="b"`}},
		{"with access keys", "all", []string{`agent.roleArn=""`, `agent.accessKeySecret="a"`, `sessionBinding.roleArn=""`, `sessionBinding.accessKeySecret="b"`}},
		{"front doors that share a volume", "all", []string{`frontDoor.sharedKeys={"secretName":"","claimName":"keys"}`, `frontDoor.ingress={"enabled":true,"tlsSecret":"tls"}`}},
		{"one front door behind proxies", "all", []string{`frontDoor.replicas=1`, `frontDoor.sharedKeys.secretName=""`, `frontDoor.tls.secretName=""`, `frontDoor.trustedProxies=["10.0.0.0/8"]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checkChart(t, c.values, c.settings)
		})
	}
}

// checkChart has Helm and Kubernetes' own schemas judge the chart.
func checkChart(t *testing.T, values string, settings []string) {
	t.Helper()
	if out, err := helm(t, "lint", values, settings...); err != nil {
		t.Errorf("helm lint: %v\n%s", err, out)
	}
	out, err := helm(t, "template", values, settings...)
	if err != nil {
		t.Fatalf("helm template: %v\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "rendered.yaml")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	passes(t, bench.Tool(t, "python", "bin", "kubernetes-validate"), "--strict", file)
	if strings.Contains(out, "kind: Secret\n") {
		t.Error("the chart writes a secret: whoever reads releases reads it too")
	}
}

func TestDeployChartConfigurations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values, verb, name string
		settings           []string
	}{
		{"minimal", "serve", "lanyard", nil},
		{"all", "serve", "lanyard", nil},
		{"all", "frontdoor", "lanyard-front-door", nil},
		{"all", "session-binding", "lanyard-session-binding", nil},
		{"all", "session-binding", "lanyard-session-binding", behindLoadBalancer},
	} {
		t.Run(fmt.Sprint(c.values, " ", c.verb, len(c.settings)), func(t *testing.T) {
			t.Parallel()
			data := at[map[string]any](find(t, rendered(t, c.values, c.settings...), "ConfigMap", c.name), "data")
			for _, text := range data {
				newSecrets(t).accepts(c.verb, text.(string))
			}
			if len(data) != 1 {
				t.Errorf("%s has %d configurations, want one", c.name, len(data))
			}
		})
	}
}

// TestDeployChartConfigurationPassesThrough: a key that the chart does not know reaches the program, which judges it.
func TestDeployChartConfigurationPassesThrough(t *testing.T) {
	t.Parallel()
	data := at[map[string]any](find(t, rendered(t, "minimal", `lanyard.config.sessions={"ttl":"7h"}`, `lanyard.config.misspelt=1`), "ConfigMap", "lanyard"), "data")
	s := newSecrets(t)
	s.ends("misspelt", "serve", "--config", s.configuration(at[string](data, "lanyard.yaml")))
}

// TestDeployChartProfile: where the pod has a cloud's identity, Lanyard's is in a profile beside it.
func TestDeployChartProfile(t *testing.T) {
	t.Parallel()
	all := rendered(t, "all", `agent.cloudIdentity=true`)
	checkProfile(t, at[string](find(t, all, "ConfigMap", "lanyard-agent"), "data", "aws-config"), "https://lanyard.example.com")
	for _, v := range at[[]any](podOf(find(t, all, "Deployment", "lanyard-agent")), "containers", 0, "env") {
		if slices.Contains([]string{"AWS_ROLE_ARN", "AWS_ENDPOINT_URL_STS"}, at[string](v, "name")) {
			t.Errorf("%v would send the cloud's sign-in to Lanyard", v)
		}
	}
}

func checkProfile(t *testing.T, text, endpoint string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := config.LoadSharedConfigProfile(t.Context(), "lanyard", func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = []string{file}, []string{}
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got := map[string]string{"role": p.RoleARN, "endpoint": p.Services.ServiceValues["sts"]["endpoint_url"]}
	want := map[string]string{"role": "arn:aws:iam::000000000000:role/github-agent", "endpoint": endpoint}
	if d := cmp.Diff(want, got); d != "" || p.WebIdentityTokenFile == "" {
		t.Errorf("the profile lanyard (-want +got):\n%s\n%s", d, text)
	}
}
