package main

import (
	"context"
	"fmt"

	"github.com/lanyard-id/lanyard/api"
	"github.com/lanyard-id/lanyard/client"
	"github.com/spf13/cobra"
)

func keysCommand(env *environment) *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "The keys under which the vault keeps credentials"}
	c.AddCommand(keysRotate(env))
	return c
}

func keysRotate(env *environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "rotate", Args: understood(cobra.NoArgs),
		Short: "Make a new data key and wrap every stored credential's key by it",
		Long:  "Make a new data key of the account and wrap every stored credential's key by it. Nothing stops meanwhile, and running it again does no harm.",
		RunE: connected(env, func(ctx context.Context, c *client.Client, _ []string) error {
			t := newTerminal(env)
			out, err := during(t, "rotating the data key", func() (*api.RotateDataKeysResponse, error) { return c.RotateDataKeys(ctx) })
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSONLine(t.w, out)
			}
			t.done(fmt.Sprintf("data key version %d is in use", out.KeyVersion), span{dim, fmt.Sprintf("  %d records rewrapped", out.Rewrapped)})
			return t.err
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return c
}
