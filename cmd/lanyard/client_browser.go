package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// openInBrowser hands a URL to the desktop, and tells whether it could. The URL comes from a server: only http and https
// ones are opened, as one argument and never through a shell.
func openInBrowser(ctx context.Context, env *environment, address api.Sensitive) bool {
	u, err := url.Parse(string(address))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return false
	}
	name, args := opener(env, runtime.GOOS)
	if name == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, name, append(args, u.String())...).Run() == nil
}

// opener is the program that opens URLs where a display exists.
func opener(env *environment, system string) (name string, args []string) {
	switch {
	case env.getenv("SSH_CONNECTION") != "": // the display, if any, is elsewhere
		return "", nil
	case system == "darwin":
		return "open", nil
	case system == "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler"}
	case env.getenv("DISPLAY") != "" || env.getenv("WAYLAND_DISPLAY") != "":
		return "xdg-open", nil
	}
	return "", nil
}

// checkAuthorizationURL refuses what must not be shown as a link to follow.
func checkAuthorizationURL(address api.Sensitive) error {
	u, err := url.Parse(string(address))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsFunc(string(address), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("the instance answered an authorization URL that is not a plain http or https URL; nothing was opened")
	}
	return nil
}
