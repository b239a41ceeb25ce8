package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"

	"github.com/lanyard-id/lanyard/internal/authn"
	"github.com/lanyard-id/lanyard/internal/hostlink"
	"github.com/lanyard-id/lanyard/internal/server"
)

// agentHostConfig names the agent host that runs this server's agents. Each side knows the other by its certificate.
type agentHostConfig struct {
	URL         string `yaml:"url"`         // https://HOST:PORT on which `lanyard host` listens
	Fingerprint string `yaml:"fingerprint"` // of the host's certificate, which it prints at its start
	KeyFile     string `yaml:"key_file"`    // this server's key pair for the link; made where there is none
	Listen      string `yaml:"listen"`      // where the host asks back
}

func (c *config) validateAgentHost(bad complain) {
	h := c.AgentHost
	if h == (agentHostConfig{}) {
		return
	}
	if h.URL == "" || h.KeyFile == "" {
		bad("agent_host", "url and key_file are needed")
	}
	if _, err := hostlink.ParseFingerprint(h.Fingerprint); err != nil {
		bad("agent_host.fingerprint", "%v; lanyard host prints its own at its start", err)
	}
	if _, _, err := net.SplitHostPort(h.Listen); err != nil {
		bad("agent_host.listen", "%q is not host:port; the host asks back there, so write for example 0.0.0.0:8588", h.Listen)
	}
}

// upstream is what the agent host asks this server.
func (in *instance) upstream() hostlink.Upstream {
	return server.NewUpstream(in.identity, authn.New(in.identity, in.now))
}

// agentHost connects to the configured host; nil without one. The listener is where the host asks back.
func (in *instance) agentHost(ctx context.Context) (server.AgentHost, []listener, error) {
	h := in.cfg.AgentHost
	if h.URL == "" {
		return nil, nil, nil
	}
	own, err := hostlink.LoadKeyPair(h.KeyFile, "lanyard serve", in.now())
	if err != nil {
		return nil, nil, fmt.Errorf("agent_host: %w", err)
	}
	peer, err := hostlink.ParseFingerprint(h.Fingerprint)
	if err != nil {
		return nil, nil, fmt.Errorf("agent_host: %w", err)
	}
	client, err := hostlink.Dial(hostlink.Config{URL: h.URL, Own: own, Peer: peer})
	if err != nil {
		return nil, nil, fmt.Errorf("agent_host: %w", err)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("agent_host.listen: %w", err)
	}
	in.log.Info("an agent host is configured", "url", h.URL, "serverFingerprint", string(own.Fingerprint()), "listen", ln.Addr().String())
	return client, []listener{{hostlink.Listen(ln, own, peer), hostlink.UpstreamHandler(in.upstream())}}, nil
}

// devHost starts the agent host of a development instance. Without one the rest of the instance is as good, so what keeps
// it from starting is logged.
func (in *instance) devHost(ctx context.Context, env *environment, d *devData) *runningHost {
	variables := map[string]string{"LANYARD_ENDPOINT": d.Endpoint}
	for _, service := range servedServices {
		variables["AWS_ENDPOINT_URL_"+service] = d.Endpoint
	}
	h, err := startHost(ctx, env, hostLaunch{StateDir: filepath.Join(d.dir, "host"), Hide: []string{d.dir}, Region: d.Region,
		Variables: variables, Models: devModels(env, d.Region), Upstream: in.upstream(), Log: in.cfg.Log})
	if err != nil {
		in.log.WarnContext(ctx, "no agents run here: the agent host did not start", "err", err)
		return nil
	}
	return h
}

// devModels lets agents call a model where the developer says where it is, by the variable that AWS clients read. Calls
// are signed with the developer's own AWS credentials, so without the variable there are none.
func devModels(env *environment, region string) []hostModel {
	address := env.getenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
	if address == "" {
		return nil
	}
	return []hostModel{{Service: "bedrock-runtime", Region: region, URL: address}}
}
