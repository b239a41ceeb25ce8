package devidp

import "testing"

// TestA45_FormProofFitsOneForm: another purpose, request or browser makes another proof, and no cookie proves nothing.
func TestA45_FormProofFitsOneForm(t *testing.T) {
	proof := formProof("cookie", purposeConsent, "a=b")
	if !formProven("cookie", purposeConsent, "a=b", proof) {
		t.Fatal("the true form is refused")
	}
	for name, proven := range map[string]bool{
		"another purpose": formProven("cookie", purposeLogin, "a=b", proof),
		"another request": formProven("cookie", purposeConsent, "a=c", proof),
		"another browser": formProven("cookies", purposeConsent, "a=b", proof),
		"no proof":        formProven("cookie", purposeConsent, "a=b", ""),
		"no cookie":       formProven("", purposeConsent, "a=b", formProof("", purposeConsent, "a=b")),
	} {
		if proven {
			t.Errorf("%s: the form is accepted", name)
		}
	}
}
