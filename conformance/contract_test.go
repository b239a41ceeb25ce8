//go:build conformance

package conformance_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
)

// The kinds of function that an agent of the Python SDK can have as its entrypoint.
var entrypoints = []string{"sync", "async", "generator", "async-generator"}

// contractAgent is one session of a launched agent, and its user.
type contractAgent struct {
	t       *testing.T
	client  *data.Client
	arn     string
	streams bool // whatever it answers is a stream
	session string
	user    *string
}

// TestContainerContract has an agent of the unmodified Python SDK launched as developers do, once for each kind of
// entrypoint, and invoked by an unmodified AWS SDK. That a busy session outlives its idle time is shown where the clock
// can be moved: see TestPythonContract of the agent host.
func TestContainerContract(t *testing.T) {
	t.Parallel()
	o := newOperator(t, bench.SharedDev(t))
	l := &contractLaunch{dir: bench.Checkout(t), enter: fmt.Sprintf("eval \"$(lanyard env --data-dir '%s')\"\ncd agent\n", o.server.DataDir)}
	l.write(t)
	for _, kind := range entrypoints {
		arn := l.launch(t, kind)
		t.Run(kind, func(t *testing.T) {
			a := contractAgent{t, data.NewFromConfig(o.cfg), arn, strings.HasSuffix(kind, "generator"), "contract-of-alice-0123456789abcdef", aws.String("alice")}
			a.knowsItsRequest()
			a.streamsUnbuffered()
			a.failsPlainly()
			a.refusesBadJSON()
			if kind == "async" {
				a.worksAfterItsAnswer()
				a.diesInAStream()
				a.isWellAddressed()
			}
		})
	}
	t.Run("never healthy", func(t *testing.T) {
		a := contractAgent{t: t, client: data.NewFromConfig(o.cfg), arn: l.launch(t, "nothing"), session: "contract-of-nobody-0123456789abcdef"}
		_, _, err := a.invoke(`{}`)
		refusedWith(t, err, "RuntimeClientError")
		says(t, err, "Runtime initialization failed", "KeyError: 'nothing'")
	})
	for _, kind := range append(entrypoints, "nothing") {
		l.shell(t, "lanyard destroy --force --agent "+contractName(kind))
	}
	gone := contractAgent{t: t, client: data.NewFromConfig(o.cfg), arn: l.arn, session: "contract-of-nobody-0123456789abcdef"}
	_, _, err := gone.invoke(`{}`)
	refusedWith(t, err, "ResourceNotFoundException")
}

// contractLaunch is a developer's folder with the agent. What it launches has the same requirements, so one environment
// is built for all; its packages are those of the quickstarts.
type contractLaunch struct {
	dir, enter string
	arn        string // the last one
}

func (l *contractLaunch) write(t *testing.T) {
	t.Helper()
	folder := filepath.Join(l.dir, "agent")
	check(t, os.Mkdir(folder, 0o755))
	code, err := os.ReadFile("python/contract_agent.py")
	check(t, err)
	check(t, os.WriteFile(filepath.Join(folder, "contract_agent.py"), code, 0o600))
	requirements := fmt.Sprintf("--no-index\n--find-links %s\nbedrock-agentcore\n", bench.Wheels(t))
	check(t, os.WriteFile(filepath.Join(folder, "requirements.txt"), []byte(requirements), 0o600))
}

func (l *contractLaunch) shell(t *testing.T, script string) string {
	t.Helper()
	out, err := bench.Shell(t, l.dir, l.enter+script)
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

func contractName(kind string) string { return "contract_" + strings.ReplaceAll(kind, "-", "_") }

func (l *contractLaunch) launch(t *testing.T, kind string) string {
	t.Helper()
	out := l.shell(t, fmt.Sprintf(`lanyard configure -e contract_agent.py -n %[1]s -rha X-Team -ni >/dev/null 2>&1
lanyard launch --agent %[1]s --env ENTRYPOINT=%[2]s --json 2>/dev/null`, contractName(kind), kind))
	var made struct {
		ARN string `json:"agentRuntimeArn"`
	}
	check(t, json.Unmarshal([]byte(out), &made))
	l.arn = made.ARN
	return made.ARN
}

// begin invokes the agent and returns the answer before it has ended.
func (a contractAgent) begin(payload string, headers ...string) (*data.InvokeAgentRuntimeOutput, error) {
	a.t.Helper()
	return a.client.InvokeAgentRuntime(a.t.Context(), &data.InvokeAgentRuntimeInput{
		AgentRuntimeArn: &a.arn, Payload: []byte(payload), RuntimeSessionId: &a.session, RuntimeUserId: a.user, ContentType: aws.String("application/json"),
	}, func(o *data.Options) {
		for i := 0; i < len(headers); i += 2 {
			o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue(headers[i], headers[i+1]))
		}
	})
}

// invoke returns the values of the answer: one, or those of a stream.
func (a contractAgent) invoke(payload string, headers ...string) ([]map[string]any, *data.InvokeAgentRuntimeOutput, error) {
	a.t.Helper()
	out, err := a.begin(payload, headers...)
	if err != nil {
		return nil, nil, err
	}
	defer out.Response.Close()
	b, err := io.ReadAll(out.Response)
	return a.values(b), out, err
}

func (a contractAgent) values(body []byte) []map[string]any {
	a.t.Helper()
	var all []map[string]any
	for piece := range strings.SplitSeq(strings.TrimSpace(string(body)), "\n\n") {
		var v map[string]any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(piece, "data: ")), &v); err != nil {
			a.t.Fatalf("the agent answered %q: %v", body, err)
		}
		all = append(all, v)
	}
	return all
}

// does invokes the agent, which must answer with one value.
func (a contractAgent) does(payload string, headers ...string) (map[string]any, *data.InvokeAgentRuntimeOutput) {
	a.t.Helper()
	all, out, err := a.invoke(payload, headers...)
	check(a.t, err)
	if want := map[bool]string{true: "text/event-stream", false: "application/json"}[a.streams]; len(all) != 1 || !strings.HasPrefix(aws.ToString(out.ContentType), want) {
		a.t.Fatalf("%s: %v as %s", payload, all, aws.ToString(out.ContentType))
	}
	return all[0], out
}

// knowsItsRequest: the agent has the session, the request and the headers meant for it; a token if it acts for a user.
func (a contractAgent) knowsItsRequest() {
	a.t.Helper()
	if said, _ := a.does(`{"do": "echo", "text": "grüße ☂ \u0000"}`); said["said"] != "grüße ☂ \x00" {
		a.t.Errorf("said %v", said)
	}
	const custom = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant"
	nobody := a
	nobody.user, nobody.session = nil, "contract-of-nobody-0123456789abcdef"
	for _, a := range []contractAgent{a, nobody} {
		knows, out := a.does(`{"do": "context"}`, "X-Team", "blue", custom, "acme", "X-Other", "MARKER", "WorkloadAccessToken", "MARKER", "Cookie", "a=MARKER")
		id, _ := awsmiddleware.GetRequestIDMetadata(out.ResultMetadata)
		token, _ := knows["token"].(string)
		delete(knows, "token")
		if headers, _ := knows["headers"].(map[string]any); a.user != nil { // the SDK passes on both names of the token
			if headers["workloadaccesstoken"] != token || headers["x-amz-bedrock-agentcore-identity-wat"] != token {
				a.t.Error("the agent's token is not the one in its headers")
			}
			delete(headers, "workloadaccesstoken")
			delete(headers, "x-amz-bedrock-agentcore-identity-wat")
		}
		want := map[string]any{"session": a.session, "session of the thread": a.session, "request": id,
			"headers": map[string]any{"x-team": "blue", strings.ToLower(custom): "acme"}}
		if diff := cmp.Diff(want, knows); diff != "" {
			a.t.Errorf("the agent knows (-want +got):\n%s", diff)
		}
		if (token != "") != (a.user != nil) || strings.Contains(token, "MARKER") {
			a.t.Errorf("with user %q the token has %d bytes", aws.ToString(a.user), len(token))
		}
	}
}

// streamsUnbuffered: an event arrives while the next one waits for another request of the same session.
func (a contractAgent) streamsUnbuffered() {
	a.t.Helper()
	out, err := a.begin(`{"do": "stream", "n": 3, "waitAt": 1, "text": "ü"}`)
	check(a.t, err)
	defer out.Response.Close()
	body := bufio.NewReader(out.Response)
	first, err := body.ReadString('\n')
	check(a.t, err)
	a.does(`{"do": "release"}`)
	rest, err := io.ReadAll(body)
	check(a.t, err)
	want := []map[string]any{{"i": 0., "text": "ü"}, {"i": 1., "text": "ü"}, {"i": 2., "text": "ü"}}
	if diff := cmp.Diff(want, a.values([]byte(first+string(rest)))); diff != "" || aws.ToString(out.ContentType) != "text/event-stream; charset=utf-8" {
		a.t.Errorf("the stream is %s (-want +got):\n%s", aws.ToString(out.ContentType), diff)
	}
}

// failsPlainly: an error before the answer is the caller's to see; in a stream it is the last event.
func (a contractAgent) failsPlainly() {
	a.t.Helper()
	midway, _, err := a.invoke(`{"do": "stream", "n": 3, "failAt": 2}`)
	check(a.t, err)
	if len(midway) != 3 || midway[2]["error"] != "the tool broke" || midway[2]["error_type"] != "RuntimeError" {
		a.t.Errorf("an error in a stream: %v", midway)
	}
	for do, saying := range map[string]string{"fail": "the tool is not there", "refuse": "somebody else has the ticket", "nonsense": "unknown: nonsense"} {
		all, _, err := a.invoke(`{"do": "` + do + `"}`)
		if a.streams {
			check(a.t, err)
			if said, _ := all[0]["error"].(string); len(all) != 1 || !strings.Contains(said, saying) {
				a.t.Errorf("%s: %v", do, all)
			}
			continue
		}
		refusedWith(a.t, err, "RuntimeClientError")
		says(a.t, err, saying)
	}
}

// refusesBadJSON: what the SDK says of a payload reaches who sent it.
func (a contractAgent) refusesBadJSON() {
	a.t.Helper()
	for payload, saying := range map[string]string{`{"do": `: "Invalid JSON", "\"\xff\"": "Invalid encoding"} {
		_, _, err := a.invoke(payload)
		refusedWith(a.t, err, "RuntimeClientError")
		says(a.t, err, "400", saying)
	}
}

// worksAfterItsAnswer: work that goes on makes the session busy until it is done.
func (a contractAgent) worksAfterItsAnswer() {
	a.t.Helper()
	a.session = "contract-of-alice-at-work-0123456789"
	a.does(`{"do": "work"}`)
	if s, _ := a.does(`{"do": "status"}`); s["status"] != "HealthyBusy" || s["active_count"] != 1. {
		a.t.Errorf("at work the agent is %v", s)
	}
	a.does(`{"do": "release"}`)
	waitFor(a.t, "the work ends", func() bool {
		s, _ := a.does(`{"do": "status"}`)
		return s["status"] == "Healthy" && s["active_count"] == 0.
	})
}

// diesInAStream: what came before is there, the end is no good end and says why, and a later request has a new process.
func (a contractAgent) diesInAStream() {
	a.t.Helper()
	a.session = "contract-of-alice-dying-0123456789abcdef"
	out, err := a.begin(`{"do": "stream", "n": 3, "waitAt": 1, "dieAt": 1}`)
	check(a.t, err)
	defer out.Response.Close()
	body := bufio.NewReader(out.Response)
	first, err := body.ReadString('\n')
	check(a.t, err)
	if _, _, err := a.invoke(`{"do": "release"}`); err != nil { // the process dies of it, perhaps before it has answered
		refusedWith(a.t, err, "RuntimeClientError")
	}
	rest, err := io.ReadAll(body)
	if err == nil || first != "data: {\"i\": 0, \"text\": \"\"}\n" || !strings.Contains(string(rest), "RuntimeClientError") || !strings.Contains(string(rest), "in the middle of its answer") {
		a.t.Errorf("read %q, then %q, %v", first, rest, err)
	}
	all, _, err := a.invoke(`{"do": "echo", "text": "back"}`) // by a new process
	check(a.t, err)
	if all[0]["said"] != "back" {
		a.t.Errorf("the new process answered %v", all)
	}
	_, _, err = a.invoke(`{"do": "die"}`)
	refusedWith(a.t, err, "RuntimeClientError")
	says(a.t, err, "exit status 9", "the agent gives up")
}

// isWellAddressed: requests for what is not there, or not theirs, are told what is wrong with them.
func (a contractAgent) isWellAddressed() {
	a.t.Helper()
	short := a
	short.session = "too-short"
	_, _, err := short.invoke(`{"do": "echo"}`)
	refusedWith(a.t, err, "ValidationException")
	says(a.t, err, "33")
	unknown := a
	unknown.arn = a.arn[:len(a.arn)-10] + "0123456789"
	_, _, err = unknown.invoke(`{"do": "echo"}`)
	refusedWith(a.t, err, "ResourceNotFoundException")
	other := a
	other.user = aws.String("mallory")
	_, _, err = other.invoke(`{"do": "context"}`) // A52: the session is alice's
	refusedWith(a.t, err, "AccessDeniedException")
}

func says(t *testing.T, err error, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
}
