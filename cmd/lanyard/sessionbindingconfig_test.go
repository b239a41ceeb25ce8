package main

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newContext(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(t.Context()))
}

// bindingFile writes a configuration.
func bindingFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "session-binding.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const goodBinding = "signer: arn:x\naws_region: us-west-2\n"

func TestSessionBindingConfigTeaches(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"no signer":            {"environment: test\n", "signer: is missing"},
		"unknown key":          {goodBinding + "sgner: x\n", "sgner"},
		"no keys":              {"signer: arn:x\n", "keys_url: set exactly one"},
		"two places of keys":   {goodBinding + "keys_url: https://k.example\n", "keys_url: set exactly one"},
		"unknown region":       {"signer: arn:x\naws_region: mars\n", "aws_region:"},
		"region of China":      {"signer: arn:x\naws_region: cn-north-1\n", "aws_region:"},
		"listen":               {goodBinding + "listen: here\n", "listen:"},
		"plain on the network": {goodBinding + "listen: 0.0.0.0:8587\n", "insecure_http"},
		"plain, no host":       {goodBinding + "listen: :8587\n", "insecure_http"},
		"half of TLS":          {goodBinding + "tls: {cert_file: c}\n", "tls: needs both"},
		"endpoint":             {goodBinding + "endpoint: lanyard\n", "endpoint:"},
		"endpoint with user":   {goodBinding + "endpoint: https://u:p@lanyard.example\n", "endpoint:"},
		"plain endpoint":       {goodBinding + "endpoint: http://lanyard.example\n", "not https"},
		"signing region":       {goodBinding + "region: mars\n", "region:"},
		"user":                 {goodBinding + "user: email\n", "user: \"email\""},
		"jwt without header":   {"user: jwt\n", "jwt_header: is missing"},
		"header without jwt":   {goodBinding + "jwt_header: Authorization\n", "jwt_header:"},
		"client without":       {"user: jwt\njwt_header: A\nclient: c\n", "signer: is missing"},
		"log level":            {goodBinding + "log: {level: loud, format: json}\n", "log.level"},
		"log format":           {goodBinding + "log: {level: info, format: xml}\n", "log.format"},
	} {
		if _, err := readBindingConfig(bindingFile(t, tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"user id": goodBinding, "keys": "signer: s\nkeys_url: https://k.example\n", "jwt": "user: jwt\njwt_header: X-Amzn-Oidc-Accesstoken\n",
		"jwt and signer": goodBinding + "user: jwt\njwt_header: Authorization\n", "network": goodBinding + "listen: 0.0.0.0:1\ninsecure_http: true\n",
		"TLS": goodBinding + "listen: 0.0.0.0:1\ntls: {cert_file: c, key_file: k}\n", "local endpoint": goodBinding + "endpoint: http://127.0.0.1:8585\n",
	} {
		if _, err := readBindingConfig(bindingFile(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readBindingConfig(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Error(err)
	}
}

// TestA63_StateKeyIsItsOwnersAlone: and whole.
func TestA63_StateKeyIsItsOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := base64.StdEncoding.EncodeToString(make([]byte, 32))
	if key, err := readStateKey(write("good", good+"\n", 0o600)); err != nil || len(key) != 32 {
		t.Error(err)
	}
	for want, path := range map[string]string{
		"chmod 600": write("open", good, 0o604), "mode 0640": write("group", good, 0o640), "32 bytes": write("short", good[:20], 0o600), "openssl": filepath.Join(dir, "none"), "not a file": dir,
	} {
		if _, err := readStateKey(path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), good[:20]) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestSessionBindingSaysWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"endpoint":   {goodBinding + "listen: 127.0.0.1:0\n", "no endpoint is set"},
		"state key":  {goodBinding + "endpoint: https://l.example\nstate_key_file: none\n", "state_key_file"},
		"own page":   {goodBinding + "endpoint: https://l.example\nsuccess_page: none\n", "success_page"},
		"keys":       {"signer: s\nkeys_url: http://k.example\nendpoint: https://l.example\n", "plain http"},
		"TLS":        {goodBinding + "endpoint: https://l.example\nlisten: 127.0.0.1:0\ntls: {cert_file: c, key_file: k}\n", "tls.cert_file"},
		"an address": {goodBinding + "endpoint: https://l.example\nlisten: 127.0.0.1:99999\n", "choose another address"},
	} {
		vars := map[string]string{"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-west-2"}
		code, _, said := cli(t, vars, "session-binding", "--config", bindingFile(t, tc.text))
		if code != 1 || !strings.Contains(said, tc.want) {
			t.Errorf("%s: %d %s", name, code, said)
		}
		says(t, said, "client is not set", "issuer is not set")
	}
	code, _, said := cli(t, nil, "session-binding", "--config", bindingFile(t, goodBinding+"insecure_http: true\n"))
	if code != 1 || !strings.Contains(said, `"setting":"insecure_http"`) {
		t.Errorf("a weakening is not named: %s", said)
	}
}

func TestServeUntilDoneSaysThatTheListenerEnded(t *testing.T) {
	cfg := bindingConfig{Listen: "127.0.0.1:0"}
	ln, err := cfg.listen(t.Context(), time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := serveUntilDone(t.Context(), newLogger(io.Discard, logConfig{}), ln, nil); err == nil || !strings.Contains(err.Error(), "listener ended") {
		t.Error(err)
	}
}
