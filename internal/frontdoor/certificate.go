package frontdoor

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// checkCertificate is how often the certificate's files are looked at.
const checkCertificate = 10 * time.Second

// Certificate is a certificate that is read again when its files change, so that a renewal needs no restart.
type Certificate struct {
	certFile, keyFile string
	now               func() time.Time
	failed            func(error)

	mu       sync.Mutex
	current  *tls.Certificate
	modified [2]time.Time
	checked  time.Time
}

// LoadCertificate reads the pair. failed is told of a later pair that cannot be used; the one before stays in use.
func LoadCertificate(certFile, keyFile string, now func() time.Time, failed func(error)) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, now: now, failed: failed}
	return c, c.reload(now())
}

// GetCertificate is for tls.Config.
func (c *Certificate) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.checked) >= checkCertificate {
		if err := c.reload(now); err != nil {
			c.failed(err)
		}
	}
	return c.current, nil
}

func (c *Certificate) reload(now time.Time) error {
	c.checked = now
	var modified [2]time.Time
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("tls: %w; check tls.cert_file and tls.key_file", err)
		}
		modified[i] = info.ModTime()
	}
	if modified == c.modified {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil { // the second of two files may be a moment behind the first
		return fmt.Errorf("tls: %w; check tls.cert_file and tls.key_file", err)
	}
	c.current, c.modified = &pair, modified
	return nil
}

// TLS is the listener's configuration: what browsers of today speak, and HTTP/2 where they want it.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.GetCertificate, NextProtos: []string{"h2", "http/1.1"}}
}
