package main

import (
	"context"
	"errors"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/spf13/cobra"
)

// adminAccountSet changes what an account decides for itself; each setting has a flag.
func adminAccountSet(env *environment, t *adminTarget) *cobra.Command {
	var subject string
	c := sub(env, t, "set", "Change the account's settings", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		if subject == "" {
			return &usageError{errors.New("say what to set: --web-identity-subject role|session")}
		}
		return s.SetWebIdentitySubject(ctx, account, identity.SubjectForm(subject))
	})
	c.Flags().StringVar(&subject, "web-identity-subject", "", "sub of role sessions' web identity tokens: role (the role's ARN) or session (the assumed-role ARN)")
	return c
}
