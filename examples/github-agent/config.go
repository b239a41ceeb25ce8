package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/chat"
	"github.com/lanyard-id/lanyard/examples/github-agent/internal/state"
)

// Config is everything that can be set. The README says what each setting is for.
type Config struct {
	Listen      string
	Environment string
	LogLevel    slog.Level

	// Who is signed in, and the agent's own identity at Lanyard.
	OIDC            oidcdata.Config
	Workload        string
	WorkloadTokenBy string
	IdentityRegion  string
	IdentityProfile string // of credentials for Lanyard; the default ones when empty

	// The provider whose tools the model gets.
	Tools             string
	Provider          string
	APIBase           string
	SessionBindingURL string
	BindingStateFile  string

	// The model.
	Model     string
	ModelID   string
	ModelBase string
	ModelKey  secret
	ModelHTTP bool // insecure: the key may go to the model in plain http
	Region    string
	Limits    chat.Limits

	// Conversations.
	S3           state.S3Config
	StateDir     string
	StateKeyFile string

	SignOutURL string
}

// secret is text that is never printed.
type secret string

func (secret) String() string       { return "[secret]" }
func (secret) GoString() string     { return "[secret]" }
func (secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Values of settings.
const (
	toolsGitHub  = "github"
	toolsGoogle  = "google"
	modelBedrock = "bedrock"
	modelOpenAI  = "openai"
	byUserID     = "user-id"
	byJWT        = "jwt"
)

// configFrom reads the settings. All faults are reported at once.
func configFrom(getenv func(string) string) (*Config, error) {
	or := func(name, otherwise string) string { return cmp.Or(getenv(name), otherwise) }
	region := or("AWS_REGION", "us-west-2")
	c := &Config{
		Listen: listenAddress(getenv), Environment: or("ENVIRONMENT", "development"),
		OIDC:     oidcdata.Config{Signer: getenv("OIDC_DATA_SIGNER"), Client: getenv("OIDC_DATA_CLIENT"), Issuer: getenv("OIDC_DATA_ISSUER"), KeysURL: getenv("OIDC_DATA_KEYS_URL")},
		Workload: getenv("WORKLOAD_IDENTITY_NAME"), WorkloadTokenBy: or("WORKLOAD_TOKEN_BY", byUserID), IdentityRegion: or("IDENTITY_AWS_REGION", region), IdentityProfile: getenv("IDENTITY_AWS_PROFILE"),
		Tools: or("TOOLS", toolsGitHub), SessionBindingURL: getenv("SESSION_BINDING_URL"), BindingStateFile: getenv("SESSION_BINDING_STATE_KEY_FILE"),
		Model: or("MODEL", modelBedrock), Region: region,
		S3:       state.S3Config{Bucket: getenv("S3_BUCKET_NAME"), PathStyle: getenv("S3_PATH_STYLE") == "true", Encryption: getenv("S3_SSE"), KMSKeyID: getenv("S3_SSE_KMS_KEY_ID")},
		StateDir: getenv("STATE_DIR"), StateKeyFile: getenv("STATE_KEY_FILE"),
		SignOutURL: or("SIGN_OUT_URL", "/oauth2/sign-out"),
	}
	c.setProvider(getenv)
	c.setModel(getenv)
	err := errors.Join(c.LogLevel.UnmarshalText([]byte(or("LOG_LEVEL", "INFO"))), c.setKeysURL(), c.setLimits(getenv), c.Validate())
	if err != nil {
		return nil, fmt.Errorf("the settings in the environment:\n%w", err)
	}
	return c, nil
}

// listenAddress is LISTEN, or the PORT that a platform assigns, on all addresses; else loopback.
func listenAddress(getenv func(string) string) string {
	if port := getenv("PORT"); port != "" && getenv("LISTEN") == "" {
		return ":" + port
	}
	return cmp.Or(getenv("LISTEN"), "127.0.0.1:8080")
}

func (c *Config) setProvider(getenv func(string) string) {
	switch c.Tools {
	case toolsGitHub:
		c.Provider, c.APIBase = getenv("GITHUB_PROVIDER_NAME"), cmp.Or(getenv("GITHUB_API_BASE"), "https://api.github.com")
	case toolsGoogle:
		c.Provider, c.APIBase = getenv("GOOGLE_PROVIDER_NAME"), cmp.Or(getenv("GOOGLE_API_BASE"), "https://www.googleapis.com")
	}
	c.APIBase = strings.TrimSuffix(c.APIBase, "/")
}

func (c *Config) setModel(getenv func(string) string) {
	switch c.Model {
	case modelBedrock:
		c.ModelID = getenv("INFERENCE_PROFILE_ID")
	case modelOpenAI:
		c.ModelID, c.ModelBase, c.ModelKey = getenv("OPENAI_MODEL"), getenv("OPENAI_BASE_URL"), secret(getenv("OPENAI_API_KEY"))
		c.ModelHTTP = getenv("OPENAI_INSECURE_HTTP") == "true"
	}
}

// setKeysURL finds the key host of the region's load balancers where no other front door is named.
func (c *Config) setKeysURL() error {
	if c.OIDC.KeysURL != "" {
		return nil
	}
	at, err := oidcdata.RegionKeysURL(c.Region)
	c.OIDC.KeysURL = at
	return err
}

func (c *Config) setLimits(getenv func(string) string) error {
	number := func(name string, otherwise, most int) (int, error) {
		text := cmp.Or(getenv(name), strconv.Itoa(otherwise))
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			return 0, fmt.Errorf("%s is %q and has to be a number from 1 to %d", name, text, most)
		}
		return n, nil
	}
	turns, err1 := number("MAX_TURNS", 8, 50)
	turn, err2 := number("MAX_TURN_TOKENS", 2_000, 100_000)
	tokens, err3 := number("MAX_TOKENS", 60_000, 2_000_000)
	seconds, err4 := number("MAX_SECONDS", 120, 900)
	c.Limits = chat.Limits{Turns: turns, TurnTokens: turn, Tokens: tokens, Time: time.Duration(seconds) * time.Second}
	return errors.Join(err1, err2, err3, err4)
}

// Validate says everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	need := func(value, name, what string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is missing: %s", name, what))
		}
	}
	modelSetting := "INFERENCE_PROFILE_ID"
	if c.Model == modelOpenAI {
		modelSetting = "OPENAI_MODEL"
	}
	need(c.OIDC.Signer, "OIDC_DATA_SIGNER", "the ARN of the load balancer, or the signer of the front door, that says who is signed in")
	need(c.OIDC.Client, "OIDC_DATA_CLIENT", "the client id with which it signs users in")
	need(c.OIDC.Issuer, "OIDC_DATA_ISSUER", "the identity provider's issuer; conversations rest under the issuer and the subject")
	need(c.Workload, "WORKLOAD_IDENTITY_NAME", "the agent's workload identity: aws bedrock-agentcore-control create-workload-identity --name NAME --allowed-resource-oauth2-return-urls URL")
	need(c.SessionBindingURL, "SESSION_BINDING_URL", "where the user's browser returns after consent: the session binding service, as registered with the workload identity")
	need(c.Provider, strings.ToUpper(c.Tools)+"_PROVIDER_NAME", "the credential provider at Lanyard that gives access to the tools' API")
	need(c.StateKeyFile, "STATE_KEY_FILE", "the key that seals conversations: (umask 077; head -c 32 /dev/urandom | base64 > state.key)")
	need(c.ModelID, modelSetting, "the model to talk to")
	errs = append(errs, c.choices()...)
	errs = append(errs, c.urls()...)
	return errors.Join(errs...)
}

func (c *Config) choices() []error {
	var errs []error
	oneOf := func(value, name string, allowed ...string) {
		for _, a := range allowed {
			if value == a {
				return
			}
		}
		errs = append(errs, fmt.Errorf("%s is %q and has to be one of: %s", name, value, strings.Join(allowed, ", ")))
	}
	oneOf(c.Tools, "TOOLS", toolsGitHub, toolsGoogle)
	oneOf(c.Model, "MODEL", modelBedrock, modelOpenAI)
	oneOf(c.WorkloadTokenBy, "WORKLOAD_TOKEN_BY", byUserID, byJWT)
	oneOf(c.S3.Encryption, "S3_SSE", "", "AES256", "aws:kms")
	if (c.S3.Bucket == "") == (c.StateDir == "") {
		errs = append(errs, errors.New("set one of S3_BUCKET_NAME and STATE_DIR: conversations rest in a bucket, or in a directory of this machine"))
	}
	if c.S3.KMSKeyID != "" && c.S3.Encryption != "aws:kms" {
		errs = append(errs, errors.New("S3_SSE_KMS_KEY_ID goes with S3_SSE=aws:kms"))
	}
	return errs
}

func (c *Config) urls() []error {
	errs := []error{safeURL("SESSION_BINDING_URL", c.SessionBindingURL), safeURL(strings.ToUpper(c.Tools)+"_API_BASE", c.APIBase)}
	if c.Model == modelOpenAI {
		errs = append(errs, c.modelURL())
	}
	if !strings.HasPrefix(c.SignOutURL, "/") || strings.HasPrefix(c.SignOutURL, "//") {
		errs = append(errs, safeURL("SIGN_OUT_URL", c.SignOutURL))
	}
	return errs
}

// modelURL accepts plain http to a model without a key as well: one's own, on another machine or outside the container. With
// a key it takes a setting.
func (c *Config) modelURL() error {
	if c.modelInClear() && (c.ModelKey == "" || c.ModelHTTP) {
		return nil
	}
	err := safeURL("OPENAI_BASE_URL", c.ModelBase)
	if c.modelInClear() {
		return fmt.Errorf("%w, unless there is no OPENAI_API_KEY; where the network between is trusted with the key, set OPENAI_INSECURE_HTTP=true", err)
	}
	return err
}

// modelInClear tells that what is said to the model goes over a network that can read it.
func (c *Config) modelInClear() bool {
	u, err := url.Parse(c.ModelBase)
	return c.Model == modelOpenAI && err == nil && u.Scheme == "http" && u.Host != "" && u.User == nil && u.Fragment == "" && !webURL(u)
}

// safeURL accepts https, and http on this machine: tokens and keys travel there. A missing one is reported elsewhere,
// unless nothing else does.
func safeURL(name, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "" && name == "SESSION_BINDING_URL":
		return nil
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%s is %q and has to be a URL such as https://host/path", name, raw)
	case !webURL(u):
		return fmt.Errorf("%s is %q and has to begin with https://; http:// is for this machine alone", name, raw)
	}
	return nil
}

// webURL tells https, or http to this machine.
func webURL(u *url.URL) bool {
	if u.Scheme != "http" {
		return u.Scheme == "https" && u.Host != ""
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}
