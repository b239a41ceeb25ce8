package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"syscall"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// An invocation that is killed cannot take its return URL off the workload identity again. The next one of the same person
// on the same machine does: it knows such a URL by its form and its place, and that nobody listens there any more.

// returnPlace marks the return URLs of one person's commands on one machine. It is no secret, and tells neither name.
func returnPlace(env *environment) string {
	host, err := os.Hostname()
	if err != nil {
		host = "" // then the person alone tells
	}
	sum := sha256.Sum256([]byte(host + "\x00" + env.getenv("HOME")))
	return hex.EncodeToString(sum[:6])
}

var returnSecret = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// abandoned tells a return URL of this place at which nobody listens.
func abandoned(ctx context.Context, address, place string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" || u.Port() == "" || u.RawQuery != "" {
		return false
	}
	before := returnPath + "/" + place + "/"
	if len(u.Path) < len(before) || u.Path[:len(before)] != before || !returnSecret.MatchString(u.Path[len(before):]) {
		return false
	}
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", u.Host)
	if err == nil {
		_ = c.Close()
		return false // somebody listens, another command or another program: not now
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// sweepReturns takes off a workload identity the return URLs that killed commands left.
func (c *cloud) sweepReturns(ctx context.Context, workload, place string) error {
	w, err := c.GetWorkloadIdentity(ctx, workload)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(w.ReturnURLs), func(u string) bool { return abandoned(ctx, u, place) })
	if len(kept) == len(w.ReturnURLs) {
		return nil
	}
	_, err = c.UpdateWorkloadIdentity(ctx, &api.UpdateWorkloadIdentityRequest{Name: workload, ReturnURLs: kept})
	return err
}
