package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/lanyard-id/lanyard/internal/identity"
	"github.com/lanyard-id/lanyard/internal/issuer"
	"github.com/spf13/cobra"
)

func issuerCommand(env *environment) *cobra.Command {
	t := &adminTarget{}
	c := &cobra.Command{Use: "issuer", GroupID: "admin", Short: "The account's own issuer of web identity tokens, on this machine's database"}
	c.PersistentFlags().StringVar(&t.config, "config", "", "configuration file of the instance")
	c.PersistentFlags().StringVar(&t.dataDir, "data-dir", defaultDataDir(env), "data directory of a development instance")
	c.PersistentFlags().StringVar(&t.account, "account", "", "account id, if not the configured one")
	c.AddCommand(issuerEnable(env, t), issuerDisable(env, t), issuerShow(env, t), issuerRotate(env, t), issuerExport(env, t))
	return c
}

func issuerEnable(env *environment, t *adminTarget) *cobra.Command {
	return sub(env, t, "enable", "Let the account issue web identity tokens", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		u, err := s.EnableOutboundFederation(ctx, identity.LocalAdmin(account))
		if err == nil {
			_, err = fmt.Fprintln(env.stdout, u)
		}
		return err
	})
}

func issuerDisable(env *environment, t *adminTarget) *cobra.Command {
	return sub(env, t, "disable", "Issue no more web identity tokens; those that were issued stay good until they expire", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		return s.DisableOutboundFederation(ctx, identity.LocalAdmin(account))
	})
}

func issuerShow(env *environment, t *adminTarget) *cobra.Command {
	return sub(env, t, "show", "Print the issuer URL, its keys and their times", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		st, err := s.Issuer(ctx, account)
		if err != nil {
			return err
		}
		state := "disabled"
		if st.Enabled {
			state = "enabled"
		}
		fmt.Fprintf(env.stdout, "issuer   %s\nstate    %s\nsubject  %s\n\n", st.URL, state, st.Subject)
		return printSigningKeys(env.stdout, st.Keys, env.now())
	})
}

func printSigningKeys(out io.Writer, keys []*identity.SigningKey, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ALG\tKID\tSTATE\tSIGNS FROM\tSIGNS UNTIL")
	for _, k := range keys {
		until := "-"
		if !k.RetiredAt.IsZero() {
			until = k.RetiredAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.Algorithm, k.KeyID, k.Describe(now), k.ActiveAt.UTC().Format(time.RFC3339), until)
	}
	return w.Flush()
}

func issuerRotate(env *environment, t *adminTarget) *cobra.Command {
	var compromised bool
	c := sub(env, t, "rotate", "Publish new signing keys, which sign a day later", cobra.NoArgs, func(ctx context.Context, s *identity.Service, account string, _ []string) error {
		keys, err := s.RotateIssuer(ctx, account, compromised)
		if err != nil {
			return err
		}
		return printSigningKeys(env.stdout, keys, env.now())
	})
	c.Long = "Publish new signing keys, which sign a day later: by then everybody who verifies has fetched them. Where the keys are\ncopied to a static host, run `lanyard issuer export` and upload again before that.\n\nKeys are rotated by themselves, every 90 days unless signing_key_life says otherwise."
	c.Flags().BoolVar(&compromised, "compromised", false, "the present keys are in wrong hands: sign with new ones at once, and publish the old ones no more")
	return c
}

func issuerExport(env *environment, t *adminTarget) *cobra.Command {
	c := sub(env, t, "export DIR", "Write the issuer's public documents as files, for a public static host", cobra.ExactArgs(1), func(ctx context.Context, s *identity.Service, account string, a []string) error {
		d, err := s.AccountIssuer(ctx, account)
		if err != nil {
			return err
		}
		if err := exportIssuer(a[0], d); err != nil {
			return err
		}
		_, err = fmt.Fprintf(env.stdout, `Wrote %[1]s%[2]s
Wrote %[1]s%[3]s

Upload both so that they answer, as application/json, at
  %[4]s%[2]s
  %[4]s%[3]s
Repeat it once a day: new keys are published for a day before they sign.
`, filepath.ToSlash(filepath.Clean(a[0])), issuer.DiscoveryPath, issuer.KeysPath, d.URL)
		return err
	})
	return c
}

// public is the mode of files that everybody may read: a web server of another user has to.
const public fs.FileMode = 0o644

// exportIssuer writes the keys first: a reader who follows the discovery document finds them.
func exportIssuer(dir string, d *identity.IssuerDocuments) error {
	if err := os.MkdirAll(filepath.Join(dir, ".well-known"), 0o755); err != nil { //nolint:gosec // what is in it is for everybody
		return fmt.Errorf("export: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, filepath.FromSlash(issuer.KeysPath)), d.Keys, public); err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, filepath.FromSlash(issuer.DiscoveryPath)), d.Discovery, public)
}
