package host

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// order tells a child process what to become. It travels through a pipe, because command lines and environments of a
// process that still runs as the host's user can be read by others of that user.
type order struct {
	Args   []string `json:"args"`
	Env    []string `json:"env"`
	Dir    string   `json:"dir"`
	UID    int      `json:"uid"` // 0 keeps the host's
	Limits []limit  `json:"limits"`
	Umask  int      `json:"umask"`
	// Namespaces says that the child has its own and shall arrange its view of the file system.
	Namespaces bool     `json:"namespaces"`
	Hide       []string `json:"hide"`
	Keep       []keep   `json:"keep"`
	Probe      bool     `json:"probe"` // arrange everything, run nothing
}

type limit struct {
	Resource int    `json:"resource"`
	Value    uint64 `json:"value"`
}

// keep is a directory that stays visible although one above it is hidden.
type keep struct {
	Path     string `json:"path"`
	Writable bool   `json:"writable"`
}

func (o *order) send(w io.Writer) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// ExecMain is the whole of the program that Config.Self runs: it confines itself as the order on file descriptor 3 says
// and becomes the agent. It returns only if that failed.
func ExecMain() error {
	in := os.NewFile(3, "order")
	if in == nil {
		return fmt.Errorf("this command is run by the agent host, not by hand")
	}
	var o order
	d := json.NewDecoder(in)
	if err := d.Decode(&o); err != nil {
		return fmt.Errorf("the order cannot be read: %w", err)
	}
	if err := o.confine(); err != nil {
		return err
	}
	if o.Probe {
		return nil
	}
	if err := os.Chdir(o.Dir); err != nil {
		return fmt.Errorf("the agent's directory cannot be entered: %w", err)
	}
	return o.become(in)
}

// program is the file to execute, found as a shell would with the agent's own PATH.
func (o *order) program() (string, error) {
	name := o.Args[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, v := range o.Env {
		path, ok := strings.CutPrefix(v, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			if full := filepath.Join(dir, name); executable(full) {
				return full, nil
			}
		}
	}
	return "", fmt.Errorf("%q is not on the agents' PATH; name it with its path, or add its directory to the host's path setting", name)
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// within tells whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}
