package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var drawnSettings = jwtSettings{Enabled: true, Audiences: []string{"https://api.example.com", "https://api2.example.com"}, Algorithm: "ES384", Duration: 300,
	Issuer: "https://lanyard.example.com/issuer/7e069648-5cc1-4256-a350-65cdc60e1cc6"}

// equal compares a drawing, whose lines stand as they are seen.
func equal(t *testing.T, got, want string) {
	t.Helper()
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), got); d != "" {
		t.Errorf("-want +got:\n%s\ngot:\n%s", d, got)
	}
}

func drawnFederation(width int) string {
	var b bytes.Buffer
	env := testEnvironment(nil, &b, &b)
	env.program = "agentcore"
	drawingOn(&b, width, false).federated(env, drawnSettings)
	return b.String()
}

func TestFederationPanelAt120(t *testing.T) {
	equal(t, drawnFederation(120), `

╭─────────────────────────────────────────── ✅ Success ───────────────────────────────────────────╮
│ AWS IAM JWT Federation Configured                                                                │
│                                                                                                  │
│ Issuer URL: https://lanyard.example.com/issuer/7e069648-5cc1-4256-a350-65cdc60e1cc6              │
│ Audiences: https://api.example.com, https://api2.example.com                                     │
│ Algorithm: ES384                                                                                 │
│ Duration: 300s                                                                                   │
│                                                                                                  │
│ Next Steps:                                                                                      │
│ 1. Let your external service trust this issuer URL                                               │
│ 2. Run agentcore launch to deploy (IAM permissions auto-added)                                   │
│ 3. Use @requires_iam_access_token(audience=[...]) in your agent                                  │
╰──────────────────────────────────────────────────────────────────────────────────────────────────╯

⚠️  External Service Configuration Required

Whoever receives the JWT must:
  1. Trust issuer: https://lanyard.example.com/issuer/7e069648-5cc1-4256-a350-65cdc60e1cc6
  2. Validate audience: https://api.example.com or https://api2.example.com
  3. Fetch JWKS from: https://lanyard.example.com/issuer/7e069648-5cc1-4256-a350-65cdc60e1cc6/.well-known/jwks.json
`)
}

// TestFederationPanelAt80: the issuer's URL is wider than the frame, and below it once more, to be copied.
func TestFederationPanelAt80(t *testing.T) {
	head, below, _ := strings.Cut(drawnFederation(80), "⚠️")
	says(t, below, drawnSettings.Issuer+"\n")
	equal(t, head, `

╭───────────────────────────────── ✅ Success ─────────────────────────────────╮
│ AWS IAM JWT Federation Configured                                            │
│                                                                              │
│ Issuer URL:                                                                  │
│   https://lanyard.example.com/issuer/7e069648-5cc1-4256-a350-65cdc60e1cc6    │
│ Audiences: https://api.example.com, https://api2.example.com                 │
│ Algorithm: ES384                                                             │
│ Duration: 300s                                                               │
│                                                                              │
│ Next Steps:                                                                  │
│ 1. Let your external service trust this issuer URL                           │
│ 2. Run agentcore launch to deploy (IAM permissions auto-added)               │
│ 3. Use @requires_iam_access_token(audience=[...]) in your agent              │
╰──────────────────────────────────────────────────────────────────────────────╯

`)
}

func drawnTable(width int) string {
	var b bytes.Buffer
	drawingOn(&b, width, false).jwtTable(drawnSettings)
	return b.String()
}

func TestFederationTable(t *testing.T) {
	equal(t, drawnTable(120), `
                              AWS IAM JWT Federation Configuration
┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Property           ┃ Value                                                                   ┃
┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ Enabled            │ ✅ Yes                                                                  │
│ Issuer URL         │ https://lanyard.example.com/issuer/7e069648-5cc1-4256-a350-65cdc60e1cc6 │
│ Signing Algorithm  │ ES384                                                                   │
│ Duration (seconds) │ 300                                                                     │
│ Audiences          │ https://api.example.com                                                 │
│                    │ https://api2.example.com                                                │
└────────────────────┴─────────────────────────────────────────────────────────────────────────┘
`)
	equal(t, drawnTable(80), `
                      AWS IAM JWT Federation Configuration
┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Property           ┃ Value                                                   ┃
┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ Enabled            │ ✅ Yes                                                  │
│ Issuer URL         │ https://lanyard.example.com/issuer/7e069648-5cc1-4256-  │
│                    │   a350-65cdc60e1cc6                                     │
│ Signing Algorithm  │ ES384                                                   │
│ Duration (seconds) │ 300                                                     │
│ Audiences          │ https://api.example.com                                 │
│                    │ https://api2.example.com                                │
└────────────────────┴─────────────────────────────────────────────────────────┘
`)
}

// TestPanelsFit: sentences are broken between words, with their styles, at every width.
func TestPanelsFit(t *testing.T) {
	for _, width := range []int{24, 40, 60, 80, 120, 200} {
		var b bytes.Buffer
		d := drawingOn(&b, width, false)
		d.panel(newPanel("✅ Done", good).head("A heading of some length that must be broken somewhere").
			add(plainly("1. Say "), span{accent, "lanyard launch"}, plainly(" and then wait for what comes of it in the end")).field("Name", "größer und 日本語 dazwischen").field("Nothing", ""))
		for l := range strings.Lines(b.String()) {
			l = strings.TrimRight(l, "\n")
			if n := columnsOf(l); n > min(width, widest) {
				t.Errorf("width %d: %d columns: %s", width, n, l)
			}
			if r := []rune(l); !strings.ContainsRune("│╮╯", r[len(r)-1]) {
				t.Errorf("width %d: the frame is open: %s", width, l)
			}
		}
		saysNot(t, b.String(), "Nothing")
	}
}

func TestColumnsOf(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "äöü": 3, "e\u0301": 1, "✅": 2, "日本": 4, "\x1b[2J": 4, "…": 1} {
		if got := columnsOf(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

// TestA48_PanelsAreClean: names in a panel came from others.
func TestA48_PanelsAreClean(t *testing.T) {
	var b bytes.Buffer
	d := drawingOn(&b, 80, false)
	const hostile = "a\x1b[2J\u202eb\rc"
	d.panel(newPanel(hostile, good).head(hostile).field(hostile, hostile))
	d.sheet(hostile, [2]string{"A", "B"}, [][2]string{{hostile, hostile}})
	if strings.ContainsAny(b.String(), "\x1b\r\u202e") {
		t.Errorf("a control character came through: %q", b.String())
	}
}
