package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/spf13/cobra"
)

// The commands below call the use-cases that the wire serves, as the local administrator.

// everyPage calls f with every item of a list.
func everyPage[T any](list func(identity.Page) (identity.List[T], error), f func(T) error) error {
	for p := (identity.Page{Max: 500}); ; {
		l, err := list(p)
		if err != nil {
			return err
		}
		for _, item := range l.Items {
			if err := f(item); err != nil {
				return err
			}
		}
		if p.Token = l.Next; p.Token == "" {
			return nil
		}
	}
}

func adminUser(env *environment, t *adminTarget) *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "Users: principals with access keys and policies"}
	c.AddCommand(
		sub(env, t, "create NAME", "Make a user", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
			u, err := s.CreateUser(ctx, identity.LocalAdmin(account), identity.NewUser{Name: a[0]})
			if err == nil {
				_, err = fmt.Fprintf(env.stdout, "%s %s\n", u.Name, u.ID)
			}
			return err
		}),
		sub(env, t, "list", "List users", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
			list := func(p identity.Page) (identity.List[*identity.Principal], error) {
				return s.ListUsers(ctx, identity.LocalAdmin(account), "", p)
			}
			return everyPage(list, func(u *identity.Principal) error {
				_, err := fmt.Fprintf(env.stdout, "%s %s %s\n", u.Name, u.ID, u.CreatedAt.UTC().Format(time.RFC3339))
				return err
			})
		}),
		sub(env, t, "delete NAME", "Delete a user with its keys and policies", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
			return s.DeleteUserWithAll(ctx, account, a[0])
		}),
		adminUserBlock(env, t), adminUserUnblock(env, t), adminUserBlocked(env, t))
	return c
}

func adminKey(env *environment, t *adminTarget) *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Access keys"}
	var user string
	var root bool
	owner := func() (string, error) {
		if root == (user != "") {
			return "", &usageError{errors.New("name the owner: --user NAME, or --root")}
		}
		return user, nil
	}
	create := sub(env, t, "create", "Make an access key; its secret is shown once", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		name, err := owner()
		if err != nil {
			return err
		}
		key, secret, err := s.CreateAccessKey(ctx, identity.LocalAdmin(account), name)
		if err != nil {
			return err
		}
		return printKey(env.stdout, key, secret)
	})
	list := sub(env, t, "list", "List access keys", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		name, err := owner()
		if err != nil {
			return err
		}
		return listKeys(ctx, env, s, account, name)
	})
	for _, cmd := range []*cobra.Command{create, list} {
		cmd.Flags().StringVar(&user, "user", "", "the user")
		cmd.Flags().BoolVar(&root, "root", false, "root of the account")
	}
	c.AddCommand(create, list,
		sub(env, t, "activate ID", "Switch a key on", cobra.ExactArgs(1), switchKey(true)),
		sub(env, t, "deactivate ID", "Switch a key off", cobra.ExactArgs(1), switchKey(false)),
		sub(env, t, "delete ID", "Delete a key", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
			user, err := s.AccessKeyOwner(ctx, account, a[0])
			if err != nil {
				return err
			}
			return s.DeleteAccessKey(ctx, identity.LocalAdmin(account), user, a[0])
		}))
	return c
}

func listKeys(ctx context.Context, env *environment, s *identity.Service, account, user string) error {
	list := func(p identity.Page) (identity.List[*identity.AccessKey], error) {
		return s.ListAccessKeys(ctx, identity.LocalAdmin(account), user, p)
	}
	return everyPage(list, func(k *identity.AccessKey) error {
		status := "inactive"
		if k.Active {
			status = "active"
		}
		_, err := fmt.Fprintf(env.stdout, "%s %s %s\n", k.ID, status, k.CreatedAt.UTC().Format(time.RFC3339))
		return err
	})
}

func switchKey(active bool) func(ctx context.Context, s *identity.Service, account string, args []string) error {
	return func(ctx context.Context, s *identity.Service, account string, a []string) error {
		user, err := s.AccessKeyOwner(ctx, account, a[0])
		if err != nil {
			return err
		}
		return s.UpdateAccessKey(ctx, identity.LocalAdmin(account), user, a[0], active)
	}
}

func adminRole(env *environment, t *adminTarget) *cobra.Command {
	c := &cobra.Command{Use: "role", Short: "Roles: permissions that others take on for a while"}
	c.AddCommand(adminRoleCreate(env, t),
		sub(env, t, "list", "List roles", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
			list := func(p identity.Page) (identity.List[*identity.Role], error) {
				return s.ListRoles(ctx, identity.LocalAdmin(account), "", p)
			}
			return everyPage(list, func(r *identity.Role) error {
				_, err := fmt.Fprintf(env.stdout, "%s %s %s\n", r.ARN(), r.ID, r.CreatedAt.UTC().Format(time.RFC3339))
				return err
			})
		}),
		sub(env, t, "delete NAME", "Delete a role with its policies; its sessions end", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
			return s.DeleteRoleWithAll(ctx, account, a[0])
		}),
		adminRoleRevoke(env, t))
	return c
}

func adminRoleCreate(env *environment, t *adminTarget) *cobra.Command {
	var in identity.NewRole
	var trust string
	c := sub(env, t, "create NAME", "Make a role; its trust policy says who may take it on", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
		document, err := readDocument(env, trust)
		if err != nil {
			return err
		}
		in.Name, in.Trust = a[0], document
		r, err := s.CreateRole(ctx, identity.LocalAdmin(account), in)
		if err == nil {
			_, err = fmt.Fprintf(env.stdout, "%s %s\n", r.ARN(), r.ID)
		}
		return err
	})
	c.Flags().StringVar(&trust, "trust", "", "trust policy document (JSON), - for standard input (required)")
	c.Flags().StringVar(&in.Path, "path", "/", "the role's path")
	c.Flags().StringVar(&in.Description, "description", "", "what the role is for")
	c.Flags().DurationVar(&in.MaxSession, "max-session", time.Hour, "longest session, 1h to 12h")
	must(c.MarkFlagRequired("trust"))
	return c
}

func adminRoleRevoke(env *environment, t *adminTarget) *cobra.Command {
	var before string
	c := sub(env, t, "revoke NAME", "Refuse the role's sessions that began until now", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
		at := env.now()
		if before != "" {
			var err error
			if at, err = time.Parse(time.RFC3339, before); err != nil {
				return &usageError{fmt.Errorf("--before %q is not a time; write it as 2026-01-31T12:00:00Z", before)}
			}
		}
		return s.RevokeRoleSessions(ctx, account, a[0], at)
	})
	c.Flags().StringVar(&before, "before", "", "until then, instead of now (RFC 3339)")
	return c
}
