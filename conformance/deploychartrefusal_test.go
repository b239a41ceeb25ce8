//go:build conformance

package conformance_test

import (
	"strings"
	"testing"
)

// TestDeployChartRefuses: values that would not work, or not protect, are refused before anything is installed.
func TestDeployChartRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, values string
		settings     []string
		want         string
	}{
		{"a misspelt key", "minimal", []string{`lanyard.replica=3`}, "additional properties 'replica' not allowed"},
		{"a misspelt part", "minimal", []string{`frontdoor={}`}, "additional properties 'frontdoor' not allowed"},
		{"no replica", "minimal", []string{`lanyard.replicas=0`}, "/lanyard/replicas"},
		{"replicas in words", "minimal", []string{`lanyard.replicas="two"`}, "/lanyard/replicas"},
		{"an account of eleven digits", "minimal", []string{`account="00000000000"`}, "/account"},
		{"an account as a number", "minimal", []string{`account=123456789012`}, "/account"},
		{"a public URL without TLS", "minimal", []string{`lanyard.publicUrl="http://lanyard.example.com"`}, "/lanyard/publicUrl"},
		{"no public URL", "minimal", []string{`lanyard.publicUrl=""`}, "lanyard.publicUrl is missing"},
		{"no image", "minimal", []string{`image.repository=""`}, "image.repository is missing"},
		{"a password in the database's URL", "minimal", []string{`lanyard.database.url="postgres://lanyard:secret@db/lanyard"`}, "/lanyard/database/url"},
		{"a password in the URL's query", "minimal", []string{`lanyard.database.url="postgres://db/lanyard?password=secret"`}, "/lanyard/database/url"},
		{"a database that is another", "minimal", []string{`lanyard.database.url="mysql://db/lanyard"`}, "/lanyard/database/url"},
		{"no database", "minimal", []string{`lanyard.database.url=""`}, "lanyard.database: set exactly one"},
		{"two databases", "minimal", []string{`lanyard.database.connectionSecret.name="db"`}, "lanyard.database: set"},
		{"two passwords", "minimal", []string{`lanyard.database.passfileSecret.name="pass"`}, "set one of passwordSecret, passfileSecret"},
		{"a connection without TLS", "all", []string{`lanyard.database.sslmode="disable"`}, "/lanyard/database/sslmode"},
		{"no root key", "minimal", []string{`lanyard.rootKey.secret.name=""`}, "lanyard.rootKey: set exactly one"},
		{"two root keys", "all", []string{`lanyard.rootKey.secret.name="root"`}, "lanyard.rootKey: set exactly one"},
		{"an alias for a key", "all", []string{`lanyard.rootKey.awsKms="alias/lanyard"`}, "/lanyard/rootKey/awsKms"},
		{"neither TLS nor a proxy", "minimal", []string{`lanyard.proxies=[]`}, "lanyard.tls: name a certificate"},
		{"a proxy by name", "minimal", []string{`lanyard.proxies=["ingress"]`}, "/lanyard/proxies/0"},
		{"a front door without TLS or a proxy", "all", []string{`frontDoor.tls.secretName=""`}, "frontDoor.tls: name a certificate"},
		{"a front door on plain http", "all", []string{`frontDoor.publicUrls=["http://agents.example.com"]`}, "/frontDoor/publicUrls/0"},
		{"a front door of no URL", "all", []string{`frontDoor.publicUrls=[]`}, "frontDoor.publicUrls is missing"},
		{"front doors with keys of their own", "all", []string{`frontDoor.sharedKeys.secretName=""`}, "several replicas share their keys"},
		{"a front door before nothing", "all", []string{`agent.enabled=false`, `sessionBinding.enabled=false`}, "frontDoor.rules is missing"},
		{"nobody who signs people in", "all", []string{`frontDoor.enabled=false`}, "is missing"},
		{"a secret in a variable", "all", []string{`agent.environment.OPENAI_API_KEY="sk-1"`}, "invalid propertyName 'OPENAI_API_KEY'"},
		{"an access key in a variable", "all", []string{`sessionBinding.environment.AWS_SECRET_ACCESS_KEY="x"`}, "invalid propertyName 'AWS_SECRET_ACCESS_KEY'"},
		{"a role and an access key", "all", []string{`agent.accessKeySecret="key"`}, "not both"},
		{"no credentials", "all", []string{`sessionBinding.roleArn=""`}, "sessionBinding: set roleArn"},
		{"a role by name", "all", []string{`agent.roleArn="github-agent"`}, "/agent/roleArn"},
		{"the cloud's identity and an access key", "all", []string{`agent.cloudIdentity=true`, `agent.roleArn=""`, `agent.accessKeySecret="key"`}, "cloudIdentity needs roleArn"},
		{"plain http that anybody in the cluster reaches", "all", []string{`sessionBinding.tls.secretName=""`, `networkPolicy.enabled=false`}, "sessionBinding.tls.secretName is missing"},
		{"conversations that are not sealed", "all", []string{`agent.stateKeySecret.name=""`}, "agent.stateKeySecret.name is missing"},
		{"conversations in two places", "all", []string{`agent.environment.S3_BUCKET_NAME="b"`}, "set exactly one"},
		{"one volume of conversations for two", "all", []string{`agent.replicas=2`}, "one process at a time"},
		{"a network that is none", "all", []string{`networkPolicy.exceptAddresses=["metadata"]`}, "/networkPolicy/exceptAddresses/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := helm(t, "template", c.values, c.settings...)
			if err == nil {
				t.Fatalf("%v is accepted", c.settings)
			}
			if !strings.Contains(out, c.want) {
				t.Errorf("%v: the refusal does not say %q:\n%s", c.settings, c.want, out)
			}
		})
	}
}
