package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	data "github.com/aws/aws-sdk-go-v2/service/bedrockagentcore"
	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/servertest"
)

// tampered expects that a request fails, that no caller is told a secret, and that the log says what was found.
func tampered(t *testing.T, s *servertest.Service, err error, logged string) {
	t.Helper()
	refused(t, err, api.InternalServerException, "")
	if !strings.Contains(s.Logs(), logged) {
		t.Errorf("the log does not say %q", logged)
	}
}

const behindBack = "changed behind Lanyard's back"

// forget makes caches stale, as a change of the account elsewhere does.
func forget(t *testing.T, s *servertest.Service) {
	t.Helper()
	edit(t, s, "UPDATE accounts SET version = version + 1")
	s.Clock.Advance(time.Second)
}

// TestA32_SealedGrantMoved: a ciphertext opens in its own row and under its own key alone.
func TestA32_SealedGrantMoved(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"the ciphertext to another row": `UPDATE grants SET sealed = (SELECT sealed FROM grants WHERE user_key = 'userid:alice') WHERE user_key = 'userid:mallory'`,
		"the row to another user":       `UPDATE grants SET key = (SELECT key FROM grants WHERE user_key = 'userid:mallory'), user_key = 'userid:mallory' WHERE user_key = 'userid:alice'`,
		"the id to another row":         `UPDATE grants SET id = id || 'x' WHERE user_key = 'userid:mallory'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newAttack(t)
			a.Grant(t, "alice")
			a.Grant(t, "mallory")
			if strings.HasPrefix(name, "the row") { // the key is unique: take mallory's row out of the way
				query = strings.Replace(query, "(SELECT key FROM grants WHERE user_key = 'userid:mallory')", "?", 1)
				var key []byte
				check(t, behind(t, s).QueryRow(`SELECT key FROM grants WHERE user_key = 'userid:mallory'`).Scan(&key))
				edit(t, s, `DELETE FROM grants WHERE user_key = 'userid:mallory'`)
				edit(t, s, query, key)
			} else {
				edit(t, s, query)
			}
			_, err := a.Ask(a.Token(t, "mallory"))
			tampered(t, s, err, "does not open")
		})
	}
}

// TestA32_SecretsMoved: API keys, client secrets and access keys open where they were sealed.
func TestA32_SecretsMoved(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	for _, name := range []string{"mine", "theirs"} {
		answer := s.Call(t, s.Root, api.CreateApiKeyCredentialProvider, map[string]any{"name": name, "apiKey": "key of " + name})
		if answer.Status != 201 {
			t.Fatal(string(answer.Body))
		}
	}
	edit(t, s, `UPDATE records SET sealed = (SELECT sealed FROM records WHERE name = 'theirs') WHERE name = 'mine'`)
	forget(t, s)
	token := a.Token(t, "alice")
	_, err := a.Data.GetResourceApiKey(t.Context(), &data.GetResourceApiKeyInput{WorkloadIdentityToken: &token, ResourceCredentialProviderName: aws.String("mine")})
	tampered(t, s, err, behindBack)
	if strings.Contains(err.Error(), "theirs") {
		t.Errorf("the error tells of the other key: %v", err)
	}
}

// TestA33_CiphertextDamaged: cut, flipped and downgraded ciphertexts do not open, and nothing in them is believed.
func TestA33_CiphertextDamaged(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	a.Grant(t, "alice")
	whole := s.Grants(t)[0].Sealed
	damaged := map[string][]byte{"cut": whole[:len(whole)-1], "longer": append(append([]byte{}, whole...), 0), "stub": whole[:3], "zero version": append([]byte{0}, whole[1:]...)}
	for i := 0; i < len(whole); i += 29 {
		flipped := append([]byte{}, whole...)
		flipped[i] ^= 0x40
		damaged["flipped"+string(rune('a'+i%26))+string(rune('a'+i/26))] = flipped
	}
	for name, b := range damaged {
		edit(t, s, `UPDATE grants SET sealed = ?`, b)
		out, err := a.Ask(a.Token(t, "alice"))
		if err == nil {
			t.Fatalf("%s: the grant opened: %v", name, out.AccessToken != nil)
		}
		refused(t, err, api.InternalServerException, "")
	}
	edit(t, s, `UPDATE grants SET sealed = ?`, whole)
	a.Get(t, "alice")
}

// TestA64_EditedRecordsAreRefused: rows that decide are authenticated; whatever column of them is edited, they are
// refused and the operator is told.
func TestA64_EditedRecordsAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, logged string }{
		"return URLs":            {`UPDATE records SET data = CAST(REPLACE(CAST(data AS TEXT), 'app.example.com', 'evil.example.com') AS BLOB) WHERE kind = 'workload'`, behindBack},
		"provider's endpoint":    {`UPDATE records SET data = CAST(REPLACE(CAST(data AS TEXT), 'discoveryUrl":"http://127.0.0.1', 'discoveryUrl":"http://127.0.0.2') AS BLOB) WHERE kind = 'oauth2-provider'`, behindBack},
		"version":                {`UPDATE records SET version = version + 1 WHERE kind = 'workload'`, behindBack},
		"name":                   {`UPDATE records SET name = 'agent' WHERE name = 'bait'`, behindBack},
		"policy":                 {`UPDATE records SET data = CAST(REPLACE(CAST(data AS TEXT), 'GetWorkloadIdentity', '*') AS BLOB) WHERE kind = 'policy'`, behindBack},
		"owner of a policy":      {`UPDATE records SET parent = (SELECT id FROM records WHERE kind = 'user' AND name = 'limited') WHERE kind = 'policy' AND parent = (SELECT id FROM records WHERE kind = 'user' AND name = 'powerful')`, behindBack},
		"policy's MAC":           {`UPDATE records SET mac = x'00' WHERE kind = 'policy'`, behindBack},
		"key made root's":        {`UPDATE records SET parent = '' WHERE kind = 'access-key' AND parent <> ''`, behindBack},
		"key of another user":    {`UPDATE records SET parent = (SELECT id FROM records WHERE kind = 'user' AND name = 'powerful') WHERE kind = 'access-key' AND parent = (SELECT id FROM records WHERE kind = 'user' AND name = 'limited')`, behindBack},
		"key to another account": {`UPDATE records SET account = '111111111111' WHERE kind = 'access-key' AND parent <> ''`, behindBack},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a := newAttack(t)
			limited := s.User(t, "limited", servertest.Allow("*", "bedrock-agentcore:GetWorkloadIdentity", "bedrock-agentcore:GetWorkloadAccessTokenForUserId", "bedrock-agentcore:GetResourceOauth2Token"))
			s.User(t, "powerful", strings.ReplaceAll(servertest.Allow("*", "*"), "policy", "power"))
			check(t, s.Identity.PutUserPolicy(t.Context(), identity.LocalAdmin(s.Account), "powerful", "extra", servertest.Allow("*", "*")))
			check(t, s.Identity.EnsureAccount(t.Context(), "111111111111"))
			a.CreateWorkload(t, "bait", "https://evil.example.com/")
			if name == "name" {
				s.Call(t, s.Root, api.DeleteWorkloadIdentity, map[string]any{"name": "agent"})
			}
			if name == "owner of a policy" {
				edit(t, s, `DELETE FROM records WHERE kind = 'policy' AND name = 'policy'`)
			}
			edit(t, s, c.query)
			forget(t, s)
			user := "limited"
			as := a.At(s, limited)
			out, err := as.Data.GetWorkloadAccessTokenForUserId(t.Context(), &data.GetWorkloadAccessTokenForUserIdInput{WorkloadName: &a.Workload, UserId: &user})
			if err == nil { // the workload is sound; the provider is not
				_, err = as.Ask(*out.WorkloadAccessToken)
			}
			tampered(t, s, err, c.logged)
		})
	}
}

// TestA64_EditedIssuers: a trusted issuer that was edited into the database buys nothing.
func TestA64_EditedIssuers(t *testing.T) {
	t.Parallel()
	a := newJWTAgent(t)
	s := a.Service
	evil := s.NewIssuer(t)
	check(t, s.Identity.PutInboundIssuer(t.Context(), s.Account, "", issuer.Trust{Issuer: "https://idp.example.com", Audiences: []string{"lanyard"}}))
	edit(t, s, `UPDATE records SET name = ?, data = CAST(REPLACE(CAST(data AS TEXT), 'https://idp.example.com', ?) AS BLOB) WHERE kind = 'inbound-issuer' AND name = 'https://idp.example.com'`, evil.URL, evil.URL)
	forget(t, s)
	_, err := a.token(evil.Mint(t, "alice", time.Hour, nil))
	tampered(t, s, err, behindBack)
}

// TestA64_EditedSessions: the columns of a session serve listing; what decides is sealed, so editing them neither
// redirects the browser nor changes for whom the consent is.
func TestA64_EditedSessions(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	victims := a.Begin(t, "alice")
	mine := a.Begin(t, "mallory")
	edit(t, s, `UPDATE sessions SET user_key = 'userid:mallory', workload_id = 'wl-x', provider_id = 'cp-x' WHERE user_key = 'userid:alice'`)
	back := s.Consent(t, *victims.AuthorizationUrl)
	if !strings.HasPrefix(back, servertest.ReturnURL) {
		t.Errorf("the browser is sent to %s", back)
	}
	refused(t, a.Complete(servertest.SessionURI(t, back), "mallory"), api.AccessDeniedException, "it was begun for another user")
	// The victim's code in the attacker's row.
	s.Consent(t, *mine.AuthorizationUrl)
	edit(t, s, `UPDATE sessions SET sealed_code = (SELECT sealed_code FROM sessions WHERE workload_id = 'wl-x') WHERE workload_id <> 'wl-x'`)
	tampered(t, s, a.Complete(*mine.SessionUri, "mallory"), "does not open")
	// The victim's facts in the attacker's row.
	third := a.Begin(t, "mallory")
	edit(t, s, `UPDATE sessions SET sealed = (SELECT sealed FROM sessions WHERE workload_id = 'wl-x') WHERE status = 'pending'`)
	if p := s.NewBrowser(t).Open(t, *third.AuthorizationUrl); p.Status != 500 || p.Location != "" {
		t.Errorf("a session with another's facts answers %d to %q", p.Status, p.Location)
	}
	check(t, a.Complete(servertest.SessionURI(t, back), "alice"))
	if a.IDP.Count("authorization_code") != 1 {
		t.Error("more codes were exchanged than the victim's own")
	}
}

// TestA64_RotationRefusesEditedRecords: a rotation does not bless what was edited behind its back.
func TestA64_RotationRefusesEditedRecords(t *testing.T) {
	t.Parallel()
	s, a := newAttack(t)
	edit(t, s, `UPDATE records SET data = CAST(REPLACE(CAST(data AS TEXT), 'app.example.com', 'evil.example.com') AS BLOB) WHERE kind = 'workload'`)
	if answer := s.Call(t, s.Root, api.RotateDataKeys, nil); answer.Status != 500 {
		t.Errorf("the rotation answers %d", answer.Status)
	}
	forget(t, s)
	_, err := a.Data.GetWorkloadAccessToken(t.Context(), &data.GetWorkloadAccessTokenInput{WorkloadName: &a.Workload})
	tampered(t, s, err, behindBack)
	if r := s.Audit(t, identity.AuditFilter{Action: "lanyard:RotateDataKeys"}); len(r) != 1 || r[0].Result != identity.AuditFailed {
		t.Errorf("audited as %+v", r)
	}
}
