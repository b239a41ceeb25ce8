package lab

import (
	"bufio"
	"fmt"
	"strings"
)

// parseEnvFile reads the lines export NAME='value' that lanyard writes for a shell. Other lines (comments, unset) are
// for shells that have an environment; the programs here start from none.
func parseEnvFile(text string) ([]string, error) {
	var env []string
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		assignment, ok := strings.CutPrefix(lines.Text(), "export ")
		if !ok {
			continue
		}
		name, quoted, ok := strings.Cut(assignment, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("line %q is no assignment", lines.Text())
		}
		value, err := unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		env = append(env, name+"="+value)
	}
	return env, nil
}

// unquote undoes a shell's single quotes, in which a quote is written as quote, backslash, quote, quote.
func unquote(s string) (string, error) {
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' {
		return "", fmt.Errorf("the value is not in single quotes")
	}
	parts := strings.Split(s[1:len(s)-1], `'\''`)
	for _, part := range parts {
		if strings.Contains(part, "'") {
			return "", fmt.Errorf("the value has a quote that ends it early")
		}
	}
	return strings.Join(parts, "'"), nil
}
