package signin

import (
	"fmt"
	"slices"
	"strings"
)

// reservedParameters decide which client asks, for what, where the answer goes and what binds it, or belong to the token
// request. Each has a field of its own or is set here.
func reservedParameters() []string {
	return []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce",
		"code_challenge", "code_challenge_method", "dpop_jkt", "request", "request_uri", "registration",
		"grant_type", "code", "code_verifier", "refresh_token", "id_token_hint",
		"client_secret", "client_assertion", "client_assertion_type", "username", "password",
	}
}

const maxParameter = 1024

func (c *Config) checkParameters() error {
	for name, value := range c.Parameters {
		shown := printable(name, maxCode)
		switch {
		case slices.Contains(reservedParameters(), foldParameter(name)):
			return fmt.Errorf("signin: Parameters: %q is reserved: it is set by Lanyard or has a field of its own", shown)
		case !isVisible(name) || len(name) > maxParameter || len(value) > maxParameter:
			return fmt.Errorf("signin: Parameters: %q needs a name of printable ASCII without spaces, and at most %d characters", shown, maxParameter)
		case name == "max_age" && wholeText(value) == 0 && value != "0":
			return fmt.Errorf("signin: Parameters: %q is not a number of seconds", shown)
		}
	}
	return nil
}

// foldParameter undoes spellings that some servers take for the same name.
func foldParameter(name string) string {
	name = strings.ToLower(strings.TrimFunc(name, func(r rune) bool { return r <= ' ' }))
	name, _, _ = strings.Cut(name, "[")
	name, _, _ = strings.Cut(name, "\x00")
	return strings.NewReplacer(".", "_", " ", "_", "-", "_").Replace(name)
}
