package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/policy"
	"github.com/spf13/cobra"
)

// holder is the user or role that a command on policies is about.
type holder struct{ user, role string }

func (h *holder) flags(c *cobra.Command) {
	c.Flags().StringVar(&h.user, "user", "", "the user")
	c.Flags().StringVar(&h.role, "role", "", "or the role")
}

func (h *holder) check() error {
	if (h.user == "") == (h.role == "") {
		return &usageError{errors.New("name the user or the role: --user NAME or --role NAME")}
	}
	return nil
}

// choose runs what is for a user, or what is for a role.
func (h *holder) choose(user, role func(name string) error) error {
	if err := h.check(); err != nil {
		return err
	}
	if h.user != "" {
		return user(h.user)
	}
	return role(h.role)
}

func adminPolicy(env *environment, t *adminTarget) *cobra.Command {
	c := &cobra.Command{Use: "policy", Short: "Policies of users and roles"}
	c.AddCommand(adminPolicyPut(env, t), adminPolicyList(env, t), adminPolicyDelete(env, t),
		adminPolicyAttach(env, t, "attach", "Attach a managed policy", (*identity.Service).AttachUserPolicy, (*identity.Service).AttachRolePolicy),
		adminPolicyAttach(env, t, "detach", "Detach a managed policy", (*identity.Service).DetachUserPolicy, (*identity.Service).DetachRolePolicy))
	return c
}

func adminPolicyPut(env *environment, t *adminTarget) *cobra.Command {
	var h holder
	var name, file string
	var allow, resources []string
	c := sub(env, t, "put", "Attach an inline policy, or replace the one of that name", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		doc, err := policyDocument(env, file, allow, resources)
		if err != nil {
			return err
		}
		admin := identity.LocalAdmin(account)
		err = h.choose(func(n string) error { return s.PutUserPolicy(ctx, admin, n, name, doc) }, func(n string) error { return s.PutRolePolicy(ctx, admin, n, name, doc) })
		if err != nil {
			return err
		}
		return printTraps(env.stderr, name, doc)
	})
	h.flags(c)
	c.Flags().StringVar(&name, "name", "", "the policy's name (required)")
	c.Flags().StringVar(&file, "file", "", "policy document (JSON), - for standard input")
	c.Flags().StringArrayVar(&allow, "allow", nil, "instead of a file: allow this action (may be repeated)")
	c.Flags().StringArrayVar(&resources, "resource", []string{"*"}, "with --allow: on this resource (may be repeated)")
	must(c.MarkFlagRequired("name"))
	return c
}

// printTraps names what a policy that was just stored says, and its author rarely means.
func printTraps(w io.Writer, name, doc string) error {
	d, err := policy.Parse(name, []byte(doc))
	if err != nil {
		return err
	}
	for _, t := range policy.Lint(d) {
		if _, err := fmt.Fprintf(w, "note: line %d, column %d: %s\n", t.Line, t.Column, t.Message); err != nil {
			return err
		}
	}
	return nil
}

func adminPolicyDelete(env *environment, t *adminTarget) *cobra.Command {
	var h holder
	var name string
	c := sub(env, t, "delete", "Delete an inline policy", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		admin := identity.LocalAdmin(account)
		return h.choose(func(n string) error { return s.DeleteUserPolicy(ctx, admin, n, name) }, func(n string) error { return s.DeleteRolePolicy(ctx, admin, n, name) })
	})
	h.flags(c)
	c.Flags().StringVar(&name, "name", "", "the policy's name (required)")
	must(c.MarkFlagRequired("name"))
	return c
}

// attachment is a use-case that attaches a managed policy, or detaches it.
type attachment func(s *identity.Service, ctx context.Context, caller *policy.Caller, name, arn string) error

func adminPolicyAttach(env *environment, t *adminTarget, verb, short string, user, role attachment) *cobra.Command {
	var h holder
	var managed string
	c := sub(env, t, verb, short, cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		admin, arn := identity.LocalAdmin(account), managedARN(account, managed)
		return h.choose(func(n string) error { return user(s, ctx, admin, n, arn) }, func(n string) error { return role(s, ctx, admin, n, arn) })
	})
	h.flags(c)
	c.Flags().StringVar(&managed, "policy", "", "the managed policy's ARN, or its name (required)")
	must(c.MarkFlagRequired("policy"))
	return c
}

// managedARN is the ARN of a managed policy given by name: one of those that come with Lanyard, or the account's own.
func managedARN(account, name string) string {
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case strings.HasPrefix(name, "Lanyard"):
		return "arn:aws:iam::aws:policy/" + name
	}
	return "arn:aws:iam::" + account + ":policy/" + name
}

func adminPolicyList(env *environment, t *adminTarget) *cobra.Command {
	var h holder
	c := sub(env, t, "list", "List the inline policies of a user or role with their documents, and the managed policies attached", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		l := policyLister{ctx, env, s, account}
		return h.choose(l.user, l.role)
	})
	h.flags(c)
	return c
}

type policyLister struct {
	ctx     context.Context // of the one command it serves
	env     *environment
	s       *identity.Service
	account string
}

func (l *policyLister) user(name string) error {
	admin := identity.LocalAdmin(l.account)
	return l.print(
		func(p identity.Page) (identity.List[string], error) {
			return l.s.ListUserPolicies(l.ctx, admin, name, p)
		},
		func(policy string) (string, error) { return l.s.GetUserPolicy(l.ctx, admin, name, policy) },
		func(p identity.Page) (identity.List[identity.AttachedPolicy], error) {
			return l.s.ListAttachedUserPolicies(l.ctx, admin, name, "", p)
		})
}

func (l *policyLister) role(name string) error {
	admin := identity.LocalAdmin(l.account)
	return l.print(
		func(p identity.Page) (identity.List[string], error) {
			return l.s.ListRolePolicies(l.ctx, admin, name, p)
		},
		func(policy string) (string, error) { return l.s.GetRolePolicy(l.ctx, admin, name, policy) },
		func(p identity.Page) (identity.List[identity.AttachedPolicy], error) {
			return l.s.ListAttachedRolePolicies(l.ctx, admin, name, "", p)
		})
}

func (l *policyLister) print(names func(identity.Page) (identity.List[string], error), document func(string) (string, error), attached func(identity.Page) (identity.List[identity.AttachedPolicy], error)) error {
	err := everyPage(names, func(name string) error {
		doc, err := document(name)
		if err == nil {
			_, err = fmt.Fprintf(l.env.stdout, "%s %s\n", name, doc)
		}
		return err
	})
	if err != nil {
		return err
	}
	return everyPage(attached, func(a identity.AttachedPolicy) error {
		_, err := fmt.Fprintf(l.env.stdout, "%s attached\n", a.ARN)
		return err
	})
}

func policyDocument(env *environment, file string, allow, resources []string) (string, error) {
	switch {
	case (file == "") == (len(allow) == 0):
		return "", &usageError{errors.New("give the policy by --file FILE or by --allow ACTION, one of them")}
	case file != "":
		return readDocument(env, file)
	}
	type statement struct{ Effect, Action, Resource any }
	b, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []statement{{"Allow", allow, resources}}})
	return string(b), err
}

// readDocument reads a policy document from a file, or from standard input.
func readDocument(env *environment, file string) (string, error) {
	if file == "-" {
		b, err := io.ReadAll(io.LimitReader(env.stdin, 1<<20))
		return string(b), err
	}
	b, err := os.ReadFile(file)
	return string(b), err
}
