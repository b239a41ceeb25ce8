package main

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/lanyard-id/lanyard/internal/frontdoor"
)

// wrap ends TLS at the listener where a certificate is configured. The files are read again when they change, so that a
// renewal needs no restart. A listener that cannot be used is closed.
func (t tlsConfig) wrap(ln net.Listener, now func() time.Time, log *slog.Logger, protocols ...string) (net.Listener, error) {
	if t.CertFile == "" {
		return ln, nil
	}
	cert, err := frontdoor.LoadCertificate(t.CertFile, t.KeyFile, now, func(err error) {
		log.Warn("the new certificate cannot be used; the one before stays", "err", err)
	})
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	c := cert.TLS()
	c.NextProtos = protocols
	return tls.NewListener(ln, c), nil
}
