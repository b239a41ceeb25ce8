package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/lanyard-id/lanyard/internal/host"
	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// hostConfig is everything that decides how `lanyard host` behaves. It comes from a file, or from `lanyard dev`.
type hostConfig struct {
	Listen       string `yaml:"listen" json:"listen"`
	HealthListen string `yaml:"health_listen" json:"health_listen"`
	StateDir     string `yaml:"state_dir" json:"state_dir"`
	// ServerURL is where the server answers this host, and ServerFingerprint the certificate of both directions.
	ServerURL         string `yaml:"server_url" json:"server_url"`
	ServerFingerprint string `yaml:"server_fingerprint" json:"server_fingerprint"`
	KeyFile           string `yaml:"key_file" json:"key_file"`
	// KeyPair is the pair itself, when the parent made it. A file never holds it.
	KeyPair string `yaml:"-" json:"key_pair"`

	Directories        []string          `yaml:"directories" json:"directories"`
	Hide               []string          `yaml:"hide" json:"hide"`
	Path               string            `yaml:"path" json:"path"`
	Region             string            `yaml:"region" json:"region"`
	Variables          map[string]string `yaml:"variables" json:"variables"`
	InstallerVariables map[string]string `yaml:"installer_variables" json:"installer_variables"`
	UIDs               hostUIDs          `yaml:"uids" json:"uids"`
	Limits             hostLimits        `yaml:"limits" json:"limits"`
	Times              hostTimes         `yaml:"times" json:"times"`
	Models             []hostModel       `yaml:"models" json:"models"`
	Log                logConfig         `yaml:"log" json:"log"`

	InsecureAnyDirectory bool `yaml:"insecure_any_directory" json:"insecure_any_directory"`
	InsecureNoNamespaces bool `yaml:"insecure_no_namespaces" json:"insecure_no_namespaces"`
}

type hostUIDs struct {
	First int `yaml:"first" json:"first"`
	Count int `yaml:"count" json:"count"`
}

type hostLimits struct {
	Sessions           int   `yaml:"sessions" json:"sessions"`
	SessionsPerUser    int   `yaml:"sessions_per_user" json:"sessions_per_user"`
	Starts             int   `yaml:"starts" json:"starts"`
	RequestsPerSession int   `yaml:"requests_per_session" json:"requests_per_session"`
	Processes          int   `yaml:"processes" json:"processes"`
	OpenFiles          int   `yaml:"open_files" json:"open_files"`
	Memory             int64 `yaml:"memory_bytes" json:"memory_bytes"`
	FileSize           int64 `yaml:"file_bytes" json:"file_bytes"`
	LogBytes           int64 `yaml:"log_bytes" json:"log_bytes"`
	Files              int   `yaml:"source_files" json:"source_files"`
	SourceBytes        int64 `yaml:"source_bytes" json:"source_bytes"`
}

type hostTimes struct {
	Start   time.Duration `yaml:"start" json:"start"`
	Build   time.Duration `yaml:"build" json:"build"`
	Deploy  time.Duration `yaml:"deploy" json:"deploy"`
	Stop    time.Duration `yaml:"stop" json:"stop"`
	Keep    time.Duration `yaml:"keep" json:"keep"`
	Sweep   time.Duration `yaml:"sweep" json:"sweep"`
	Backoff time.Duration `yaml:"backoff" json:"backoff"`
}

type hostModel struct {
	Service string `yaml:"service" json:"service"`
	Region  string `yaml:"region" json:"region"`
	URL     string `yaml:"url" json:"url"`
}

func defaultHostConfig() hostConfig {
	return hostConfig{Listen: "127.0.0.1:8586", Region: "us-west-2", Log: logConfig{Level: "info", Format: "json"}}
}

func readHostConfig(path string) (*hostConfig, error) {
	c := defaultHostConfig()
	if err := readConfigFile(path, "docs/operations.md has it whole", &c); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for _, p := range []*string{&c.StateDir, &c.KeyFile} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return &c, nil
}

// Validate returns every problem, each with the key and the fix.
func (c *hostConfig) Validate() error {
	var problems []error
	bad := func(key, format string, args ...any) {
		problems = append(problems, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen", "%q is not host:port; write for example 127.0.0.1:8586", c.Listen)
	}
	if c.HealthListen != "" {
		if a, err := netip.ParseAddrPort(c.HealthListen); err != nil || !a.Addr().IsLoopback() {
			bad("health_listen", "%q is not a loopback address and port; write for example 127.0.0.1:8587", c.HealthListen)
		}
	}
	if c.StateDir == "" {
		bad("state_dir", "name the directory where code, environments and logs are kept")
	}
	if !regionPattern.MatchString(c.Region) {
		bad("region", "%q does not look like a region; write for example us-west-2", c.Region)
	}
	if (c.KeyFile == "") == (c.KeyPair == "") {
		bad("key_file", "name the file of this host's key pair; it is made where there is none")
	}
	if c.ServerFingerprint != "" {
		if _, err := hostlink.ParseFingerprint(c.ServerFingerprint); err != nil {
			bad("server_fingerprint", "%v", err)
		}
	}
	return errors.Join(problems...)
}

func (c *hostConfig) weakenings() []string {
	var out []string
	if c.InsecureAnyDirectory {
		out = append(out, "insecure_any_directory")
	}
	if c.InsecureNoNamespaces {
		out = append(out, "insecure_no_namespaces")
	}
	return out
}

func (c *hostConfig) keyPair(now time.Time) (*hostlink.KeyPair, error) {
	if c.KeyPair != "" {
		return hostlink.ParseKeyPair([]byte(c.KeyPair))
	}
	return hostlink.LoadKeyPair(c.KeyFile, "lanyard host", now)
}

// host is the configuration as the package takes it.
func (c *hostConfig) host() host.Config {
	out := host.Config{
		StateDir: c.StateDir, Directories: c.Directories, AnyDirectory: c.InsecureAnyDirectory, Path: c.Path, Region: c.Region,
		Variables: c.Variables, InstallerVariables: c.InstallerVariables, UIDs: host.UIDRange(c.UIDs), Hide: c.Hide,
		Limits: host.Limits(c.Limits), Times: host.Times(c.Times), InsecureNoNamespaces: c.InsecureNoNamespaces,
	}
	for _, m := range c.Models {
		out.Models = append(out.Models, host.ModelService{Service: m.Service, Region: m.Region, URL: m.URL})
	}
	if self, err := selfCommand(); err == nil { // without it, New says what is missing
		out.Self = []string{self, "host-exec"}
	}
	return out
}
