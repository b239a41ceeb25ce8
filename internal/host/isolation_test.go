//go:build linux

package host

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

func TestA46_OnlyTheServersHeadersReachTheAgent(t *testing.T) {
	f := start(t, nil)
	spec := f.spec("plain", func(s *hostlink.Spec) { s.HeaderAllowList = []string{"X-Tenant", "Authorization"} })
	in := f.invocation(spec, sessionA, "alice", ask{Do: "headers"})
	in.Inject = http.Header{hostlink.HeaderWorkloadAccessToken: {"wat"}, hostlink.HeaderIdentityWAT: {"wat"}, hostlink.HeaderSessionID: {sessionA}, "X-Evil": {"1"}}
	in.Caller = http.Header{
		"X-Tenant": {"t1"}, "Authorization": {"Bearer user"}, "X-Other": {"1"}, "Cookie": {"c=1"}, "Baggage": {"a=1"},
		"Workloadaccesstoken": {"forged"}, "Workload_access_token": {"forged"}, "X-Amz-Bedrock-Agentcore-Identity-Wat": {"forged"},
		"X_amz_bedrock_agentcore_identity_wat": {"forged"}, "Oauth2callbackurl": {"https://evil.example"}, "X-Amzn-Bedrock-Agentcore-Runtime-User-Id": {"forged"},
		"X-Amzn-Bedrock-Agentcore-Runtime-Custom-A": {"custom"}, "Lanyard-Inject-Workloadaccesstoken": {"forged"}, "X-Forwarded-For": {"1.2.3.4"},
	}
	var got http.Header
	if err := json.Unmarshal([]byte(f.mustDo(in)), &got); err != nil {
		t.Fatal(err)
	}
	got.Del("Content-Length")
	got.Del("User-Agent")
	want := http.Header{
		"X-Tenant": {"t1"}, "Authorization": {"Bearer user"}, "Baggage": {"a=1"}, "X-Amzn-Bedrock-Agentcore-Runtime-Custom-A": {"custom"},
		"Workloadaccesstoken": {"wat"}, "X-Amz-Bedrock-Agentcore-Identity-Wat": {"wat"}, "X-Amzn-Bedrock-Agentcore-Runtime-Session-Id": {sessionA},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the agent received %v, want %v", got, want)
	}
}

func (f *fixture) mustDo(in *hostlink.Invocation) string {
	f.t.Helper()
	out, err := f.do(in)
	if err != nil {
		f.t.Fatalf("%v\n%s", err, f.logged)
	}
	return out
}

func TestA46_HeadersThatAreLanyardsCannotBeListed(t *testing.T) {
	f := start(t, nil)
	for _, name := range []string{"WorkloadAccessToken", "workloadaccesstoken", "X-Amz-Bedrock-AgentCore-Identity-WAT", "OAuth2CallbackUrl", "X_Amzn_Bedrock_AgentCore_Runtime_User_Id", "Cookie", "Host"} {
		spec := f.spec("plain", func(s *hostlink.Spec) { s.HeaderAllowList = []string{name} })
		_, err := f.call(spec, sessionA, "alice", ask{})
		f.wants(err, hostlink.CodeInvalid)
	}
}

func TestA47_EnvironmentIsMadeFromNothing(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the-operators-own")
	t.Setenv("LANYARD_ROOT_KEY", "the-vaults-own")
	f := start(t, func(c *Config) {
		c.Variables = map[string]string{"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": "http://127.0.0.1:8585"}
	})
	spec := f.spec("plain", func(s *hostlink.Spec) {
		s.RoleARN = "arn:aws:iam::000000000000:role/agent"
		s.Environment = map[string]string{"MODEL": "m1", "HOME": "/", "AWS_EC2_METADATA_DISABLED": "false", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example/", "PORT": "1"}
	})
	var env []string
	if err := json.Unmarshal([]byte(f.must(spec, sessionA, "alice", ask{Do: "environment"})), &env); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		names = append(names, name)
		if strings.Contains(value, "own") || strings.Contains(value, "evil") {
			t.Errorf("%s", v)
		}
	}
	want := []string{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE",
		"AWS_REGION", "DOCKER_CONTAINER", "HOME", "HOST", "LANG", "LANYARD_HOST_ID", "MODEL", "PATH", "PORT", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "TMPDIR"}
	if !slices.Equal(names, want) {
		t.Errorf("variables %v, want %v", names, want)
	}
	for _, must := range []string{"MODEL=m1", "AWS_EC2_METADATA_DISABLED=true", "DOCKER_CONTAINER=1"} {
		if !slices.Contains(env, must) {
			t.Errorf("%s is missing of %v", must, env)
		}
	}
}

func TestA47_A51_AgentsDoNotSeeEachOtherNorLanyard(t *testing.T) {
	for name, mode := range map[string]os.FileMode{"below a directory open to all": 0o755, "below a directory that agents cannot enter": 0o700} {
		t.Run(name, func(t *testing.T) { agentsDoNotSee(t, mode) })
	}
}

func agentsDoNotSee(t *testing.T, mode os.FileMode) {
	secret := filepath.Join(t.TempDir(), "lanyard-data")
	if err := os.MkdirAll(secret, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secret, "root.key"), []byte("key of the vault"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := start(t, func(c *Config) { c.Hide = []string{secret} })
	if err := os.Chmod(filepath.Dir(filepath.Dir(secret)), mode); err != nil {
		t.Fatal(err)
	}
	if !f.host.confine.namespaces {
		t.Fatalf("this test needs namespaces, which this machine refuses: %s", f.host.confine.why)
	}
	spec := f.spec("plain")
	f.must(spec, sessionB, "bob", ask{})
	homes, err := filepath.Glob(f.host.path("run", "*", "home"))
	if err != nil || len(homes) != 1 {
		t.Fatal(homes, err)
	}
	neighbour := f.state(sessionB).PID
	for what, path := range map[string]string{
		"the vault's key": filepath.Join(secret, "root.key"), "the host's id": f.host.path("id"), "a log": f.host.path("logs"),
		"the host's environment": "/proc/" + strconv.Itoa(os.Getpid()) + "/environ", "a neighbour's environment": "/proc/" + strconv.Itoa(neighbour) + "/environ",
	} {
		if out := f.must(spec, sessionA, "alice", ask{Do: "read", Text: path}); !strings.Contains(out, "no such file") && !strings.Contains(out, "is a directory") && !strings.Contains(out, "denied") {
			t.Errorf("%s can be read: %q", what, out)
		}
	}
	if out := f.must(spec, sessionA, "alice", ask{Do: "list", Text: f.host.path("run")}); strings.Contains(out, filepath.Base(filepath.Dir(homes[0]))) {
		t.Errorf("neighbours can be listed: %s", out)
	}
	if out := f.must(spec, sessionA, "alice", ask{Do: "read", Text: homes[0] + "/x"}); !strings.Contains(out, "no such file") {
		t.Errorf("a neighbour's home: %s", out)
	}
}

func TestA47_CodeCannotBeAlteredBySessions(t *testing.T) {
	f := start(t, nil)
	if err := os.WriteFile(filepath.Join(f.sourceDir(), "prompt.txt"), []byte("be kind"), 0o666); err != nil {
		t.Fatal(err)
	}
	spec := f.spec("plain")
	if out := f.must(spec, sessionA, "alice", ask{Do: "write", Text: "prompt.txt"}); out == "<nil>" {
		t.Error("an agent overwrote a file that other sessions run from")
	}
	if out := f.must(spec, sessionA, "alice", ask{Do: "read", Text: "prompt.txt"}); out != "be kind|<nil>" {
		t.Error(out)
	}
	if out := f.must(spec, sessionA, "alice", ask{Do: "write", Text: "/tmp/../proc/self/cwd/new"}); out == "<nil>" {
		t.Error("an agent added a file to its code")
	}
}

func TestA47_PortTakenByAnotherProcessGetsNoRequest(t *testing.T) {
	f := start(t, nil)
	f.must(f.spec("plain"), sessionA, "alice", ask{})
	ln, err := net.Listen("tcp", "127.0.0.1:0") // another agent that was quicker
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	called := make(chan struct{}, 1)
	go func() {
		_ = http.Serve(ln, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{} }))
	}()
	p := f.host.list(func(*session) bool { return true })[0].live()
	stolen := *portOnly(p, ln.Addr().(*net.TCPAddr).Port)
	_, err = stolen.connect(t.Context(), "", "")
	f.wants(err, hostlink.CodeNotHealthy)
	if len(called) != 0 {
		t.Error("the stranger was sent a request")
	}
}

// portOnly is the process as it would be had it been given another port.
func portOnly(p *process, port int) *process {
	return &process{host: p.host, session: p.session, spec: p.spec, nonce: p.nonce, cmd: p.cmd, uid: p.uid, port: port}
}

func TestA47_PortIsTheAgentsOwnWithoutUserIDs(t *testing.T) {
	f := start(t, func(c *Config) { c.InsecureNoNamespaces = true })
	f.must(f.spec("plain"), sessionA, "alice", ask{})
	p := f.host.list(func(*session) bool { return true })[0].live()
	same := portOnly(p, p.port)
	same.uid = 0 // as if all agents shared the host's user id
	if err := f.host.confine.checkPort(same); err != nil {
		t.Errorf("its own port: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	same.port = ln.Addr().(*net.TCPAddr).Port
	f.wants(f.host.confine.checkPort(same), hostlink.CodeNotHealthy)
}

func TestA47_AgentOpenToTheNetworkIsRefused(t *testing.T) {
	f := start(t, nil)
	_, err := f.call(f.spec("all-interfaces"), sessionA, "alice", ask{})
	if e := f.wants(err, hostlink.CodeNotHealthy); !strings.Contains(e.Message, "127.0.0.1") {
		t.Error(e.Message)
	}
}

func TestListenersTable(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
   2: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0 100 0 0 10 0
   3: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 444 1 0 100 0 0 10 0
   4: 00000000000000000000000001000000:1F90 0:0 0A 00000000:00000000 00:00000000 00000000  7 0 555 1 0
   5: 0000000000000000FFFF00000100007F:1F90 0:0 0A 00000000:00000000 00:00000000 00000000  7 0 666 1 0
broken
`
	want := []listening{{1000, "111", true}, {0, "222", false}, {7, "555", true}, {7, "666", true}}
	if got := parseListeners([]byte(table), 8080); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
