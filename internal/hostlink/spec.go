package hostlink

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Spec says what to run: one version of one runtime. It is immutable; its hash is its name on the link.
type Spec struct {
	RuntimeARN string `json:"runtimeArn"`
	RuntimeID  string `json:"runtimeId"`
	Version    string `json:"version"`
	Qualifier  string `json:"qualifier,omitempty"` // the endpoint that this version was reached by
	Source     Source `json:"source"`
	// EntryPoint is a Python file ("agent.py"), a module and its variable ("agent:app"), or an executable with its
	// arguments, as Language says.
	EntryPoint []string `json:"entryPoint"`
	// Language is PYTHON_3_12 and the like, NODE_22, or empty for an executable.
	Language string `json:"language,omitempty"`
	// Requirements is the requirements file inside the source; requirements.txt when empty.
	Requirements string            `json:"requirements,omitempty"`
	Environment  map[string]string `json:"environment,omitempty"`
	Protocol     string            `json:"protocol,omitempty"` // HTTP when empty
	// IdleTimeout and MaxLifetime are in seconds, as on the wire; zero takes the default.
	IdleTimeout     int      `json:"idleTimeout,omitempty"`
	MaxLifetime     int      `json:"maxLifetime,omitempty"`
	HeaderAllowList []string `json:"headerAllowList,omitempty"`
	RoleARN         string   `json:"roleArn,omitempty"` // whose credentials the agent's process may fetch
}

// Source is where the agent's files are: exactly one of the two.
type Source struct {
	// Directory is a path on the host. The host refuses it unless its own configuration lists a directory above it.
	Directory string `json:"directory,omitempty"`
	// Archive is the SHA-256 of an uploaded zip or tar.gz, in hexadecimal.
	Archive string `json:"archive,omitempty"`
}

// Defaults and bounds of a session's life, in seconds.
const (
	DefaultIdleTimeout = 900
	DefaultMaxLifetime = 8 * 3600
	minTimeout         = 60
	maxTimeout         = 14 * 24 * 3600
)

const (
	maxEntryPoint  = 32 // an executable's arguments
	maxVariables   = 100
	maxVariable    = 5000
	maxAllowedList = 20
	maxSpecBytes   = 1 << 20
)

var (
	specRuntimeID = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}$`)
	specVersion   = regexp.MustCompile(`^[1-9][0-9]{0,4}$`)
	specLanguage  = regexp.MustCompile(`^(PYTHON_3_[0-9]{1,2}|NODE_[0-9]{1,2})?$`)
	specVariable  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)
	specHeader    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,255}$`)
	hexSHA256     = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Hash names the spec. Equal specs have equal hashes: encoding/json writes fields in order and map keys sorted.
func (s *Spec) Hash() string {
	b, err := json.Marshal(s)
	if err != nil { // strings, numbers and a map of strings always encode
		panic("hostlink: a spec does not encode: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Idle is how long a session may be without a request.
func (s *Spec) Idle() time.Duration { return seconds(s.IdleTimeout, DefaultIdleTimeout) }

// Lifetime is how long a session's process may live at all.
func (s *Spec) Lifetime() time.Duration { return seconds(s.MaxLifetime, DefaultMaxLifetime) }

func seconds(n, otherwise int) time.Duration {
	if n == 0 {
		n = otherwise
	}
	return time.Duration(n) * time.Second
}

// Python tells whether the agent is started by Lanyard's own launcher.
func (s *Spec) Python() bool { return strings.HasPrefix(s.Language, "PYTHON_") }

// RequirementsFile is the requirements file's path inside the source.
func (s *Spec) RequirementsFile() string {
	if s.Requirements == "" {
		return "requirements.txt"
	}
	return s.Requirements
}

// Validate says what is wrong with the spec. Values of variables are never part of the message.
func (s *Spec) Validate() error {
	for _, check := range []func() error{s.checkNames, s.Source.validate, s.checkEntryPoint, s.checkProtocol, s.checkTimes, s.checkEnvironment, s.checkHeaders} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) checkNames() error {
	switch {
	case !specRuntimeID.MatchString(s.RuntimeID):
		return fmt.Errorf("runtimeId %q is not the id of a runtime, such as my_agent-a1b2c3d4e5", s.RuntimeID)
	case !specVersion.MatchString(s.Version):
		return fmt.Errorf("version %q is not a number from 1 to 99999", s.Version)
	case !strings.HasPrefix(s.RuntimeARN, "arn:") || !strings.HasSuffix(s.RuntimeARN, "/"+s.RuntimeID):
		return fmt.Errorf("runtimeArn %q does not end in the runtime's id %q", s.RuntimeARN, s.RuntimeID)
	case !specLanguage.MatchString(s.Language):
		return fmt.Errorf("language %q is unknown; use PYTHON_3_12 and the like, NODE_22, or leave it empty for an executable", s.Language)
	}
	return nil
}

func (s *Source) validate() error {
	switch {
	case (s.Directory == "") == (s.Archive == ""):
		return fmt.Errorf("source: give either a directory or an archive")
	case s.Archive != "" && !hexSHA256.MatchString(s.Archive):
		return fmt.Errorf("source.archive %q is not a SHA-256 in lower-case hexadecimal", s.Archive)
	case s.Directory != "" && (!path.IsAbs(s.Directory) || path.Clean(s.Directory) != s.Directory):
		return fmt.Errorf("source.directory %q is not a clean absolute path", s.Directory)
	}
	return nil
}

func (s *Spec) checkEntryPoint() error {
	if len(s.EntryPoint) == 0 || len(s.EntryPoint) > maxEntryPoint || s.EntryPoint[0] == "" {
		return fmt.Errorf("entryPoint: name the file, module or executable to start, with at most %d arguments", maxEntryPoint-1)
	}
	for _, part := range slices.Concat(s.EntryPoint, []string{s.Requirements}) {
		if strings.ContainsRune(part, 0) || len(part) > 4096 {
			return fmt.Errorf("entryPoint and requirements: no NUL and at most 4096 characters")
		}
	}
	return nil
}

func (s *Spec) checkProtocol() error {
	switch s.Protocol {
	case "", "HTTP":
		return nil
	case "MCP", "A2A", "AGUI":
		return fmt.Errorf("protocol %s is not served by Lanyard's agent host; use HTTP", s.Protocol)
	}
	return fmt.Errorf("protocol %q is unknown; use HTTP", s.Protocol)
}

func (s *Spec) checkTimes() error {
	for name, n := range map[string]int{"idleTimeout": s.IdleTimeout, "maxLifetime": s.MaxLifetime} {
		if n != 0 && (n < minTimeout || n > maxTimeout) {
			return fmt.Errorf("%s %d is outside %d to %d seconds", name, n, minTimeout, maxTimeout)
		}
	}
	return nil
}

func (s *Spec) checkEnvironment() error {
	if len(s.Environment) > maxVariables {
		return fmt.Errorf("environment: more than %d variables", maxVariables)
	}
	for name, value := range s.Environment {
		if !specVariable.MatchString(name) {
			return fmt.Errorf("environment: %q is not a variable's name", name)
		}
		if len(value) > maxVariable || strings.ContainsRune(value, 0) {
			return fmt.Errorf("environment: the value of %s is longer than %d bytes or holds a NUL", name, maxVariable)
		}
	}
	return nil
}

func (s *Spec) checkHeaders() error {
	if len(s.HeaderAllowList) > maxAllowedList {
		return fmt.Errorf("headerAllowList: more than %d names", maxAllowedList)
	}
	for _, name := range s.HeaderAllowList {
		if !specHeader.MatchString(name) {
			return fmt.Errorf("headerAllowList: %q is not a header's name", name)
		}
		if reserved(name) {
			return fmt.Errorf("headerAllowList: %s is set by Lanyard and cannot be passed on from a caller", name)
		}
	}
	return nil
}
