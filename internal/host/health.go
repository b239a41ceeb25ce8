package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/internal/hostlink"
)

type pingStatus string

const pingBusy pingStatus = "HealthyBusy"

// pingTimeout bounds one health request; pingBytes, what is read of its answer.
const (
	pingTimeout = 5 * time.Second
	pingBytes   = 16 << 10
)

// ping asks the agent how it is. Any body will do, as long as the status is 200; one that says so is busy.
func (p *process) ping(ctx context.Context) (pingStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent/ping", nil)
	if err != nil {
		return "", err
	}
	req.Host = p.authority()
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, pingBytes))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET /ping answered %d", res.StatusCode)
	}
	var said struct {
		Status pingStatus `json:"status"`
	}
	if json.Unmarshal(b, &said) != nil {
		return "", nil // the contract is the status
	}
	return said.Status, nil
}

// authority is the Host header that agents see.
func (p *process) authority() string {
	if p.port == 0 {
		return "127.0.0.1"
	}
	return "127.0.0.1:" + p.portText()
}

// waitHealthy returns when the agent answers its health check, or says why it will not.
func (p *process) waitHealthy(ctx context.Context) error {
	limit := p.host.cfg.Times.Start
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	go func() {
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	pause := 5 * time.Millisecond
	for {
		_, err := p.ping(ctx)
		if err == nil {
			return nil
		}
		if e, ok := errors.AsType[*hostlink.Error](err); ok { // the port is not the agent's own
			return e
		}
		if err := p.pause(ctx, pause); err != nil {
			return p.unhealthy(ctx, limit)
		}
		pause = min(pause*3/2, 250*time.Millisecond)
	}
}

func (p *process) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

func (p *process) unhealthy(ctx context.Context, limit time.Duration) error {
	select {
	case <-p.exited:
		return hostlink.Errorf(hostlink.CodeNotHealthy, "Runtime initialization failed: the agent ended before it answered GET /ping (%s). Its log says why.", p.exit)
	default:
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	return hostlink.Errorf(hostlink.CodeNotHealthy, "Runtime initialization time exceeded. Please make sure that initialization completes in %ds.", int(limit.Seconds()))
}
