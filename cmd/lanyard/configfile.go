package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
)

// readConfigFile reads a file over the defaults in c. Unknown keys are refused: a misspelt one would be a setting that is
// not set. whole is where the reader finds the configuration with all its keys.
func readConfigFile(path, whole string, c any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no configuration file %s; write one (%s) or name another with --config", path, whole)
	}
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(c); err != nil {
		return fmt.Errorf("configuration %s: %s", path, yaml.FormatError(err, false, true))
	}
	return nil
}

// besideConfig takes relative paths of a configuration as relative to its file.
func besideConfig(path string, names ...*string) {
	for _, p := range names {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(filepath.Dir(path), *p)
		}
	}
}
