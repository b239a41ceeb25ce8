package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// agent is one agent of the file.
type agent struct {
	project *project
	name    string
}

func (a *agent) doc() yaml.MapSlice { return mapAt(a.project.doc, "agents", a.name) }

func (a *agent) aws() yaml.MapSlice { return mapAt(a.doc(), "aws") }

func (a *agent) deployed() yaml.MapSlice { return mapAt(a.doc(), "bedrock_agentcore") }

// set changes a member by its path below the agent. Names of agents have no dots.
func (a *agent) set(path string, value any) {
	setAt(&a.project.doc, "agents."+a.name+"."+path, value)
}

func (a *agent) region() string  { return textAt(a.aws(), "region") }
func (a *agent) account() string { return textAt(a.aws(), "account") }
func (a *agent) roleARN() string { return textAt(a.aws(), "execution_role") }
func (a *agent) id() string      { return textAt(a.deployed(), "agent_id") }
func (a *agent) arn() string     { return textAt(a.deployed(), "agent_arn") }
func (a *agent) session() string { return textAt(a.deployed(), "agent_session_id") }

// bearer tells whether the runtime takes JWTs in place of AWS signatures.
func (a *agent) bearer() bool { return len(mapAt(a.doc(), "authorizer_configuration")) > 0 }

// decoded reads a member that is kept as the wire has it into one of the wire's shapes. ok is false where there is none.
func (a *agent) decoded(member string, into any) (ok bool, err error) {
	tree := mapAt(a.doc(), member)
	if len(tree) == 0 {
		return false, nil
	}
	b, err := json.Marshal(toJSON(tree))
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %s of agent %s cannot be read: %w", projectFileName, member, a.name, err)
	}
	return true, nil
}

// jwtSettings is the section aws_jwt.
type jwtSettings struct {
	Enabled   bool     `json:"enabled"`
	Audiences []string `json:"audiences"`
	Algorithm string   `json:"signingAlgorithm"`
	Issuer    string   `json:"issuerUrl"`
	Duration  int      `json:"durationSeconds"`
}

// Bounds and defaults of web identity tokens.
const (
	jwtAlgorithm   = "ES384"
	jwtDuration    = 300
	minJWTDuration = 60
	maxJWTDuration = 3600
)

func (a *agent) jwt() jwtSettings {
	m := mapAt(a.doc(), "aws_jwt")
	s := jwtSettings{Enabled: boolAt(m, "enabled"), Audiences: textsAt(m, "audiences"), Algorithm: textAt(m, "signing_algorithm"), Issuer: textAt(m, "issuer_url"), Duration: intAt(m, "duration_seconds")}
	if s.Audiences == nil {
		s.Audiences = []string{}
	}
	if s.Algorithm == "" {
		s.Algorithm = jwtAlgorithm
	}
	if s.Duration == 0 {
		s.Duration = jwtDuration
	}
	return s
}

func (a *agent) setJWT(s jwtSettings) {
	a.set("aws_jwt.enabled", s.Enabled)
	a.set("aws_jwt.audiences", anyList(s.Audiences))
	a.set("aws_jwt.signing_algorithm", s.Algorithm)
	a.set("aws_jwt.issuer_url", orNull(s.Issuer))
	a.set("aws_jwt.duration_seconds", s.Duration)
}

// usedProvider is a credential provider of the section identity.
type usedProvider struct {
	Name     string `json:"name"`
	ARN      string `json:"arn"`
	Type     string `json:"type"`
	Callback string `json:"callbackUrl"`
}

func (a *agent) providers() []usedProvider {
	var out []usedProvider
	for _, v := range listAt(mapAt(a.doc(), "identity"), "credential_providers") {
		m := asMap(v)
		out = append(out, usedProvider{textAt(m, "name"), textAt(m, "arn"), textAt(m, "type"), textAt(m, "callback_url")})
	}
	return out
}

// putProvider notes a provider; one of the same name is replaced.
func (a *agent) putProvider(p usedProvider) {
	list := slices.Clone(listAt(mapAt(a.doc(), "identity"), "credential_providers"))
	entry := ordered("name", p.Name, "arn", p.ARN, "type", p.Type, "callback_url", p.Callback)
	if i := slices.IndexFunc(list, func(v any) bool { return textAt(asMap(v), "name") == p.Name }); i >= 0 {
		list[i] = entry
	} else {
		list = append(list, entry)
	}
	a.set("identity.credential_providers", list)
}

// usedWorkload is the workload identity of the section identity.
type usedWorkload struct {
	Name       string   `json:"name"`
	ARN        string   `json:"arn"`
	ReturnURLs []string `json:"returnUrls"`
}

func (a *agent) workload() (usedWorkload, bool) {
	m := mapAt(a.doc(), "identity", "workload")
	w := usedWorkload{textAt(m, "name"), textAt(m, "arn"), textsAt(m, "return_urls")}
	return w, w.Name != ""
}

func (a *agent) setWorkload(w usedWorkload) {
	a.set("identity.workload", ordered("name", w.Name, "arn", w.ARN, "return_urls", anyList(w.ReturnURLs)))
}
