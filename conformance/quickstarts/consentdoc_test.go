//go:build quickstarts

package quickstarts_test

import (
	"regexp"
	"testing"

	"github.com/lanyard-id/lanyard/conformance/quickstarts/document"
)

// consentSpans tell where the blocks of the second document are; it was copied from a page without fences.
var consentSpans = []document.Span{
	{Name: "install", First: regexp.MustCompile(`^mkdir `), Last: regexp.MustCompile(`^pip install `)},
	{Name: "requirements", First: regexp.MustCompile(`^bedrock-agentcore$`), Last: regexp.MustCompile(`^bedrock-agentcore-starter-toolkit$`)},
	{Name: "pool", First: regexp.MustCompile(`^#!/bin/bash`), Last: regexp.MustCompile(`^echo "export COGNITO_PASSWORD=`)},
	{Name: "provider", First: regexp.MustCompile(`^#!/bin/bash`), Last: regexp.MustCompile(`^  }'$`)},
	{Name: "agent", First: regexp.MustCompile(`^"""$`), Last: regexp.MustCompile(`^    app\.run\(\)$`)},
	{Name: "launch", First: regexp.MustCompile(`run (agentcore configure -e \S+) and (agentcore launch)`)},
	{Name: "policy", First: regexp.MustCompile(`^#!/bin/bash`), Last: regexp.MustCompile(`^rm \S+\.json$`)},
	{Name: "invoke", First: regexp.MustCompile(`^agentcore invoke .*--user-id`)},
}

// consentBlocks returns the blocks, whose order the spans give.
func consentBlocks(t *testing.T) (document.Lines, []document.Block) {
	t.Helper()
	lines := seed(t, consentDocument)
	blocks, err := lines.Pasted(consentSpans)
	check(t, err)
	return lines, blocks
}

// Places of the blocks in that order.
const (
	consentInstall = iota
	consentRequirements
	consentPool
	consentRegister
	consentAgent
	consentConfigure
	consentLaunch
	consentPolicy
	consentInvoke
)
