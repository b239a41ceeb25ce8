package identity

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// writtenClaims are the claims as a verifier reads them.
type writtenClaims struct {
	Audience any            `json:"aud"`
	Subject  string         `json:"sub"`
	Context  writtenContext `json:"https://sts.amazonaws.com/"`
	Issuer   string         `json:"iss"`
	Expires  int64          `json:"exp"`
	Issued   int64          `json:"iat"`
	ID       string         `json:"jti"`
}

type writtenContext struct {
	Account            string            `json:"aws_account"`
	SourceRegion       string            `json:"source_region"`
	PrincipalID        string            `json:"principal_id"`
	PrincipalTags      map[string]string `json:"principal_tags,omitempty"`
	RequestTags        map[string]string `json:"request_tags,omitempty"`
	OriginalSessionExp string            `json:"original_session_exp,omitempty"`
	FederatedProvider  string            `json:"federated_provider,omitempty"`
	SourceIdentity     string            `json:"source_identity,omitempty"`
}

// TestPropertyClaimsAreWrittenAsJSON: whatever the claims hold, they are the document that encoding/json would write.
func TestPropertyClaimsAreWrittenAsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `a"b`, `","sub":"root`, "a\\", "<&>", "\u2028", "\x00", "é漢"}))
		tags := rapid.MapOfN(text, text, 0, 4)
		draw := func(name string) string { return text.Draw(t, name) }
		cl := webIdentityClaims{Audience: rapid.SliceOfN(text, 1, 3).Draw(t, "aud"), Subject: draw("sub"), Issuer: draw("iss"), ID: draw("jti"),
			ExpiresAt: rapid.Int64().Draw(t, "exp"), IssuedAt: rapid.Int64().Draw(t, "iat"),
			Context: webIdentityContext{Account: draw("account"), SourceRegion: draw("region"), PrincipalID: draw("principal"),
				PrincipalTags: tags.Draw(t, "principal tags"), RequestTags: tags.Draw(t, "request tags"),
				OriginalSessionExp: draw("session"), FederatedProvider: draw("federated"), SourceIdentity: draw("source")}}
		want := writtenClaims{Audience: cl.Audience, Subject: cl.Subject, Issuer: cl.Issuer, ID: cl.ID, Expires: cl.ExpiresAt, Issued: cl.IssuedAt,
			Context: writtenContext(cl.Context)}
		if len(cl.Audience) == 1 {
			want.Audience = cl.Audience[0]
		}
		document, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parsed(t, document), parsed(t, cl.encode())); diff != "" {
			t.Error(diff)
		}
	})
}

func parsed(t *rapid.T, document []byte) any {
	var v map[string]any
	if err := json.Unmarshal(document, &v); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return v
}
