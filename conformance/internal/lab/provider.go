package lab

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Provider is a running identity provider at which one confidential client, Lanyard, is registered.
type Provider interface {
	Info() ProviderInfo
	// RegisterCallback adds a redirect URI to Lanyard's client.
	RegisterCallback(ctx context.Context, uri string) error
	// UserToken returns a JWT that the provider issued to an application in front of an agent, for the user.
	UserToken(ctx context.Context, user string) (string, error)
	// TokenRequests counts the token endpoint's answers by grant type; failed ones count as "failed".
	TokenRequests(ctx context.Context) (map[string]int, error)
	// pages tells how the user goes through sign-in and consent.
	pages(user string, deny bool) []page
}

// ProviderInfo is what an operator reads off a provider's settings page.
type ProviderInfo struct {
	Name          string   `json:"name"`
	Issuer        string   `json:"issuer"`
	DiscoveryURL  string   `json:"discoveryUrl,omitempty"`
	AuthorizeURL  string   `json:"authorizeUrl,omitempty"`
	TokenURL      string   `json:"tokenUrl,omitempty"`
	UserInfoURL   string   `json:"userInfoUrl"`
	ClientID      string   `json:"clientId"`
	ClientSecret  string   `json:"clientSecret"`
	UserScopes    []string `json:"userScopes"`    // for a user's consent, with a refresh token
	MachineScopes []string `json:"machineScopes"` // for client credentials
	// Audience is what the tokens of UserToken are for, InboundClientID the application that got them.
	Audience        string `json:"audience"`
	InboundClientID string `json:"inboundClientId"`
}

// Claims reads a JWT's claims without verifying anything, as its reader's own eyes would.
func Claims(token string) (map[string]any, error) {
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return nil, fmt.Errorf("the token has %d parts, and a JWT has 3", len(part))
	}
	text, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	return claims, json.Unmarshal(text, &claims)
}

// page is one page of a provider: it is shown when the selector present matches.
type page struct {
	present string
	fill    map[string]string // selector to text
	click   string
}

// call sends a request and decodes a JSON answer; any status but 2xx is an error.
func call(ctx context.Context, method, address string, body io.Reader, header http.Header, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, address, res.Status, text)
	}
	if answer == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, answer)
}

func callJSON(ctx context.Context, method, address, token string, body, answer any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	if method == http.MethodGet {
		return call(ctx, method, address, nil, header, answer)
	}
	return call(ctx, method, address, bytes.NewReader(encoded), header, answer)
}

func callForm(ctx context.Context, address string, form url.Values, answer any) error {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return call(ctx, http.MethodPost, address, strings.NewReader(form.Encode()), header, answer)
}
