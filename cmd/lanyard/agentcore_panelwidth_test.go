package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/lanyard-id/lanyard/api"
)

// longName is as long as an agent's name may be, so that its ARNs are wider than a narrow terminal.
var longName = "a" + strings.Repeat("_long_name", 4) + "_agent"

func longAgent() *agent {
	p := &project{path: projectFileName, doc: yaml.MapSlice{}}
	a := p.put(longName, newAgentDoc(longName))
	a.set("entrypoint", "/srv/"+strings.Repeat("directory/", 12)+"agent.py")
	a.set("aws.account", "000000000000")
	a.set("aws.region", "us-west-2")
	a.set("aws.execution_role", "arn:aws:iam::000000000000:role/service-role/"+longName+"-execution-role-of-this-agent")
	a.set("bedrock_agentcore.agent_id", longName+"-0123456789")
	a.set("bedrock_agentcore.agent_arn", "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/"+longName+"-0123456789")
	a.set("authorizer_configuration.customJWTAuthorizer.discoveryUrl", "https://login.example.com/realms/"+longName+"/.well-known/openid-configuration")
	return a
}

// drawings are all framed texts of the verbs, with values as long as they may be.
func drawings() map[string]func(t *terminal) {
	a := longAgent()
	var b bytes.Buffer
	env := testEnvironment(nil, &b, &b)
	settings := drawnSettings
	settings.Audiences = append(settings.Audiences, "https://"+strings.Repeat("audience.", 20)+"example.com/")
	made := api.DateTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	pools := &poolSetup{Flow: flowUser}
	pools.Runtime.Discovery = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_0123456789/.well-known/openid-configuration"
	pools.Identity.Discovery = pools.Runtime.Discovery
	arn := "arn:aws:bedrock-agentcore:us-west-2:000000000000:token-vault/default/oauth2credentialprovider/" + longName
	return map[string]func(t *terminal){
		"configured": func(t *terminal) { t.configured(env, a) },
		"launched": func(t *terminal) {
			t.launched(&launch{cloud: &cloud{env: env}, o: &launchOptions{}, a: a, version: "1", role: a.roleARN()})
		},
		"introduced": func(t *terminal) {
			i := &invocation{cloud: &cloud{env: env}, o: &invokeOptions{}, a: a, t: t, session: strings.Repeat("session-", 32)}
			i.introduced(introduced{i.a.name, i.session, "request", a.arn()})
		},
		"status": func(t *terminal) {
			t.status(env, a, &shownStatus{Agent: &api.GetAgentRuntimeResponse{ARN: a.arn(), RoleARN: a.roleARN(), Version: "1", Status: api.RuntimeReady, CreatedAt: made, UpdatedAt: made,
				FailureReason: strings.Repeat("why ", 40)}, Sessions: []api.RuntimeSession{{ID: strings.Repeat("s", 256), State: "READY", Version: "1"}}})
		},
		"gone": func(t *terminal) { t.status(env, a, &shownStatus{}) },
		"destroyed": func(t *terminal) {
			t.destroyed(&destruction{shownDestruction: shownDestruction{Removed: []string{"role " + a.roleARN(), "runtime " + a.id() + ", its sessions and its workload identity"}}})
		},
		"federated": func(t *terminal) { t.federated(env, settings) },
		"JWT table": func(t *terminal) { t.jwtTable(settings) },
		"pools":     func(t *terminal) { t.poolsMade(pools) },
		"provider": func(t *terminal) {
			t.providerMade(env, usedProvider{longName, arn, "github", "https://lanyard.example.com/identities/oauth2/callback/" + longName}, true)
		},
		"workload": func(t *terminal) {
			t.workloadSheet("Workload Identity", usedWorkload{longName, arn, []string{"https://" + longName + ".example.com/" + longName}}, nil)
		},
	}
}

// framed are the lines of the frames in a drawing.
func framed(drawing string) []string {
	var lines []string
	for l := range strings.Lines(drawing) {
		if l = strings.TrimRight(l, "\n"); strings.ContainsAny(l, "╭│╰┏┃┡└") {
			lines = append(lines, l)
		}
	}
	return lines
}

// TestFramesAreWhole: every line of a frame is as wide as the others, has both its sides, and fits the terminal.
func TestFramesAreWhole(t *testing.T) {
	for name, draw := range drawings() {
		for _, width := range []int{60, 80, 120, 0} {
			t.Run(fmt.Sprint(name, " ", width), func(t *testing.T) {
				var b bytes.Buffer
				draw(drawingOn(&b, width, false))
				lines := framed(b.String())
				if len(lines) < 3 {
					t.Fatalf("there is no frame in\n%s", b.String())
				}
				for _, l := range lines {
					if n := columnsOf(l); n != columnsOf(lines[0]) || width > 0 && n > width || !strings.HasSuffix(l, string([]rune(l)[0])) && strings.HasPrefix(l, "│") {
						t.Errorf("a line of %d columns:\n%s", n, b.String())
						return
					}
				}
			})
		}
	}
}

// TestFramesLoseNothing: what is broken over lines is there, whole.
func TestFramesLoseNothing(t *testing.T) {
	for _, width := range []int{60, 80, 120, 0} {
		var b bytes.Buffer
		a := longAgent()
		drawings()["launched"](drawingOn(&b, width, false))
		joined := strings.NewReplacer("│", "", " ", "", "\n", "").Replace(b.String())
		for _, want := range []string{a.arn(), a.roleARN()} {
			if !strings.Contains(joined, want) {
				t.Errorf("%d columns: %s is not in\n%s", width, want, b.String())
			}
		}
	}
}

func TestSplitWord(t *testing.T) {
	for _, c := range []struct {
		word       string
		n          int
		head, tail string
	}{
		{"abcdef", 4, "abcd", "ef"},
		{"arn:aws:iam::role", 9, "arn:aws:", "iam::role"},
		{"a/bcdefghij", 8, "a/bcdefg", "hij"}, // a mark that early would leave the line half empty
		{"日本語", 4, "日本", "語"},
		{"語", 1, "語", ""}, // never nothing
	} {
		if head, tail := splitWord(c.word, c.n); head != c.head || tail != c.tail {
			t.Errorf("%s at %d: %q and %q", c.word, c.n, head, tail)
		}
	}
}
