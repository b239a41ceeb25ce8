package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/api"
)

// operations calls every operation once, by its typed method.
func operations() map[string]func(context.Context, *Client) error {
	first := func(_ any, err error) error { return err }
	return map[string]func(context.Context, *Client) error{
		"GetWorkloadAccessToken": func(ctx context.Context, c *Client) error { return first(c.GetWorkloadAccessToken(ctx, "agent")) },
		"GetWorkloadAccessTokenForJWT": func(ctx context.Context, c *Client) error {
			return first(c.GetWorkloadAccessTokenForJWT(ctx, "agent", "a.b.c"))
		},
		"GetWorkloadAccessTokenForUserId": func(ctx context.Context, c *Client) error {
			return first(c.GetWorkloadAccessTokenForUserId(ctx, "agent", "alice"))
		},
		"GetResourceOauth2Token": func(ctx context.Context, c *Client) error {
			return first(c.GetResourceOauth2Token(ctx, &api.GetResourceOauth2TokenRequest{WorkloadToken: "wat", ProviderName: "p", Flow: api.FlowM2M}))
		},
		"GetResourceApiKey": func(ctx context.Context, c *Client) error {
			return first(c.GetResourceApiKey(ctx, &api.GetResourceApiKeyRequest{WorkloadToken: "wat", ProviderName: "p"}))
		},
		"CompleteResourceTokenAuth": func(ctx context.Context, c *Client) error {
			return c.CompleteResourceTokenAuth(ctx, &api.CompleteResourceTokenAuthRequest{SessionURI: "urn:x"})
		},
		"CreateWorkloadIdentity": func(ctx context.Context, c *Client) error {
			return first(c.CreateWorkloadIdentity(ctx, &api.CreateWorkloadIdentityRequest{Name: "agent"}))
		},
		"GetWorkloadIdentity": func(ctx context.Context, c *Client) error { return first(c.GetWorkloadIdentity(ctx, "agent")) },
		"ListWorkloadIdentities": func(ctx context.Context, c *Client) error {
			return first(c.ListWorkloadIdentities(ctx, &api.ListRequest{}))
		},
		"UpdateWorkloadIdentity": func(ctx context.Context, c *Client) error {
			return first(c.UpdateWorkloadIdentity(ctx, &api.UpdateWorkloadIdentityRequest{Name: "agent"}))
		},
		"DeleteWorkloadIdentity": func(ctx context.Context, c *Client) error { return c.DeleteWorkloadIdentity(ctx, "agent") },
		"CreateOauth2CredentialProvider": func(ctx context.Context, c *Client) error {
			return first(c.CreateOauth2CredentialProvider(ctx, &api.CreateOauth2CredentialProviderRequest{Name: "p"}))
		},
		"GetOauth2CredentialProvider": func(ctx context.Context, c *Client) error { return first(c.GetOauth2CredentialProvider(ctx, "p")) },
		"ListOauth2CredentialProviders": func(ctx context.Context, c *Client) error {
			return first(c.ListOauth2CredentialProviders(ctx, &api.ListRequest{}))
		},
		"UpdateOauth2CredentialProvider": func(ctx context.Context, c *Client) error {
			return first(c.UpdateOauth2CredentialProvider(ctx, &api.UpdateOauth2CredentialProviderRequest{Name: "p"}))
		},
		"DeleteOauth2CredentialProvider": func(ctx context.Context, c *Client) error { return c.DeleteOauth2CredentialProvider(ctx, "p") },
		"CreateApiKeyCredentialProvider": func(ctx context.Context, c *Client) error {
			return first(c.CreateApiKeyCredentialProvider(ctx, &api.CreateApiKeyCredentialProviderRequest{Name: "p"}))
		},
		"GetApiKeyCredentialProvider": func(ctx context.Context, c *Client) error { return first(c.GetApiKeyCredentialProvider(ctx, "p")) },
		"ListApiKeyCredentialProviders": func(ctx context.Context, c *Client) error {
			return first(c.ListApiKeyCredentialProviders(ctx, &api.ListApiKeyCredentialProvidersRequest{}))
		},
		"UpdateApiKeyCredentialProvider": func(ctx context.Context, c *Client) error {
			return first(c.UpdateApiKeyCredentialProvider(ctx, &api.UpdateApiKeyCredentialProviderRequest{Name: "p"}))
		},
		"DeleteApiKeyCredentialProvider": func(ctx context.Context, c *Client) error { return c.DeleteApiKeyCredentialProvider(ctx, "p") },
		"FindAuditRecords": func(ctx context.Context, c *Client) error {
			return first(c.FindAuditRecords(ctx, &api.FindAuditRecordsRequest{}))
		},
		"ListAuthorizationSessions": func(ctx context.Context, c *Client) error {
			return first(c.ListAuthorizationSessions(ctx, &api.PageRequest{}))
		},
		"ListGrants":     func(ctx context.Context, c *Client) error { return first(c.ListGrants(ctx, &api.ListGrantsRequest{})) },
		"RotateDataKeys": func(ctx context.Context, c *Client) error { return first(c.RotateDataKeys(ctx)) },
		"RevokeGrant": func(ctx context.Context, c *Client) error {
			return first(c.RevokeGrant(ctx, &api.RevokeGrantRequest{GrantID: "gr-1"}))
		},
		"GetCallerIdentity": func(ctx context.Context, c *Client) error { return first(c.GetCallerIdentity(ctx)) },
		"GetWebIdentityToken": func(ctx context.Context, c *Client) error {
			return first(c.GetWebIdentityToken(ctx, &api.GetWebIdentityTokenRequest{Audience: []string{"a"}, SigningAlgorithm: "ES384"}))
		},
		"AssumeRole": func(ctx context.Context, c *Client) error {
			return first(c.AssumeRole(ctx, &api.AssumeRoleRequest{RoleARN: "r", SessionName: "s"}))
		},
		"AssumeRoleWithWebIdentity": func(ctx context.Context, c *Client) error {
			return first(c.AssumeRoleWithWebIdentity(ctx, &api.AssumeRoleWithWebIdentityRequest{RoleARN: "r", SessionName: "s", Token: "t"}))
		},
	}
}

// TestEveryOperation walks the table: a row without a method here fails. Those of IAM are called by TestEveryShapeTravels,
// those of STS by TestEveryQueryOperation, those of agent runtimes by TestEveryRuntimeOperation.
func TestEveryOperation(t *testing.T) {
	methods := operations()
	rows := slices.DeleteFunc(api.Operations(), func(op api.Operation) bool {
		return op.Service == api.IAM || op.Service == api.STS || api.RuntimeInput(op) != nil
	})
	for _, op := range rows {
		t.Run(op.Name, func(t *testing.T) {
			call, ok := methods[op.Name]
			if !ok {
				t.Fatalf("no method calls %s", op.Name)
			}
			called := 0
			s := serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
				called++
				if r.Method != op.Method || r.URL.EscapedPath() != "/base"+op.Path {
					t.Errorf("called %s %s, want %s /base%s", r.Method, r.URL.EscapedPath(), op.Method, op.Path)
				}
				if r.Header.Get("Content-Type") != "application/json" || !json.Valid(body) {
					t.Errorf("body %q of type %q", body, r.Header.Get("Content-Type"))
				}
				w.WriteHeader(op.Status)
				if op.Status != http.StatusNoContent {
					_, _ = io.WriteString(w, `{"memberOfALaterRelease":1}`)
				}
			})
			if err := call(t.Context(), newTestClient(t, s.URL+"/base/")); err != nil || called != 1 {
				t.Errorf("called %d times: %v", called, err)
			}
		})
	}
	if n := len(rows) + len(stsOperations()); len(methods) != n {
		t.Errorf("%d methods for %d operations", len(methods), n)
	}
}

// TestPlanes: AWS clients may be pointed at two listeners, and so may this one.
func TestPlanes(t *testing.T) {
	got := map[string]string{}
	c := newTestClient(t, "", WithEnvironment(func(name string) string {
		return map[string]string{envData: "http://127.0.0.1:1", envControl: "http://127.0.0.1:2"}[name]
	}), WithTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		got[strings.TrimPrefix(r.URL.Path, "/identities/")] = r.URL.Port()
		if r.URL.Path == "/" {
			return answer(200, "<x><GetCallerIdentityResult/><GetWebIdentityTokenResult/><AssumeRoleResult/><AssumeRoleWithWebIdentityResult/></x>"), nil
		}
		return answer(200, "{}"), nil
	})))
	for name, call := range operations() {
		if err := call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{"GetWorkloadAccessToken", "oauth2/token", "api-key", "CompleteResourceTokenAuth", "/lanyard/ListGrants", "/"} {
		if got[path] != "1" {
			t.Errorf("%s went to port %q, want the data plane", path, got[path])
		}
	}
	for _, path := range []string{"CreateWorkloadIdentity", "ListOauth2CredentialProviders", "DeleteApiKeyCredentialProvider"} {
		if got[path] != "2" {
			t.Errorf("%s went to port %q, want the control plane", path, got[path])
		}
	}
}

func TestNilAsksForNothingInParticular(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		if string(body) != "{}" {
			t.Errorf("sent %s", body)
		}
	})
	if err := list(t.Context(), newTestClient(t, s.URL)); err != nil {
		t.Error(err)
	}
}

func TestTokenShapes(t *testing.T) {
	var sent map[string]any
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		sent = nil
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"accessToken":"TOKEN","workloadAccessToken":"WAT","apiKey":"KEY","authorizationUrl":"https://x/"}`)
	})
	c := newTestClient(t, s.URL)
	in := &api.GetResourceOauth2TokenRequest{WorkloadToken: "the wat", ProviderName: "p", Flow: api.FlowM2M}
	out, err := c.GetResourceOauth2Token(t.Context(), in)
	if err != nil || out.AccessToken != "TOKEN" || out.AuthorizationURL != "https://x/" {
		t.Fatalf("got %#v, %v", out, err)
	}
	if scopes, ok := sent["scopes"].([]any); !ok || len(scopes) != 0 || in.Scopes != nil {
		t.Errorf("scopes were sent as %#v, want an empty list; the caller's request must stay as it is", sent["scopes"])
	}
	if sent["workloadIdentityToken"] != "the wat" {
		t.Errorf("sent %v: a secret must travel as it is", sent["workloadIdentityToken"])
	}
	if key, err := c.GetResourceApiKey(t.Context(), &api.GetResourceApiKeyRequest{}); err != nil || key != "KEY" {
		t.Errorf("got key %q, %v", string(key), err)
	}
	if wat, err := c.GetWorkloadAccessToken(t.Context(), "agent"); err != nil || wat != "WAT" {
		t.Errorf("got token %q, %v", string(wat), err)
	}
}

// TestSecretsAreNeverPrinted: neither what a client holds nor what it answers shows a secret, whatever the verb.
func TestSecretsAreNeverPrinted(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		_, _ = io.WriteString(w, `{"accessToken":"MARKER-TOKEN","authorizationUrl":"https://MARKER-URL/"}`)
	})
	c := newTestClient(t, s.URL)
	in := &api.GetResourceOauth2TokenRequest{WorkloadToken: "MARKER-WAT"}
	out, err := c.GetResourceOauth2Token(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, v := range []any{*in, *out} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "MARKER") {
				t.Errorf("%s prints %s", verb, text)
			}
		}
	}
}
