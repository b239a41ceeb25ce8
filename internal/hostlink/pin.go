package hostlink

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"strings"
	"time"
)

// Fingerprint names one certificate: "sha256:" and the hash of its DER encoding in hexadecimal.
type Fingerprint string

const fingerprintPrefix = "sha256:"

// ParseFingerprint accepts what Fingerprint prints.
func ParseFingerprint(s string) (Fingerprint, error) {
	if !hexSHA256.MatchString(strings.TrimPrefix(s, fingerprintPrefix)) || !strings.HasPrefix(s, fingerprintPrefix) {
		return "", fmt.Errorf("%q is not a fingerprint; it is sha256: and 64 hexadecimal digits", s)
	}
	return Fingerprint(s), nil
}

func fingerprint(der []byte) Fingerprint {
	sum := sha256.Sum256(der)
	return Fingerprint(fingerprintPrefix + hex.EncodeToString(sum[:]))
}

// KeyPair is one side's private key and self-signed certificate.
type KeyPair struct{ cert tls.Certificate }

// keyPairLife is long: the pin decides, and replacing a pair means replacing the pin.
const keyPairLife = 10 * 365 * 24 * time.Hour

// NewKeyPair makes a pair. The name is for people who look at the certificate; nothing decides by it.
func NewKeyPair(name string, now time.Time) (*KeyPair, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key pair: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("making a key pair: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(keyPairLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, pub, priv)
	if err != nil {
		return nil, fmt.Errorf("making a key pair: %w", err)
	}
	return &KeyPair{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: priv}}, nil
}

// Fingerprint is what the other side pins.
func (k *KeyPair) Fingerprint() Fingerprint { return fingerprint(k.cert.Certificate[0]) }

// PEM is the pair as text, private key included.
func (k *KeyPair) PEM() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(k.cert.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("encoding a key pair: %w", err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.cert.Certificate[0]})
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// ParseKeyPair reads what PEM wrote.
func ParseKeyPair(text []byte) (*KeyPair, error) {
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, errors.New("a key pair is a certificate and its private key, both in PEM in one text") // never the text
	}
	return &KeyPair{cert}, nil
}

// LoadKeyPair reads the pair in a file, and makes it, with mode 0600, where there is none. A file that others may read
// is refused: whoever has the key is the server to every host that pins it.
func LoadKeyPair(path, name string, now time.Time) (*KeyPair, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKeyPair(path, name, now)
	}
	if err != nil {
		return nil, fmt.Errorf("key pair: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key pair: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key pair %s has mode %04o: others may have read it; make a new one, or chmod 600 if nobody did", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key pair: %w", err)
	}
	k, err := ParseKeyPair(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func createKeyPair(path, name string, now time.Time) (*KeyPair, error) {
	k, err := NewKeyPair(name, now)
	if err != nil {
		return nil, err
	}
	text, err := k.PEM()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key pair: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("key pair %s: %w", path, err), os.Remove(path))
	}
	return k, nil
}

// errNotPinned is all that a stranger learns.
var errNotPinned = errors.New("the other side's certificate is not the pinned one; compare the fingerprints that both sides were configured with")

// ListenTLS is the configuration of a side that is called: it answers only who proves the pinned certificate's key.
func ListenTLS(own *KeyPair, peer Fingerprint) *tls.Config {
	c := pinned(own, peer)
	c.ClientAuth = tls.RequireAnyClientCert // TLS 1.3 proves possession of its key (RFC 8446, section 4.4.3)
	c.SessionTicketsDisabled = true         // every connection proves anew
	return c
}

// dialTLS is the configuration of a side that calls.
func dialTLS(own *KeyPair, peer Fingerprint) *tls.Config {
	c := pinned(own, peer)
	c.InsecureSkipVerify = true // names and issuers decide nothing here: VerifyConnection compares the pin
	return c
}

func pinned(own *KeyPair, peer Fingerprint) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{own.cert},
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{"http/1.1"},
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) != 1 {
				return errNotPinned
			}
			got := fingerprint(state.PeerCertificates[0].Raw)
			if subtle.ConstantTimeCompare([]byte(got), []byte(peer)) != 1 {
				return errNotPinned
			}
			return nil
		},
	}
}

// Listen makes ln answer only who proves the pinned certificate's key.
func Listen(ln net.Listener, own *KeyPair, peer Fingerprint) net.Listener {
	return tls.NewListener(ln, ListenTLS(own, peer))
}
