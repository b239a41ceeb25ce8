package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// servedServices are the services that Lanyard serves, as the endpoint variables name them.
var servedServices = [...]string{"BEDROCK_AGENTCORE", "BEDROCK_AGENTCORE_CONTROL", "STS", "IAM", "COGNITO_IDENTITY_PROVIDER"}

type exportOptions struct{ all, toolkit bool }

func envCommand(env *environment) *cobra.Command {
	var o exportOptions
	var dir string
	c := &cobra.Command{
		Use: "env", GroupID: "serve", Args: cobra.NoArgs,
		Short: "Print the shell exports that point AWS clients at a development instance",
		Long:  "Print the shell exports that point AWS clients and this command line at a development instance, from its data directory:\n\n    eval \"$(lanyard env)\"",
		RunE: func(*cobra.Command, []string) error {
			d, err := readDevData(dir)
			if err != nil {
				return err
			}
			_, err = io.WriteString(env.stdout, d.exports(o))
			return err
		},
	}
	c.Flags().StringVar(&dir, "data-dir", defaultDataDir(env), "data directory of the instance")
	c.Flags().BoolVar(&o.all, "all", false, "also redirect every other AWS service (AWS_ENDPOINT_URL)")
	c.Flags().BoolVar(&o.toolkit, "toolkit", false, "also set the two variables that the AgentCore starter toolkit reads")
	return c
}

// exports are the lines for a shell. Services are redirected one by one, so that calls to others (a model, a bucket)
// still go where they went.
func (d *devData) exports(o exportOptions) string {
	var b strings.Builder
	set := func(name, value string) { b.WriteString("export " + name + "=" + shellQuote(value) + "\n") }
	for _, service := range servedServices {
		set("AWS_ENDPOINT_URL_"+service, d.Endpoint)
	}
	if o.all {
		set("AWS_ENDPOINT_URL", d.Endpoint)
	}
	if o.toolkit {
		set("BEDROCK_AGENTCORE_DP_ENDPOINT", d.Endpoint)
		set("BEDROCK_AGENTCORE_CP_ENDPOINT", d.Endpoint)
	}
	set("AWS_ACCESS_KEY_ID", d.AccessKeyID)
	set("AWS_SECRET_ACCESS_KEY", d.SecretKey)
	set("AWS_REGION", d.Region)
	set("AWS_DEFAULT_REGION", d.Region)
	set("AWS_CONFIG_FILE", absolute(d.awsConfig()))
	set("LANYARD_ENDPOINT", d.Endpoint)
	set("LANYARD_ACCOUNT_ID", d.Account)
	set("LANYARD_DEV_ISSUER", d.issuer())
	set("LANYARD_DEV_CLIENT_ID", d.ClientID)
	set("LANYARD_DEV_CLIENT_SECRET", d.ClientSecret)
	set("LANYARD_DEV_USERNAME", d.Username)
	set("LANYARD_DEV_PASSWORD", d.Password)
	b.WriteString("unset AWS_PROFILE AWS_SESSION_TOKEN\n")
	return b.String()
}

// shellQuote makes one word of a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
