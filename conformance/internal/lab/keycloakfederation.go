package lab

import (
	"context"
	"fmt"
	"slices"
)

// keycloakIssuer is the identity provider by which Keycloak knows Lanyard's issuer.
const keycloakIssuer = "lanyard-issuer"

// Federate implements Federation with Keycloak's federated client authentication: an identity provider stands for the
// issuer, and the client names it with the subject.
func (k *Keycloak) Federate(ctx context.Context, c FederatedClient) error {
	token, err := k.adminToken(ctx)
	if err != nil {
		return err
	}
	issuer := map[string]any{
		"alias": keycloakIssuer, "providerId": "oidc", "enabled": true,
		"config": map[string]string{
			"issuer": c.Issuer, "validateSignature": "true", "useJwksUrl": "true", "jwksUrl": c.Issuer + "/.well-known/jwks.json",
			"supportsClientAssertions": "true", "supportsClientAssertionReuse": "false",
			// Nobody signs in through it; Keycloak wants these all the same.
			"authorizationUrl": c.Issuer + "/unused", "tokenUrl": c.Issuer + "/unused", "clientId": "unused", "clientSecret": "unused",
		},
	}
	providers := k.admin() + "/identity-provider/instances"
	_ = callJSON(ctx, "DELETE", providers+"/"+keycloakIssuer, token, nil, nil) // of another test; mostly there is none
	if err := callJSON(ctx, "POST", providers, token, issuer, nil); err != nil {
		return err
	}
	return callJSON(ctx, "POST", k.admin()+"/clients", token, map[string]any{
		"clientId": c.ID, "publicClient": false, "clientAuthenticatorType": "federated-jwt", "consentRequired": true,
		"standardFlowEnabled": true, "directAccessGrantsEnabled": false, "serviceAccountsEnabled": true, "redirectUris": []string{},
		"attributes": map[string]string{
			"jwt.credential.issuer": keycloakIssuer, "jwt.credential.sub": c.ID, "pkce.code.challenge.method": "S256",
		},
	}, nil)
}

func (k *Keycloak) admin() string { return k.url + "/admin/realms/" + keycloakRealm }

// RegisterFederatedCallback implements Federation.
func (k *Keycloak) RegisterFederatedCallback(ctx context.Context, client, uri string) error {
	return k.registerCallback(ctx, client, uri)
}

// RegisterCallback implements Provider.
func (k *Keycloak) RegisterCallback(ctx context.Context, uri string) error {
	return k.registerCallback(ctx, keycloakClient, uri)
}

func (k *Keycloak) registerCallback(ctx context.Context, clientID, uri string) error {
	token, err := k.adminToken(ctx)
	if err != nil {
		return err
	}
	clients := k.admin() + "/clients"
	var found []map[string]any
	if err := callJSON(ctx, "GET", clients+"?clientId="+clientID, token, nil, &found); err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("keycloak has %d clients named %s", len(found), clientID)
	}
	client := found[0]
	uris, _ := client["redirectUris"].([]any)
	if !slices.Contains(uris, any(uri)) {
		client["redirectUris"] = append(uris, uri)
	}
	return callJSON(ctx, "PUT", fmt.Sprintf("%s/%s", clients, client["id"]), token, client, nil)
}
