package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/spf13/cobra"
)

// person names one of the people for whom workloads act: by the JWT's issuer and subject, or by user id.
type person struct{ issuer, subject, userID string }

func (p *person) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.issuer, "issuer", "", "iss claim of the user's JWTs")
	c.Flags().StringVar(&p.subject, "subject", "", "sub claim of the user's JWTs")
	c.Flags().StringVar(&p.userID, "user-id", "", "user id, for users without a JWT")
	c.MarkFlagsRequiredTogether("issuer", "subject")
	c.MarkFlagsMutuallyExclusive("issuer", "user-id")
	c.MarkFlagsOneRequired("subject", "user-id")
}

func (p *person) user() identity.User {
	if p.userID != "" {
		return identity.User{Subject: p.userID}
	}
	return identity.User{Issuer: p.issuer, Subject: p.subject}
}

// adminUserBlock refuses a person everything; who merely left signs in nowhere, but tokens would go on.
func adminUserBlock(env *environment, t *adminTarget) *cobra.Command {
	var p person
	var reason string
	c := sub(env, t, "block", "Refuse one of the agents' users everything, and revoke what was issued for them", cobra.NoArgs,
		func(ctx context.Context, s *identity.Service, account string, _ []string) error {
			if err := s.BlockUser(ctx, account, p.user(), reason); err != nil {
				return err
			}
			_, err := fmt.Fprintln(env.stdout, "Blocked. No workload access token, exchange, renewal or role for this user any more; tokens issued until now are refused.")
			return err
		})
	p.flags(c)
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	return c
}

func adminUserUnblock(env *environment, t *adminTarget) *cobra.Command {
	var p person
	c := sub(env, t, "unblock", "End a block; tokens from before it stay revoked", cobra.NoArgs,
		func(ctx context.Context, s *identity.Service, account string, _ []string) error {
			if err := s.UnblockUser(ctx, account, p.user()); err != nil {
				return err
			}
			_, err := fmt.Fprintln(env.stdout, "Unblocked.")
			return err
		})
	p.flags(c)
	return c
}

func adminUserBlocked(env *environment, t *adminTarget) *cobra.Command {
	return sub(env, t, "blocked", "List the blocked users", cobra.NoArgs,
		func(ctx context.Context, s *identity.Service, account string, _ []string) error {
			page := identity.Page{Max: 100}
			for {
				l, err := s.BlockedUsers(ctx, account, page)
				if err != nil {
					return err
				}
				for _, b := range l.Items {
					if _, err := fmt.Fprintf(env.stdout, "%s  since %s  %s\n", b.User.Key(), b.CreatedAt.UTC().Format(time.RFC3339), b.Reason); err != nil {
						return err
					}
				}
				if page.Token = l.Next; page.Token == "" {
					return nil
				}
			}
		})
}

func adminWorkload(env *environment, t *adminTarget) *cobra.Command {
	c := &cobra.Command{Use: "workload", Short: "What an operator decides of workload identities"}
	var ttl time.Duration
	var verified bool
	var users int
	set := &cobra.Command{Use: "set NAME", Short: "Change settings; those that are not named stay", Args: cobra.ExactArgs(1)}
	set.Flags().DurationVar(&ttl, "token-ttl", 0, "life of its workload access tokens; 0 for the service's")
	set.Flags().BoolVar(&verified, "verified-users-only", false, "no user ids: only users whose JWT proves them")
	set.Flags().IntVar(&users, "users-per-minute", 0, "different user ids that it may act for in a minute; 0 for any number")
	set.MarkFlagsOneRequired("token-ttl", "verified-users-only", "users-per-minute")
	set.RunE = func(c *cobra.Command, args []string) error {
		var in identity.WorkloadSettings
		if c.Flags().Changed("token-ttl") {
			in.TokenTTL = &ttl
		}
		if c.Flags().Changed("verified-users-only") {
			in.VerifiedUsersOnly = &verified
		}
		if c.Flags().Changed("users-per-minute") {
			in.UsersPerMinute = &users
		}
		return t.with(c.Context(), env, func(ctx context.Context, s *identity.Service, account string) error {
			w, err := s.SetWorkload(ctx, account, args[0], in)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.stdout, "%s: token ttl %s, verified users only %t, users per minute %d (0: the service's, or any number)\n", w.Name, w.TokenTTL, w.VerifiedUsersOnly, w.UsersPerMinute)
			return err
		})
	}
	c.AddCommand(set)
	return c
}
