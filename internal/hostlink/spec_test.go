package hostlink

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func goodSpec() *Spec {
	return &Spec{RuntimeARN: "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/agent-a1b2c3d4e5", RuntimeID: "agent-a1b2c3d4e5", Version: "1",
		Source: Source{Directory: "/srv/agent"}, EntryPoint: []string{"agent.py"}, Language: "PYTHON_3_12"}
}

func TestSpecValidate(t *testing.T) {
	if err := goodSpec().Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Spec){
		"runtimeId": func(s *Spec) { s.RuntimeID = "../../etc" },
		"version":   func(s *Spec) { s.Version = "../1" },
		"runtimeArn": func(s *Spec) {
			s.RuntimeARN = "arn:aws:bedrock-agentcore:us-west-2:000000000000:runtime/other-a1b2c3d4e5"
		},
		"language":            func(s *Spec) { s.Language = "COBOL" },
		"source":              func(s *Spec) { s.Source = Source{} },
		"source: give":        func(s *Spec) { s.Source.Archive = strings.Repeat("0", 64) },
		"source.archive":      func(s *Spec) { s.Source = Source{Archive: "../../x"} },
		"source.directory":    func(s *Spec) { s.Source.Directory = "relative" },
		"clean absolute":      func(s *Spec) { s.Source.Directory = "/srv/../etc" },
		"entryPoint":          func(s *Spec) { s.EntryPoint = nil },
		"NUL":                 func(s *Spec) { s.EntryPoint = []string{"a\x00b"} },
		"protocol MCP":        func(s *Spec) { s.Protocol = "MCP" },
		"protocol A2A":        func(s *Spec) { s.Protocol = "A2A" },
		`protocol "GRPC"`:     func(s *Spec) { s.Protocol = "GRPC" },
		"idleTimeout 59":      func(s *Spec) { s.IdleTimeout = 59 },
		"maxLifetime 1209601": func(s *Spec) { s.MaxLifetime = 1209601 },
		"maxLifetime -1":      func(s *Spec) { s.MaxLifetime = -1 },
		"variable's name":     func(s *Spec) { s.Environment = map[string]string{"A=B": "x"} },
		"value of A":          func(s *Spec) { s.Environment = map[string]string{"A": "x\x00"} },
		"not a header's name": func(s *Spec) { s.HeaderAllowList = []string{"X Tenant"} },
		"is set by Lanyard":   func(s *Spec) { s.HeaderAllowList = []string{"workloadAccessToken"} },
	} {
		s := goodSpec()
		change(s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

func TestErrorsNeverHoldValuesOfVariables(t *testing.T) {
	s := goodSpec()
	s.Environment = map[string]string{"KEY": "hunter2" + strings.Repeat("x", maxVariable)}
	if err := s.Validate(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestSpecHashTellsEveryField(t *testing.T) {
	base := goodSpec().Hash()
	if base != goodSpec().Hash() {
		t.Fatal("equal specs differ")
	}
	seen := map[string]bool{base: true}
	for i, change := range []func(*Spec){
		func(s *Spec) { s.Version = "2" }, func(s *Spec) { s.Environment = map[string]string{"A": "1"} }, func(s *Spec) { s.Environment = map[string]string{"A": "2"} },
		func(s *Spec) { s.RoleARN = "r" }, func(s *Spec) { s.HeaderAllowList = []string{"A"} }, func(s *Spec) { s.EntryPoint = []string{"agent.py", ""} }, func(s *Spec) { s.IdleTimeout = 60 },
	} {
		s := goodSpec()
		change(s)
		if seen[s.Hash()] {
			t.Errorf("change %d is not in the hash", i)
		}
		seen[s.Hash()] = true
	}
	a, b := goodSpec(), goodSpec()
	a.Environment, b.Environment = map[string]string{}, map[string]string{}
	for i := range 20 {
		a.Environment[fmt.Sprint("V", i)] = "x"
		b.Environment[fmt.Sprint("V", 19-i)] = "x"
	}
	if a.Hash() != b.Hash() {
		t.Error("the order of variables is in the hash")
	}
}

func TestSpecTimes(t *testing.T) {
	s := goodSpec()
	if s.Idle() != 15*time.Minute || s.Lifetime() != 8*time.Hour {
		t.Error(s.Idle(), s.Lifetime())
	}
	s.IdleTimeout, s.MaxLifetime = 60, 61
	if s.Idle() != time.Minute || s.Lifetime() != 61*time.Second {
		t.Error(s.Idle(), s.Lifetime())
	}
}
