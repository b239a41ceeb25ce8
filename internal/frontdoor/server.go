package frontdoor

import (
	"log"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Server is an HTTP server with the bounds of a front door: heads must come in time and be small, and an answer may take
// as long as it takes, for it may be a stream.
func (d *Door) Server() *http.Server {
	s := d.server(d)
	s.ConnState = boundConnections(d.cfg.Limits.Connections)
	return s
}

// boundConnections closes connections beyond a number. A WebSocket's is a stream from then on, and bounded as one.
func boundConnections(most int) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > int64(most) {
				_ = c.Close() // its server notices, and says StateClosed
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}

// KeysServer serves PublicKeys with the same bounds.
func (d *Door) KeysServer() *http.Server {
	s := d.server(d.PublicKeys())
	s.ReadTimeout, s.WriteTimeout = 10*time.Second, 10*time.Second
	return s
}

func (d *Door) server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{SendPingTimeout: time.Minute, PingTimeout: 15 * time.Second, WriteByteTimeout: writeIdle}, ErrorLog: log.New(d.errorLog, "", 0)}
}
