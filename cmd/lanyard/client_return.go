package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/lanyard-id/lanyard/api"
)

// returnPoint is a return URL on this machine (RFC 8252 section 7.3): it takes one browser that comes back from consent.
// It believes a visit only with the state that this process chose and gave to Lanyard alone, so that neither another
// page in the browser nor another program on the machine can bring it somebody else's session (A08).
type returnPoint struct {
	URL    string
	State  api.Sensitive
	host   string
	server *http.Server
	came   chan arrival
}

// arrival is a browser that came back.
type arrival struct {
	sessionURI string
	failure    string // the error that the provider or Lanyard reported
}

const returnPath = "/return"

// openReturnPoint listens on a free port of the loopback interface until it is closed.
func openReturnPoint(ctx context.Context) (*returnPoint, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no port of this machine is free for the browser to return to: %w", err)
	}
	p := &returnPoint{host: ln.Addr().String(), State: api.Sensitive(rand.Text()), came: make(chan arrival, 1)}
	p.URL = "http://" + p.host + returnPath
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = p.server.Serve(ln) }() // ends with close
	return p, nil
}

// close ends the listening. A page that is on its way to the browser arrives first, within reason.
func (p *returnPoint) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if p.server.Shutdown(ctx) != nil {
		_ = p.server.Close() // browsers keep spare connections open
	}
}

// wait returns the browser's arrival.
func (p *returnPoint) wait(ctx context.Context) (arrival, error) {
	select {
	case a := <-p.came:
		return a, nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return arrival{}, errors.New("nobody came back from the consent in time; the link is over. Run the command again for a new one")
		}
		return arrival{}, errors.New("stopped before the browser came back; nothing was granted")
	}
}

func (p *returnPoint) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != returnPath || r.Host != p.host { // another name for this address is DNS rebinding
		p.page(w, http.StatusNotFound, "Nothing is here", "This address belongs to a command that is waiting in a terminal.")
		return
	}
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(p.State)) != 1 {
		p.page(w, http.StatusForbidden, "This is not the answer to our question", "The consent was not begun by the command that waits here. Nothing was done.")
		return
	}
	select {
	case p.came <- arrival{sessionURI: q.Get("session_id"), failure: q.Get("error")}:
	default:
		p.page(w, http.StatusOK, "Answered already", "You can close this window.")
		return
	}
	if q.Get("error") != "" {
		p.page(w, http.StatusOK, "Nothing was allowed", "The terminal says more. You can close this window.")
		return
	}
	p.page(w, http.StatusOK, "Back to the terminal", "It finishes the rest. You can close this window.")
}

func (p *returnPoint) page(w http.ResponseWriter, status int, title, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.WriteHeader(status)
	title, text = html.EscapeString(title), html.EscapeString(text)
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>`+title+` · Lanyard</title>
<style>body{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:18vh auto;padding:0 1.5rem;color-scheme:light dark}h1{font-size:1.4rem}</style>
<h1>`+title+`</h1><p>`+text+`</p></html>`) // the browser's going away is its own affair
}
