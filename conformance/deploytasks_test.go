//go:build conformance

package conformance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// taskDefinition is what is looked at of a task definition.
type taskDefinition struct {
	Family               string
	ContainerDefinitions []struct {
		Name, User                        string
		Essential, ReadonlyRootFilesystem bool
		EntryPoint, Command               []string
		Environment                       []struct{ Name, Value string }
		Secrets                           []struct{ Name, ValueFrom string }
		LinuxParameters                   struct{ Capabilities struct{ Drop []string } }
		DependsOn                         []struct{ ContainerName, Condition string }
	}
}

// placeholders are what an operator fills in, and what the tests do.
var placeholders = map[string]string{
	"REGION": "eu-central-1", "ACCOUNT": "111122223333", "VPC_CIDR": "10.0.0.0/16", "LANYARD_HOST": "lanyard.example.com", "AGENTS_HOST": "agents.example.com",
	"DATABASE_HOST": "127.0.0.1", "KEY_ID": "1234abcd-12ab-34cd-56ef-1234567890ab", "OIDC_ISSUER": "https://login.example.com", "OIDC_CLIENT": "front-door",
	"NAMESPACE": "agents.internal", "REGISTRY": "111122223333.dkr.ecr.eu-central-1.amazonaws.com", "VERSION": "1.0", "AWS_CLI_VERSION": "2.36.12",
	"FILE_SYSTEM": "fs-0123456789abcdef0", "ACCESS_POINT": "fsap-0123456789abcdef0", "BUCKET": "conversations", "INFERENCE_PROFILE": "eu.model",
}

var placeholder = regexp.MustCompile(`<([A-Z_]+)>`)

// filled is a task definition without placeholders.
func filled(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return placeholder.ReplaceAllStringFunc(string(text), func(p string) string {
		value := placeholders[strings.Trim(p, "<>")]
		if value == "" {
			t.Errorf("%s: nothing is known of the placeholder %s", filepath.Base(file), p)
		}
		return value
	})
}

// validateTask has the AWS SDK for Python judge the parameters of RegisterTaskDefinition, without calling anybody.
const validateTask = `
import json, sys
import botocore.session
from botocore.validate import ParamValidator
shape = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
report = ParamValidator().validate(json.load(open(sys.argv[1])), shape)
print(report.generate_report())
sys.exit(report.has_errors())
`

func TestDeployTaskDefinitions(t *testing.T) {
	t.Parallel()
	python := bench.Tool(t, "python", "bin", "python")
	check := func(t *testing.T, text string) (string, error) {
		file := filepath.Join(t.TempDir(), "task.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return bench.Run(t, nil, python, "-c", validateTask, file)
	}
	for _, file := range deployed(t, "ecs/*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text := filled(t, file)
			if out, err := check(t, text); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			if out, err := check(t, strings.Replace(text, `"essential"`, `"essentials"`, 1)); err == nil {
				t.Errorf("a misspelt key is accepted:\n%s", out)
			}
		})
	}
}

func TestDeployTasksHaveNoPrivileges(t *testing.T) {
	t.Parallel()
	for _, file := range deployed(t, "ecs/*.json") {
		task := decodeTask(t, file)
		for _, c := range task.ContainerDefinitions {
			if dropped := strings.Join(c.LinuxParameters.Capabilities.Drop, " "); c.Name != "files" && dropped != "ALL" {
				t.Errorf("%s/%s drops the capabilities %q, want ALL", task.Family, c.Name, dropped)
			}
			if c.Name == task.Family && (c.User != "65532:65532" || !c.ReadonlyRootFilesystem) {
				t.Errorf("%s/%s runs as %q, read-only %t", task.Family, c.Name, c.User, c.ReadonlyRootFilesystem)
			}
			for _, v := range c.Environment {
				if strings.Contains(v.Name, "SECRET") || strings.Contains(v.Name, "PASSWORD") || strings.Contains(v.Value, "PRIVATE KEY") {
					t.Errorf("%s/%s has a secret in plain text: %s", task.Family, c.Name, v.Name)
				}
			}
		}
	}
}

func decodeTask(t *testing.T, file string) taskDefinition {
	t.Helper()
	var task taskDefinition
	if err := json.Unmarshal([]byte(filled(t, file)), &task); err != nil {
		t.Fatal(err)
	}
	return task
}

// TestDeployTaskFiles runs what the first container of each task does, and starts the program with what it wrote.
func TestDeployTaskFiles(t *testing.T) {
	t.Parallel()
	for family, verb := range map[string]string{"lanyard": "serve", "front-door": "frontdoor", "session-binding": "session-binding", "agent": ""} {
		t.Run(family, func(t *testing.T) {
			t.Parallel()
			s := newSecrets(t)
			dir := t.TempDir()
			s.prepare(decodeTask(t, deployed(t, "ecs/"+family+".json")[0]), dir)
			if verb == "" {
				text, err := os.ReadFile(filepath.Join(dir, "aws-config"))
				if err != nil {
					t.Fatal(err)
				}
				checkProfile(t, string(text), "https://lanyard.example.com")
				return
			}
			text, err := os.ReadFile(filepath.Join(dir, family+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			s.accepts(verb, strings.ReplaceAll(string(text), "/files/", dir+"/"))
		})
	}
}

// prepare runs the container `files` with its volume at dir, and checks that secrets are for their reader alone.
func (s *secrets) prepare(task taskDefinition, dir string) {
	s.t.Helper()
	c := task.ContainerDefinitions[0]
	if c.Name != "files" || c.Essential || len(c.Command) != 3 {
		s.t.Fatalf("%s does not begin with the container that writes its files", task.Family)
	}
	script := strings.NewReplacer("/files/", dir+"/", "65532:65532", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())).Replace(c.Command[2])
	var variables []string
	for _, v := range c.Environment {
		variables = append(variables, v.Name+"="+v.Value)
	}
	for _, v := range c.Secrets {
		variables = append(variables, v.Name+"="+aKey)
	}
	if out, err := bench.Run(s.t, variables, "/bin/sh", "-c", script); err != nil {
		s.t.Fatalf("%s: %v\n%s", task.Family, err, out)
	}
	for _, name := range []string{"nonce.key", "state.key", "client-secret"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().Perm() != 0o600 {
			s.t.Errorf("%s: %s has mode %04o, want 0600", task.Family, name, info.Mode().Perm())
		}
	}
}

// TestDeployTaskToken plays the container `token` once: the file is whole or absent, and what failed leaves the token before.
func TestDeployTaskToken(t *testing.T) {
	t.Parallel()
	for _, family := range []string{"agent", "session-binding"} {
		c := decodeTask(t, deployed(t, "ecs/"+family+".json")[0]).ContainerDefinitions[1]
		if c.Name != "token" || len(c.Command) != 1 {
			t.Fatalf("%s has no container that renews its token", family)
		}
		dir := t.TempDir()
		once := strings.NewReplacer("/token/", dir+"/", "while :; do ", "", "sleep 240", "echo renewed", "sleep 5; done", "echo failed").Replace(c.Command[0])
		play := func(aws string) string {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "aws"), []byte("#!/bin/sh\n"+aws+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			out, err := bench.Run(t, []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, "/bin/sh", "-c", once)
			if err != nil {
				t.Fatalf("%s: %v\n%s", once, err, out)
			}
			token, err := os.ReadFile(filepath.Join(dir, "token"))
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(out) + " " + strings.TrimSpace(string(token))
		}
		if got := play(`[ "$1 $2" = "sts get-web-identity-token" ] && echo first`); got != "renewed first" {
			t.Errorf("%s: %q", family, got)
		}
		if got := play("echo half; exit 255"); got != "failed first" {
			t.Errorf("%s: after a failure the token is %q", family, got)
		}
		if got := play("echo second"); got != "renewed second" {
			t.Errorf("%s: %q", family, got)
		}
	}
}
