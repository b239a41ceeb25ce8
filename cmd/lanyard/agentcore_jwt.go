package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

type jwtOptions struct {
	audiences         []string
	algorithm, region string
	duration          int
	asJSON            bool
	given             func(flag string) bool
}

func setupJWTCommand(env *environment) *cobra.Command {
	var o jwtOptions
	c := &cobra.Command{
		Use: "setup-aws-jwt --audience URL", Args: understood(cobra.NoArgs),
		Short: "Let the agent prove itself to outside services with signed JWTs, without any secret",
		Long: "Let the agent prove itself to outside services with signed JWTs (STS GetWebIdentityToken), without any secret.\n\n" +
			"Enables web identity federation for the account, which is done once, and adds the audience to the agent. Run it again for each further audience; algorithm and duration stay as they are unless they are named.",
		Example: "  " + programName(env) + " identity setup-aws-jwt --audience https://api.example.com",
	}
	f := c.Flags()
	f.StringArrayVarP(&o.audiences, "audience", "a", nil, "audience of the JWTs, as the outside service expects it; may be repeated")
	f.StringVarP(&o.algorithm, "signing-algorithm", "s", jwtAlgorithm, "ES384 or RS256")
	f.IntVarP(&o.duration, "duration", "d", jwtDuration, "how long a JWT may last at most, 60 to 3600 seconds")
	regionFlag(c, &o.region)
	jsonFlag(c, &o.asJSON)
	choices(c, "signing-algorithm", "ES384", "RS256")
	o.given = f.Changed
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.settle(); err != nil {
			return misused(cmd, "%s", err)
		}
		return o.run(cmd.Context(), env)
	}
	return c
}

func (o *jwtOptions) settle() error {
	o.algorithm = strings.ToUpper(o.algorithm)
	switch {
	case len(o.audiences) == 0:
		return errors.New("--audience is missing: name the service that will check the JWT, such as https://api.example.com")
	case slices.ContainsFunc(o.audiences, func(a string) bool { return a == "" || len(a) > 1000 || clean(a) != a }):
		return errors.New("--audience must be 1 to 1000 printable characters, as the outside service compares it")
	case o.algorithm != "ES384" && o.algorithm != "RS256":
		return fmt.Errorf("--signing-algorithm %q is not one of ES384, RS256", o.algorithm)
	case o.duration < minJWTDuration || o.duration > maxJWTDuration:
		return fmt.Errorf("--duration %d is not between %d and %d seconds", o.duration, minJWTDuration, maxJWTDuration)
	}
	return nil
}

func (o *jwtOptions) run(ctx context.Context, env *environment) error {
	a, c, err := projectCloud(ctx, env, o.region)
	if err != nil {
		return err
	}
	t := speaker(env, o.asJSON)
	issuer, enabled, err := c.federate(ctx)
	if err != nil {
		return err
	}
	if enabled {
		t.tick("AWS IAM JWT federation is now enabled for the account")
	} else {
		t.tick("AWS IAM JWT federation was enabled already")
	}
	s, err := o.remember(t, a, issuer)
	if err != nil {
		return err
	}
	if o.asJSON {
		return writeJSONLine(env.stdout, s)
	}
	if a == nil {
		t.notKept(env, "the audience")
	}
	t.federated(env, s)
	return t.err
}

// remember adds the audiences to the agent. What was set before and is not named now stays.
func (o *jwtOptions) remember(t *terminal, a *agent, issuer string) (jwtSettings, error) {
	s := jwtSettings{Algorithm: o.algorithm, Duration: o.duration}
	if a != nil && a.jwt().Enabled {
		s = a.jwt()
		if o.given("signing-algorithm") {
			s.Algorithm = o.algorithm
		}
		if o.given("duration") {
			s.Duration = o.duration
		}
	}
	s.Enabled, s.Issuer = true, issuer
	for _, audience := range o.audiences {
		if slices.Contains(s.Audiences, audience) {
			t.tick("Audience configured already: " + audience)
			continue
		}
		s.Audiences = append(s.Audiences, audience)
		t.tick("Added audience: " + audience)
	}
	if a == nil {
		return s, nil
	}
	a.setJWT(s)
	return s, a.project.save()
}

// federate enables the account's issuer, if it is not. Two at once may both find it disabled: whoever comes second finds
// it enabled, and that is as good.
func (c *cloud) federate(ctx context.Context) (issuer string, enabled bool, err error) {
	info := func() (string, bool, error) {
		out, err := c.GetOutboundWebIdentityFederationInfo(ctx)
		if err != nil {
			return "", false, err
		}
		return out.IssuerURL, out.Enabled, nil
	}
	issuer, on, err := info()
	if on {
		return issuer, false, checkIssuer(issuer)
	}
	if err != nil && !refusedAs(err, "FeatureDisabled", "OutboundWebIdentityFederationDisabled", "NoSuchEntity") {
		return "", false, c.inPlain("IAM GetOutboundWebIdentityFederationInfo", err)
	}
	out, err := c.EnableOutboundWebIdentityFederation(ctx)
	if refusedAs(err, "FeatureEnabled") {
		issuer, _, err = info()
		return issuer, false, errors.Join(c.inPlain("IAM GetOutboundWebIdentityFederationInfo", err), checkIssuer(issuer))
	}
	if err != nil {
		return "", false, c.inPlain("IAM EnableOutboundWebIdentityFederation", err)
	}
	return out.IssuerURL, true, checkIssuer(out.IssuerURL)
}

// checkIssuer refuses what no service could trust.
func checkIssuer(issuer string) error {
	if u, err := url.Parse(issuer); err != nil || u.Host == "" || clean(issuer) != issuer {
		return errors.New("the instance answered an issuer that is no URL; look at its public_url")
	}
	return nil
}

// federated is the panel after setup-aws-jwt.
func (t *terminal) federated(env *environment, s jwtSettings) {
	t.line()
	t.panel(newPanel("✅ Success", good).head("AWS IAM JWT Federation Configured").gap().
		field("Issuer URL", s.Issuer).
		field("Audiences", strings.Join(s.Audiences, ", ")).
		field("Algorithm", s.Algorithm).
		field("Duration", strconv.Itoa(s.Duration)+"s").gap().
		head("Next Steps:").
		add(plainly("1. Let your external service trust this issuer URL")).
		add(plainly("2. Run "), span{accent, programName(env) + " launch"}, plainly(" to deploy (IAM permissions auto-added)")).
		add(plainly("3. Use "), span{accent, "@requires_iam_access_token(audience=[...])"}, plainly(" in your agent")))
	t.line()
	t.line(span{warn, "⚠️  External Service Configuration Required"})
	t.line()
	t.line(plainly("Whoever receives the JWT must:"))
	t.line(plainly("  1. Trust issuer: "), span{accent, s.Issuer})
	t.line(plainly("  2. Validate audience: "), span{accent, strings.Join(s.Audiences, " or ")})
	t.line(plainly("  3. Fetch JWKS from: "), span{accent, s.Issuer + "/.well-known/jwks.json"})
}

func listJWTCommand(env *environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list-aws-jwt", Args: understood(cobra.NoArgs), Short: "Show the JWT federation of the agent",
		RunE: func(*cobra.Command, []string) error {
			return onAgent(env, func(a *agent) error { return listJWT(env, a.jwt(), asJSON) })
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func listJWT(env *environment, s jwtSettings, asJSON bool) error {
	if asJSON {
		return writeJSONLine(env.stdout, s)
	}
	t := newTerminal(env)
	if !s.Enabled {
		t.line(plainly("AWS IAM JWT federation is not set up for this agent. Set it up with:"))
		t.line()
		t.line(span{accent, "    " + programName(env) + " identity setup-aws-jwt --audience https://api.example.com"})
		return t.err
	}
	t.jwtTable(s)
	return t.err
}

// jwtTable is what list-aws-jwt shows.
func (t *terminal) jwtTable(s jwtSettings) {
	t.sheet("AWS IAM JWT Federation Configuration", [2]string{"Property", "Value"}, [][2]string{
		{"Enabled", "✅ Yes"},
		{"Issuer URL", orNone(s.Issuer)},
		{"Signing Algorithm", s.Algorithm},
		{"Duration (seconds)", strconv.Itoa(s.Duration)},
		{"Audiences", orNone(strings.Join(s.Audiences, "\n"))},
	})
}
