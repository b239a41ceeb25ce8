package oauth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lanyard-id/lanyard/internal/oauth"
)

func TestVendorRowsAreComplete(t *testing.T) {
	want := []string{"CustomOauth2", "GithubOauth2", "GoogleOauth2", "MicrosoftOauth2", "SlackOauth2", "AtlassianOauth2", "SalesforceOauth2", "OktaOauth2", "CognitoOauth2"}
	if !slices.Equal(oauth.ServedVendors(), want) {
		t.Fatalf("served vendors %v, want %v", oauth.ServedVendors(), want)
	}
	if got := oauth.ServedList(); !strings.HasPrefix(got, "CustomOauth2, GithubOauth2, ") || !strings.HasSuffix(got, ", OktaOauth2 and CognitoOauth2") {
		t.Errorf("in words: %s", got)
	}
	for _, row := range oauth.Vendors() {
		if row.ScopeSeparator == "" || row.AnswerScopeSeparators == "" || !strings.HasSuffix(row.ConfigMember, "ProviderConfig") {
			t.Errorf("row %s is incomplete", row.Name)
		}
		fixed := row.Endpoints != (oauth.Endpoints{})
		if fixed == (row.Configures >= oauth.ConfiguresIssuer) {
			t.Errorf("row %s: endpoints come from the row or from the provider, not both and not neither", row.Name)
		}
		if fixed && (row.Endpoints.Issuer == "" || row.Endpoints.Authorization == "" || row.Endpoints.Token == "") {
			t.Errorf("row %s lacks an endpoint", row.Name)
		}
		for _, endpoint := range []string{row.Endpoints.Authorization, row.Endpoints.Token, row.Endpoints.Revocation} {
			if endpoint != "" && !strings.HasPrefix(endpoint, "https://") {
				t.Errorf("row %s has the endpoint %s", row.Name, endpoint)
			}
		}
	}
}

func TestVendorRowsCannotBeChangedByACaller(t *testing.T) {
	row, _ := oauth.Vendor("GithubOauth2")
	row.ErrorKinds["bad_refresh_token"] = oauth.Transient
	again, _ := oauth.Vendor("GithubOauth2")
	if again.ErrorKinds["bad_refresh_token"] != oauth.InvalidGrant {
		t.Error("the table is shared state")
	}
	if _, ok := oauth.Vendor("githuboauth2"); ok {
		t.Error("vendor names are exact")
	}
}

func TestTableMovesAVendor(t *testing.T) {
	table, err := oauth.NewTable(map[string]string{"GithubOauth2": "https://github.example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	row, _ := table.Vendor("GithubOauth2")
	want := oauth.Endpoints{
		Issuer:        "https://github.example.com/login/oauth",
		Authorization: "https://github.example.com/login/oauth/authorize",
		Token:         "https://github.example.com/login/oauth/access_token",
		Revocation:    "https://github.example.com/api/v3/applications/{client_id}/grant",
	}
	if row.Endpoints != want {
		t.Errorf("endpoints %+v", row.Endpoints)
	}
	published, _ := oauth.Vendor("GithubOauth2")
	if published.Endpoints.Token != "https://github.com/login/oauth/access_token" {
		t.Error("moving one installation's row moved the published one")
	}
}

func TestTableRefusesBadBaseURLs(t *testing.T) {
	for vendor, base := range map[string]string{
		"NoSuchVendor":  "https://host.example",
		"CustomOauth2":  "https://host.example",
		"OktaOauth2":    "https://host.example",
		"CognitoOauth2": "https://host.example",
	} {
		if _, err := oauth.NewTable(map[string]string{vendor: base}); err == nil {
			t.Errorf("%s can be moved", vendor)
		}
	}
	for _, base := range []string{
		"", "github.example.com", "/relative", "ftp://host.example", "https://", "https://user:pass@host.example",
		"https://host.example?a=b", "https://host.example?", "https://host.example#f", "https://host.example#", "https://host.example/{client_id}",
	} {
		_, err := oauth.NewTable(map[string]string{"GithubOauth2": base})
		if err == nil {
			t.Errorf("base URL %q was accepted", base)
		} else if strings.Contains(err.Error(), "pass") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}
