package client

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/lanyard-id/lanyard/internal/issuer/issuertest"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// clearAWS takes away whatever the default chain would find on the machine of the test.
func clearAWS(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// TestKeyless: with a role and the file that a cluster mounts there is no key anywhere, and the client is the role.
func TestKeyless(t *testing.T) {
	s := servertest.New(t)
	idp := issuertest.New(t).Issuer("id/cluster")
	_, bare, _ := strings.Cut(idp.URL, "://")
	admin := s.Client(s.Root).IAM
	made, err := admin.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: aws.String(idp.URL), ClientIDList: []string{"sts"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = admin.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("agent-role"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow",
		"Principal":{"Federated":"` + aws.ToString(made.OpenIDConnectProviderArn) + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"` + bare + `:sub":"system:serviceaccount:agents:one"}}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	clearAWS(t)
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, idp.Sign(issuertest.Kubernetes("agents", "one", "sts")))
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/agent-role")
	t.Setenv("AWS_ROLE_SESSION_NAME", "pod")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	t.Setenv("AWS_REGION", s.Region)
	for _, name := range []string{envData, envControl, envSTS} {
		t.Setenv(name, s.URL)
	}
	c, err := New(t.Context(), WithClock(s.Clock.Now))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	who, err := c.GetCallerIdentity(t.Context())
	if err != nil || who.ARN != "arn:aws:sts::000000000000:assumed-role/agent-role/pod" {
		t.Errorf("the client is %+v, %v", who, err)
	}
}

// TestWithoutCredentials: nothing to sign with is an error that says so, and nothing is sent.
func TestWithoutCredentials(t *testing.T) {
	clearAWS(t)
	c, err := New(t.Context(), WithEndpoint("http://127.0.0.1:1"), WithTransport(untouched(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetCallerIdentity(t.Context()); err == nil || !strings.Contains(err.Error(), ErrNoCredentials.Error()) {
		t.Errorf("got %v", err)
	}
}
