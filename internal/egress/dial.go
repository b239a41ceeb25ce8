package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	maxAddrs       = 8 // of one DNS answer
	minDialAttempt = 2 * time.Second
)

// dialVetted resolves once, keeps the permitted addresses and dials those very
// addresses: between check and use there is no second look-up to win.
func (c *Client) dialVetted(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := parsePort(portText)
	if err != nil {
		return nil, err
	}
	host = strings.ToLower(host)
	addrs, err := c.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	permitted, refusal := c.permitted(host, addrs, port)
	if len(permitted) == 0 {
		return nil, refusal
	}
	return c.dialFirst(ctx, network, permitted, port)
}

func (c *Client) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, nil
	}
	if isLoopbackName(host) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	addrs, err := c.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs[:min(len(addrs), maxAddrs)], nil
}

// permitted drops the refused addresses of an answer. One refusal is kept to
// explain an answer of which nothing is left.
func (c *Client) permitted(host string, addrs []netip.Addr, port uint16) ([]netip.Addr, error) {
	var ok []netip.Addr
	var refusal error
	for _, ip := range addrs {
		if r := c.vet(host, ip, port); r != nil {
			refusal = r
			continue
		}
		ok = append(ok, ip.Unmap())
	}
	return ok, refusal
}

// vet is the one decision on an address. Development's loopback is open only
// to names that can mean nothing else, so a public name pointed at 127.0.0.1
// reaches no local service (A65).
func (c *Client) vet(host string, ip netip.Addr, port uint16) *Error {
	reach, what := classify(ip)
	ip = ip.Unmap()
	switch {
	case reach == reachAnybody:
		return nil
	case reach == reachListed && c.loopback && ip.IsLoopback() && isLoopbackName(host):
		return nil
	case reach == reachListed && c.lists(host, ip, port):
		return nil
	}
	return refusedAddr(host, ip, reach, what)
}

func (c *Client) lists(host string, ip netip.Addr, port uint16) bool {
	for _, r := range c.allow {
		if r.matchesHost(host, port) || r.matchesAddr(ip, port) {
			return true
		}
	}
	return false
}

// dialFirst tries the addresses in order and gives each a fair share of the
// time left, so that one dead address does not use up the call.
func (c *Client) dialFirst(ctx context.Context, network string, addrs []netip.Addr, port uint16) (net.Conn, error) {
	var errs []error
	for i, ip := range addrs {
		conn, err := c.dialOne(ctx, network, netip.AddrPortFrom(ip, port), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (c *Client) dialOne(ctx context.Context, network string, target netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		share := max(time.Until(deadline)/time.Duration(left), minDialAttempt)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, share)
		defer cancel()
	}
	return c.dial(ctx, network, target.String())
}
