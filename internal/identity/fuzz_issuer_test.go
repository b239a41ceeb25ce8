package identity

import (
	"regexp"
	"testing"
)

// FuzzIssuerID: what reaches the database from a public path is an id as they are made, and nothing else.
func FuzzIssuerID(f *testing.F) {
	form := regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z`)
	for _, seed := range []string{"01234567-89ab-4cde-8f01-23456789abcd", "01234567-89AB-4cde-8f01-23456789abcd", "0123456789ab-4cde-8f01-23456789abcd--", "", "../", "\u212a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if isUUID(id) != form.MatchString(id) {
			t.Fatalf("%q is taken for an id: %v", id, isUUID(id))
		}
	})
}
