package egress

import (
	"context"
	"fmt"
	"net/url"
)

// Aliases let names of the outside world mean this process's own listener, for a server that stands in for another on a
// laptop. An alias changes where a request goes, never what is permitted: the target is checked and its address vetted
// like any other, and it can be on Origin alone. Development only.
type Aliases struct {
	// Origin is the scheme and host of the listener, such as http://127.0.0.1:8585.
	Origin string
	// Local gives the path, still escaped, that stands for an https URL, or reports that none does. It must claim exact
	// hosts, and those only while what they stand for exists here.
	Local func(ctx context.Context, u *url.URL) (path string, ok bool)
}

// parseOrigin refuses an origin that would lead aliased requests off the listener.
func (a *Aliases) parseOrigin() (*url.URL, error) {
	u, err := parseURL(a.Origin)
	if err != nil {
		return nil, fmt.Errorf("egress.aliases: origin %q: %w", a.Origin, err)
	}
	if u.Path != "" || u.RawQuery != "" || u.Host == "" {
		return nil, fmt.Errorf("egress.aliases: origin %q must be a scheme and a host alone, such as http://127.0.0.1:8585", a.Origin)
	}
	return u, nil
}

// aliased gives the URL to which a checked one really goes: itself, or its alias, which is checked in turn.
func (c *Client) aliased(ctx context.Context, u *url.URL) (*url.URL, error) {
	if c.aliases == nil || u.Scheme != "https" {
		return u, nil
	}
	path, ok := c.aliases.Local(ctx, u)
	if !ok {
		return u, nil
	}
	target := *c.origin
	var err error
	if target.Path, err = url.PathUnescape(path); err != nil {
		return nil, refusedForm(displayURL(u), err)
	}
	target.RawPath, target.RawQuery = path, u.RawQuery
	return c.Check(target.String())
}
