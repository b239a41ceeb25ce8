package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/lanyard-id/lanyard/client"
	"github.com/lanyard-id/lanyard/client/oidcdata"
	"github.com/lanyard-id/lanyard/client/sessionbinding"
	"github.com/spf13/cobra"
)

// devDoorOptions ask for a front door beside a development instance.
type devDoorOptions struct {
	backend, listen, config string
}

func (o *devDoorOptions) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.backend, "front-door-backend", "", "also run a front door before this application, such as http://127.0.0.1:8080")
	c.Flags().StringVar(&o.listen, "front-door-listen", "127.0.0.1:8586", "address of that front door; port 0 takes a free one")
	c.Flags().StringVar(&o.config, "front-door", "", "also run a front door as this configuration file says")
	c.MarkFlagsMutuallyExclusive("front-door-backend", "front-door")
	c.MarkFlagsMutuallyExclusive("front-door-listen", "front-door")
}

// devDoor is the front door beside a development instance; nil where none was asked for. It listens already, so that its
// callback URL is known, and answers nothing yet.
func (in *instance) devDoor(ctx context.Context, env *environment, d *devData, o devDoorOptions) (*runningDoor, error) {
	if o.backend == "" && o.config == "" {
		return nil, nil
	}
	cfg, ln, err := d.doorConfig(ctx, o)
	if err != nil {
		return nil, err
	}
	cfg.loopbackEgress, cfg.Log = true, in.cfg.Log
	cfg.handlers = map[string]doorOf{sessionbinding.Path: func() (http.Handler, error) { return in.devBinding(ctx, d, cfg) }}
	door, err := openDoor(env, cfg, in.log)
	switch {
	case err != nil && ln != nil:
		return nil, errors.Join(err, ln.Close())
	case err != nil:
		return nil, err
	case ln != nil:
		door.ln = ln
		return door, nil
	}
	return door, errors.Join(door.listen(ctx))
}

// doorConfig signs users in at the development authorization server and keeps its keys in the data directory; or it is
// the file's.
func (d *devData) doorConfig(ctx context.Context, o devDoorOptions) (*doorConfig, net.Listener, error) {
	if o.config != "" {
		cfg, err := readDoorConfig(o.config)
		return cfg, nil, err
	}
	if u, err := url.Parse(o.backend); err != nil || u.Host == "" {
		return nil, nil, fmt.Errorf("--front-door-backend %q is not a URL such as http://127.0.0.1:8080", o.backend)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return nil, nil, fmt.Errorf("--front-door-listen %s: %w; choose another address, or port 0 for a free one", o.listen, err)
	}
	cfg := defaultDoorConfig()
	cfg.Listen, cfg.PublicURLs, cfg.StateDir = ln.Addr().String(), []string{"http://" + publicHost(ln)}, filepath.Join(d.dir, "frontdoor")
	cfg.Signer = "arn:aws:elasticloadbalancing:" + d.Region + ":" + d.Account + ":loadbalancer/app/lanyard-dev/frontdoor"
	cfg.OIDC = doorOIDC{Issuer: d.issuer(), ClientID: d.ClientID, Scopes: []string{"openid", "profile", "email"}, UserInfo: true}
	cfg.secret, cfg.AccessLog = d.ClientSecret, accessOff
	cfg.Rules = []doorRule{{Path: "/", Backend: o.backend}}
	return &cfg, ln, nil
}

// devBinding finishes consents for the users of the front door, so that a developer needs no such service of their own.
// It calls with the key of the data directory, which is the developer's anyway; elsewhere it runs as `lanyard
// session-binding`, under a role that can do nothing else.
func (in *instance) devBinding(ctx context.Context, d *devData, cfg *doorConfig) (http.Handler, error) {
	cl, err := client.New(ctx, client.WithEndpoint(d.Endpoint), client.WithRegion(d.Region), client.WithClock(in.now),
		client.WithEnvironment(func(string) string { return "" }),
		client.WithCredentials(credentials.NewStaticCredentialsProvider(d.AccessKeyID, d.SecretKey, "")))
	if err != nil {
		return nil, err
	}
	v, err := oidcdata.New(oidcdata.Config{Signer: cfg.Signer, Client: cfg.OIDC.ClientID, Issuer: cfg.OIDC.Issuer, Now: in.now,
		KeysURL: strings.TrimRight(cfg.PublicURLs[0], "/") + publicKeysPath})
	if err != nil {
		return nil, fmt.Errorf("the front door's header cannot be verified: %w", err)
	}
	return sessionbinding.New(sessionbinding.Config{Client: cl, User: sessionbinding.FromOIDCData(v), Environment: "development", Log: in.log})
}

// callbackAllowed tells a callback URL of this front door.
func (d *runningDoor) callbackAllowed(u string) bool {
	return d != nil && slices.Contains(strings.Split(d.cfg.callbackURLs(), ", "), u)
}

// beside runs f and this front door until either ends.
func (d *runningDoor) beside(ctx context.Context, f func(context.Context) error) error {
	if d == nil {
		return f(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- d.serve(ctx)
	}()
	err := f(ctx)
	cancel()
	return errors.Join(err, <-ended)
}

// announce says where the front door is and what the application behind it has to know.
func (d *runningDoor) announce(env *environment) error {
	if d == nil {
		return nil
	}
	_, err := io.WriteString(env.stdout, "\n  The front door before your application is at "+d.cfg.PublicURLs[0]+"\n    "+
		d.cfg.settings("\n    ")+"\n      return URL for consent   "+strings.TrimRight(d.cfg.PublicURLs[0], "/")+sessionbinding.Path+"\n\n")
	return err
}
