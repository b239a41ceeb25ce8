package host

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

// Config is everything that decides how agents are run. Zero values take defaults, which New fills in.
type Config struct {
	// StateDir keeps code, environments, logs and sessions. One host at a time uses it.
	StateDir string
	// Directories are those below which a spec may name a source directory.
	Directories []string
	// AnyDirectory allows every directory: for a development machine, where the operator is the developer.
	AnyDirectory bool
	// Self is the command that runs ExecMain in a new process, this program again as a rule.
	Self []string
	// Path is where interpreters and commands are looked for, and the PATH of agents.
	Path string
	// Region is the agents' AWS_REGION.
	Region string
	// Variables are given to every agent, such as the endpoint variables that lead AWS clients to Lanyard.
	Variables map[string]string
	// InstallerVariables are given to pip and uv and to nobody else: PIP_INDEX_URL and the like.
	InstallerVariables map[string]string
	// UIDs are the user ids of sessions when this process is root.
	UIDs UIDRange
	// Hide are directories that agents must not see: Lanyard's own data above all.
	Hide   []string
	Limits Limits
	Times  Times
	// Models are the AWS services that agents may call with the operator's credentials. Off when empty.
	Models []ModelService
	// InsecureNoNamespaces runs agents without namespaces although the system has them.
	InsecureNoNamespaces bool
}

// UIDRange is a range of numeric user ids that nothing else on the machine uses. A group of the same number goes with each.
type UIDRange struct{ First, Count int }

// Limits bound what agents may cost. One session's limits hold for each of its processes.
type Limits struct {
	Sessions           int // at once
	SessionsPerUser    int // at once
	Starts             int // at once; and as many environments are built
	RequestsPerSession int // at once
	Processes          int // of one session, where it has a user id or user namespace of its own
	OpenFiles          int
	Memory             int64 // bytes of private memory of one process
	FileSize           int64 // bytes of one file that an agent writes
	LogBytes           int64 // of one session, in two files
	Files              int   // in a source
	SourceBytes        int64 // of a source, unpacked
}

// Times bound how long things take.
type Times struct {
	Start   time.Duration // from the start of a process to its first healthy answer
	Build   time.Duration // of a Python environment
	Deploy  time.Duration // that a deployment waits for its environment before it is told to ask again
	Stop    time.Duration // from SIGTERM to SIGKILL
	Keep    time.Duration // records and logs of ended sessions
	Sweep   time.Duration // between looks at idle sessions
	Backoff time.Duration // the longest wait after crashes
}

var defaultLimits = Limits{
	Sessions: 500, SessionsPerUser: 50, Starts: 4, RequestsPerSession: 64, Processes: 256, OpenFiles: 4096,
	Memory: 4 << 30, FileSize: 1 << 30, LogBytes: 10 << 20, Files: 50_000, SourceBytes: 750 << 20,
}

var defaultTimes = Times{
	Start: 120 * time.Second, Build: 10 * time.Minute, Deploy: 40 * time.Second, Stop: 10 * time.Second, Keep: time.Hour, Sweep: 5 * time.Second, Backoff: 30 * time.Second,
}

// defaultUIDs lie between those of people and of service managers, and below 65536, which is all that many containers map.
var defaultUIDs = UIDRange{First: 50_000, Count: 9_000}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Deps are what a Host works with.
type Deps struct {
	Upstream hostlink.Upstream
	Now      func() time.Time
	Log      *slog.Logger
}

// settle fills in defaults and says what is wrong.
func (c *Config) settle() error {
	c.Limits = c.Limits.orDefaults()
	c.Times = c.Times.orDefaults()
	if c.Path == "" {
		c.Path = defaultPath
	}
	if c.UIDs == (UIDRange{}) {
		c.UIDs = defaultUIDs
	}
	if len(c.Self) == 0 {
		return errors.New("host: the command that runs this program again is missing")
	}
	if err := c.settlePaths(); err != nil {
		return err
	}
	if c.UIDs.First < 1 || c.UIDs.Count < 2 || c.UIDs.First+c.UIDs.Count > 1<<31-1 {
		return fmt.Errorf("host: uids: a range of at least 2 user ids above 0 is needed, not %d from %d", c.UIDs.Count, c.UIDs.First)
	}
	for _, m := range c.Models {
		if err := m.check(); err != nil {
			return err
		}
	}
	return c.checkVariables()
}

func (c *Config) settlePaths() error {
	if !filepath.IsAbs(c.StateDir) {
		return fmt.Errorf("host: the state directory %q must be an absolute path", c.StateDir)
	}
	if err := os.MkdirAll(c.StateDir, 0o711); err != nil { //nolint:gosec // sessions of other user ids pass through it
		return fmt.Errorf("host: state directory: %w", err)
	}
	real, err := filepath.EvalSymlinks(c.StateDir)
	if err != nil {
		return fmt.Errorf("host: state directory: %w", err)
	}
	c.StateDir = real
	c.Directories, c.Hide = slices.Clone(c.Directories), slices.Clone(c.Hide)
	for _, list := range [][]string{c.Directories, c.Hide} {
		for i, d := range list {
			if list[i], err = filepath.EvalSymlinks(d); err != nil || !filepath.IsAbs(d) {
				return fmt.Errorf("host: %q must be an absolute path of a directory that exists", d)
			}
		}
	}
	return nil
}

// checkVariables refuses what would undo the environment that agents get.
func (c *Config) checkVariables() error {
	for name := range c.Variables {
		if ownVariable(name) {
			return fmt.Errorf("host: the variable %s is set by the host for each session and cannot be configured", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.InstallerVariables)) {
		if !strings.HasPrefix(name, "PIP_") && !strings.HasPrefix(name, "UV_") && !slices.Contains([]string{"SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}, name) {
			return fmt.Errorf("host: %s is no variable of an installer; PIP_…, UV_…, SSL_CERT_FILE and proxies are", name)
		}
	}
	return nil
}

func (l Limits) orDefaults() Limits {
	d := defaultLimits
	return Limits{
		Sessions: or(l.Sessions, d.Sessions), SessionsPerUser: or(l.SessionsPerUser, d.SessionsPerUser), Starts: or(l.Starts, d.Starts),
		RequestsPerSession: or(l.RequestsPerSession, d.RequestsPerSession), Processes: or(l.Processes, d.Processes), OpenFiles: or(l.OpenFiles, d.OpenFiles),
		Memory: or(l.Memory, d.Memory), FileSize: or(l.FileSize, d.FileSize), LogBytes: or(l.LogBytes, d.LogBytes),
		Files: or(l.Files, d.Files), SourceBytes: or(l.SourceBytes, d.SourceBytes),
	}
}

func (t Times) orDefaults() Times {
	d := defaultTimes
	return Times{
		Start: or(t.Start, d.Start), Build: or(t.Build, d.Build), Deploy: or(t.Deploy, d.Deploy), Stop: or(t.Stop, d.Stop), Keep: or(t.Keep, d.Keep),
		Sweep: or(t.Sweep, d.Sweep), Backoff: or(t.Backoff, d.Backoff),
	}
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
