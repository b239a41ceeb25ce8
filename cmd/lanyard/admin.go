package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/lanyard-id/lanyard/internal/vault"
	"github.com/spf13/cobra"
)

// The administrator's commands work on the database and root key of this machine, also while an instance runs on them.
// Who can read both may already do everything, so there is no caller to authorise; all is audited.

type adminTarget struct{ config, dataDir, account string }

// with opens the target and runs f on it.
func (t *adminTarget) with(ctx context.Context, env *environment, f func(ctx context.Context, s *identity.Service, account string) error) (err error) {
	var cfg *config
	var flags string
	if t.config != "" {
		if cfg, err = readConfig(t.config); err != nil {
			return err
		}
		flags = "--config " + t.config
	} else {
		d, err := readDevData(absolute(t.dataDir))
		if err != nil {
			return fmt.Errorf("%w. For an instance of `lanyard serve`, name its configuration with --config", err)
		}
		cfg = devConfig(d.dir, "127.0.0.1:0", d.Endpoint)
		flags = "--data-dir " + t.dataDir
	}
	cfg.Audit.Journal = "" // the server's; a file of whoever types this might be one that the server cannot read
	in, err := open(ctx, cfg, newLogger(env.stderr, logConfig{Level: "warn", Format: "text"}), env.now, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	account := cfg.Account
	if t.account != "" {
		account = t.account
		if _, err := in.store.Account(ctx, account); errors.Is(err, identity.ErrNotFound) {
			return fmt.Errorf("there is no account %s here. Create it with: lanyard admin account create %s %s", account, account, flags)
		}
	}
	ctx = identity.WithRequestID(ctx, identity.NewRequestID(env.now()))
	return f(ctx, in.identity, account)
}

// flags are those that name the target.
func (t *adminTarget) flags(env *environment, c *cobra.Command) {
	c.PersistentFlags().StringVar(&t.config, "config", "", "configuration file of the instance")
	c.PersistentFlags().StringVar(&t.dataDir, "data-dir", defaultDataDir(env), "data directory of a development instance")
	c.PersistentFlags().StringVar(&t.account, "account", "", "account id, if not the configured one")
}

func adminCommand(env *environment) *cobra.Command {
	t := &adminTarget{}
	c := &cobra.Command{Use: "admin", GroupID: "admin", Short: "Users, keys, roles, policies, inbound issuers and accounts, on this machine's database"}
	t.flags(env, c)
	c.AddCommand(adminBootstrap(env, t), adminAccount(env, t), adminUser(env, t), adminKey(env, t), adminRole(env, t), adminPolicy(env, t), adminIssuer(env, t), adminRevoke(env, t), adminWorkload(env, t), adminRootKey(env))
	return c
}

// sub makes a command that runs on the target.
func sub(env *environment, t *adminTarget, use, short string, args cobra.PositionalArgs, f func(ctx context.Context, s *identity.Service, account string, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(c *cobra.Command, a []string) error {
		return t.with(c.Context(), env, func(ctx context.Context, s *identity.Service, account string) error { return f(ctx, s, account, a) })
	}}
}

func printKey(w io.Writer, key *identity.AccessKey, secret vault.Secret) error {
	_, err := fmt.Fprintf(w, "AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key.ID, secret.RevealString())
	return err
}

func adminBootstrap(env *environment, t *adminTarget) *cobra.Command {
	var again bool
	c := sub(env, t, "bootstrap", "Print root credentials, once", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		if err := s.EnsureAccount(ctx, account); err != nil {
			return err
		}
		has, err := s.HasRootKey(ctx, account)
		if err != nil {
			return err
		}
		if has && !again {
			return fmt.Errorf("account %s has a root access key already, and its secret is shown once only. Make another with --again, then delete the old one (lanyard admin key list --root)", account)
		}
		key, secret, err := s.CreateAccessKey(ctx, identity.LocalAdmin(account), "")
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stderr, "Root credentials of account "+account+". They may do everything: make users for daily work (lanyard admin user create). They are not shown again.")
		return printKey(env.stdout, key, secret)
	})
	c.Flags().BoolVar(&again, "again", false, "make another root access key although there is one")
	return c
}

func adminAccount(env *environment, t *adminTarget) *cobra.Command {
	c := &cobra.Command{Use: "account", Short: "Accounts"}
	c.AddCommand(sub(env, t, "create ID", "Make an account (12 digits)", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, _ string, a []string) error {
		return s.CreateAccount(ctx, a[0])
	}))
	c.AddCommand(adminAccountSet(env, t))
	return c
}

// must is for mistakes in this program, not of its user.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func adminIssuer(env *environment, t *adminTarget) *cobra.Command {
	c := &cobra.Command{Use: "issuer", Short: "Issuers whose JWTs prove users (GetWorkloadAccessTokenForJWT)"}
	var workload string
	var trust issuer.Trust
	add := sub(env, t, "add", "List an issuer, or add audiences and clients to one that is listed", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		return s.PutInboundIssuer(ctx, account, workload, trust)
	})
	add.Flags().StringVar(&trust.Issuer, "issuer", "", "the iss claim (required)")
	add.Flags().StringArrayVar(&trust.Audiences, "audience", nil, "an accepted aud claim (may be repeated)")
	add.Flags().StringArrayVar(&trust.ClientIDs, "client-id", nil, "an accepted client_id or azp claim (may be repeated)")
	add.Flags().StringVar(&trust.DiscoveryURL, "discovery-url", "", "where its metadata is, if not at the usual place")
	must(add.MarkFlagRequired("issuer"))
	list := sub(env, t, "list", "List issuers", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		all, err := s.InboundIssuers(ctx, account, workload)
		for _, i := range all {
			fmt.Fprintf(env.stdout, "%s audiences=%s clients=%s\n", i.Issuer, strings.Join(i.Audiences, ","), strings.Join(i.ClientIDs, ","))
		}
		return err
	})
	del := sub(env, t, "delete ISSUER", "Take an issuer off the list", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
		return s.DeleteInboundIssuer(ctx, account, workload, a[0])
	})
	for _, cmd := range []*cobra.Command{add, list, del} {
		cmd.Flags().StringVar(&workload, "workload", "", "for this workload identity only (it then accepts no others)")
	}
	c.AddCommand(add, list, del)
	return c
}

func adminRevoke(env *environment, t *adminTarget) *cobra.Command {
	var workload, userID, subject, iss string
	var all bool
	c := sub(env, t, "revoke-tokens", "Refuse all workload access tokens minted until now", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		u := identity.User{Subject: userID}
		if iss != "" || subject != "" {
			u = identity.User{Issuer: iss, Subject: subject}
		}
		given := 0
		for _, set := range []bool{workload != "", !u.None(), all} {
			if set {
				given++
			}
		}
		if given != 1 || (iss == "") != (subject == "") || (userID != "" && subject != "") {
			return &usageError{errors.New("say whose: --workload NAME, --user-id ID, --issuer URL with --subject SUB, or --all")}
		}
		return s.RevokeTokens(ctx, account, workload, u.Key())
	})
	c.Flags().StringVar(&workload, "workload", "", "of this workload identity")
	c.Flags().StringVar(&userID, "user-id", "", "of this user id")
	c.Flags().StringVar(&iss, "issuer", "", "of the user of this issuer (with --subject)")
	c.Flags().StringVar(&subject, "subject", "", "of the user with this subject (with --issuer)")
	c.Flags().BoolVar(&all, "all", false, "of the whole account")
	return c
}

func adminRootKey(env *environment) *cobra.Command {
	c := &cobra.Command{Use: "root-key", Short: "Root key files"}
	c.AddCommand(&cobra.Command{Use: "create FILE", Short: "Make a root key file; it is never overwritten", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, a []string) error {
		err := vault.CreateKeyFile(a[0], rand.Reader)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists, and is left alone: what it sealed opens with no other key", a[0])
		}
		if err == nil {
			fmt.Fprintln(env.stderr, "Keep a copy of "+a[0]+" apart from the database's backups: without it nothing in the vault opens.")
		}
		return err
	}})
	return c
}
