package frontdoor

import (
	"log"
	"net/http"
	"time"
)

// Server is an HTTP server with the bounds of a front door: heads must come in time and be small, and an answer may take
// as long as it takes, for it may be a stream.
func (d *Door) Server() *http.Server { return d.server(d) }

// KeysServer serves PublicKeys with the same bounds.
func (d *Door) KeysServer() *http.Server {
	s := d.server(d.PublicKeys())
	s.ReadTimeout, s.WriteTimeout = 10*time.Second, 10*time.Second
	return s
}

func (d *Door) server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(d.errorLog, "", 0)}
}
