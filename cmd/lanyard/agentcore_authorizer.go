package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Who may call an agent, and what of the call reaches it.

func (o *configureOptions) setAuthorizer(ask *asker, a *agent) error {
	if o.given("authorizer-config") {
		tree, err := authorizerTree(o.authorizer)
		if err == nil {
			a.set("authorizer_configuration", tree)
		}
		return err
	}
	wanted, err := ask.yes("Callers sign with AWS credentials. Configure OAuth authorizer instead?", a.bearer())
	if err != nil || !ask.asks() || wanted == a.bearer() {
		return err
	}
	if !wanted {
		a.set("authorizer_configuration", nil)
		return nil
	}
	tree, err := askAuthorizer(ask)
	if err == nil {
		a.set("authorizer_configuration", tree)
	}
	return err
}

// authorizerTree reads --authorizer-config. An empty text or object takes the authorizer away.
func authorizerTree(text string) (any, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, fmt.Errorf("--authorizer-config is no JSON object: %w", err)
	}
	if len(v) == 0 {
		return nil, nil
	}
	if inner, ok := v["customJWTAuthorizer"].(map[string]any); !ok || len(v) != 1 || inner["discoveryUrl"] == nil {
		return nil, errors.New(`--authorizer-config must look like {"customJWTAuthorizer": {"discoveryUrl": "https://…/.well-known/openid-configuration", "allowedClients": ["…"]}}`)
	}
	return fromJSON(v), nil
}

func askAuthorizer(ask *asker) (any, error) {
	discovery, err := ask.question("OAuth discovery URL:", "", func(s string) error {
		if !strings.HasSuffix(s, "/.well-known/openid-configuration") {
			return errors.New("it ends in /.well-known/openid-configuration")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	inner := ordered("discoveryUrl", discovery)
	for {
		for _, list := range []struct{ member, text string }{{"allowedClients", "Allowed client ids, separated by commas:"}, {"allowedAudience", "Allowed audiences, separated by commas:"}, {"allowedScopes", "Allowed scopes, separated by commas:"}} {
			answer, err := ask.question(list.text, "", nil)
			if err != nil {
				return nil, err
			}
			if values := commaList(answer); len(values) > 0 {
				set(&inner, list.member, anyList(values))
			}
		}
		if len(inner) > 1 {
			return ordered("customJWTAuthorizer", inner), nil
		}
		ask.t.warning("name at least one client id, audience or scope: a token for anybody would do otherwise")
	}
}

func (o *configureOptions) setHeaders(ask *asker, a *agent) error {
	was := textsAt(mapAt(a.doc(), "request_header_configuration"), "requestHeaderAllowlist")
	names := commaList(o.headers)
	if !o.given("request-header-allowlist") {
		var err error
		if names, err = askHeaders(ask, was); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(names, func(n string) bool { return !headerName.MatchString(n) }); i >= 0 {
		return fmt.Errorf("--request-header-allowlist: %q is not the name of a header", clean(names[i]))
	}
	if len(names) == 0 {
		a.set("request_header_configuration", nil)
		return nil
	}
	a.set("request_header_configuration", ordered("requestHeaderAllowlist", anyList(names)))
	return nil
}

func askHeaders(ask *asker, was []string) ([]string, error) {
	wanted, err := ask.yes("Pass headers of callers on to the agent?", len(was) > 0)
	if err != nil || !wanted {
		return nil, err
	}
	list, err := ask.question("Names of the headers, separated by commas:", strings.Join(was, ","), nil)
	return commaList(list), err
}

// commaList splits at commas and drops what is empty.
func commaList(s string) []string {
	out := []string{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
