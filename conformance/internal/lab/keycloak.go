package lab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
)

// The realm file holds these names and secrets.
const (
	keycloakRealm          = "lanyard"
	keycloakClient         = "lanyard"
	keycloakClientSecret   = "keycloak-lanyard-secret"
	keycloakApp            = "agent-app"
	keycloakAppSecret      = "keycloak-agent-app-secret"
	keycloakWorkload       = "workload"
	keycloakWorkloadSecret = "keycloak-workload-secret"
	keycloakAdmin          = "conformance-admin"
	keycloakAdminSecret    = "keycloak-admin-secret"
)

// Keycloak is a Keycloak with the realm of providers/keycloak/realm.json.
type Keycloak struct {
	url string
}

// startKeycloak starts it on a copy of the database into which the realm was imported at installation.
func (l *Lab) startKeycloak() (*Keycloak, error) {
	if _, err := systemProgram("java"); err != nil {
		return nil, err
	}
	program, err := l.component("keycloak", "current", "bin", "kc.sh")
	if err != nil {
		return nil, err
	}
	template, err := l.component("keycloak", "template", "db.mv.db")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(l.tmp, "keycloak")
	if err := copyFile(template, filepath.Join(data, "db.mv.db")); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	k := &Keycloak{url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	cmd := exec.Command(program, "start", "--optimized", "--cache=local", "--hostname="+k.url,
		"--http-enabled=true", "--http-host=127.0.0.1", fmt.Sprintf("--http-port=%d", port))
	cmd.Env = append(cleanEnv(data), "KC_DB_URL=jdbc:h2:file:"+data+"/db;NON_KEYWORDS=VALUE",
		"JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1") // it runs for a minute: starting soon matters more than peak speed
	p, err := startProcess("keycloak", filepath.Join(l.tmp, "keycloak.log"), cmd)
	if err != nil {
		return nil, err
	}
	l.onClose(p.kill)
	return k, p.waitFor(l.ctx, "discovery document", k.answers)
}

func (k *Keycloak) answers() bool {
	res, err := http.Get(k.Info().DiscoveryURL)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

func (k *Keycloak) realm() string { return k.url + "/realms/" + keycloakRealm }

func (k *Keycloak) tokenURL() string { return k.realm() + "/protocol/openid-connect/token" }

// Info implements Provider.
func (k *Keycloak) Info() ProviderInfo {
	return ProviderInfo{
		Name:            "keycloak",
		Issuer:          k.realm(),
		DiscoveryURL:    k.realm() + "/.well-known/openid-configuration",
		UserInfoURL:     k.realm() + "/protocol/openid-connect/userinfo",
		ClientID:        keycloakClient,
		ClientSecret:    keycloakClientSecret,
		UserScopes:      []string{"openid", "email", "offline_access"},
		MachineScopes:   []string{"email"},
		Audience:        keycloakApp,
		InboundClientID: keycloakApp,
	}
}

// adminToken is for the realm's service account that may manage clients and read events.
func (k *Keycloak) adminToken(ctx context.Context) (string, error) {
	return k.token(ctx, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {keycloakAdmin}, "client_secret": {keycloakAdminSecret},
	})
}

func (k *Keycloak) token(ctx context.Context, form url.Values) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err := callForm(ctx, k.tokenURL(), form, &answer)
	return answer.AccessToken, err
}

// UserToken implements Provider.
func (k *Keycloak) UserToken(ctx context.Context, user string) (string, error) {
	return k.token(ctx, url.Values{
		"grant_type": {"password"}, "client_id": {keycloakApp}, "client_secret": {keycloakAppSecret},
		"username": {user}, "password": {user + "-password"}, "scope": {"openid"},
	})
}

// WorkloadToken implements WorkloadIssuer.
func (k *Keycloak) WorkloadToken(ctx context.Context) (WorkloadToken, error) {
	return workloadToken(ctx, k.tokenURL(), url.Values{"client_id": {keycloakWorkload}, "client_secret": {keycloakWorkloadSecret}})
}

// TokenRequests implements Provider: it reads Keycloak's event log.
func (k *Keycloak) TokenRequests(ctx context.Context) (map[string]int, error) {
	token, err := k.adminToken(ctx)
	if err != nil {
		return nil, err
	}
	var events []struct{ Type, ClientID string }
	address := k.url + "/admin/realms/" + keycloakRealm + "/events?max=10000&client=" + keycloakClient
	if err := callJSON(ctx, "GET", address, token, nil, &events); err != nil {
		return nil, err
	}
	grants := map[string]string{
		"CODE_TO_TOKEN": "authorization_code", "REFRESH_TOKEN": "refresh_token", "CLIENT_LOGIN": "client_credentials",
		"CODE_TO_TOKEN_ERROR": "failed", "REFRESH_TOKEN_ERROR": "failed", "CLIENT_LOGIN_ERROR": "failed",
	}
	counts := map[string]int{"failed": 0}
	for _, event := range events {
		if grant, ok := grants[event.Type]; ok {
			counts[grant]++
		}
	}
	return counts, nil
}

func (k *Keycloak) pages(user string, deny bool) []page {
	consent := page{present: "#kc-oauth", click: "[name=accept]"}
	if deny {
		consent.click = "[name=cancel]"
	}
	return []page{
		{
			present: "#kc-form-login",
			fill:    map[string]string{"#username": user, "#password": user + "-password"},
			click:   "#kc-login",
		},
		consent,
	}
}
