package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hcsroute/hcsroute/internal/filemode"
)

// ExpiryWarning is how long before its end a certificate is complained about.
const ExpiryWarning = 30 * 24 * time.Hour

// Files are one side of mutual TLS: certificate, key and the CA of the other
// side. They are read again when they change on disk. When the new ones cannot
// be used, the last good ones stay and Problem says why.
type Files struct {
	cert, key, ca string

	mu      sync.Mutex
	stamps  [3]stamp
	pair    tls.Certificate
	roots   *x509.CertPool
	problem error
	faulty  string // the file that problem is about

	authorities []*x509.Certificate // those of roots
}

type stamp struct {
	modified time.Time
	size     int64
}

// Load reads the three files; it fails when they cannot be used.
func Load(cert, key, ca string) (*Files, error) {
	f := Await(cert, key, ca)
	if err := f.Usable(); err != nil {
		return nil, err
	}
	return f, nil
}

// Await is for who goes on without the files. It reads nothing yet; until they
// can be used, Usable says why not and every handshake fails.
func Await(cert, key, ca string) *Files { return &Files{cert: cert, key: key, ca: ca} }

// Usable says why nothing is in use; nil once something is. No Files at all are
// none that can be used.
func (f *Files) Usable() error {
	if f == nil {
		return errors.New("no certificates are configured")
	}
	_, _, err := f.refresh()
	return err
}

// refresh reads the files again if one has changed. The error is that nothing
// is in use: where there once were good files, it is nil.
func (f *Files) refresh() (tls.Certificate, *x509.CertPool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var stamps [3]stamp
	for i, path := range []string{f.cert, f.key, f.ca} {
		if info, err := os.Stat(path); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	if stamps == f.stamps && f.roots != nil {
		return f.pair, f.roots, nil
	}
	if f.faulty, f.problem = f.read(); f.problem == nil {
		// A failed read is tried again each time: the files may be half replaced.
		f.stamps = stamps
	}
	if f.roots == nil {
		return tls.Certificate{}, nil, f.problem
	}
	return f.pair, f.roots, nil
}

// Adopt takes the files that next has loaded in the place of its own, whatever
// their names, and reports whether they hold something else.
func (f *Files) Adopt(next *Files) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed = !slices.EqualFunc(f.pair.Certificate, next.pair.Certificate, bytes.Equal) || !f.roots.Equal(next.roots)
	f.cert, f.key, f.ca = next.cert, next.key, next.ca
	f.stamps, f.pair, f.roots, f.authorities, f.problem = next.stamps, next.pair, next.roots, next.authorities, nil
	return changed
}

// read takes the files over, all or none; faulty is the one that cannot be used.
func (f *Files) read() (faulty string, err error) {
	pair, err := f.readPair()
	if err != nil {
		return f.cert, fmt.Errorf("certificate %s with key %s: %w", f.cert, f.key, err)
	}
	data, err := os.ReadFile(f.ca)
	if err != nil {
		return f.ca, fmt.Errorf("CA: %w", err)
	}
	authorities := parse(data)
	if len(authorities) == 0 {
		return f.ca, fmt.Errorf("CA %s: no certificate in it", f.ca)
	}
	f.pair, f.roots, f.authorities = pair, x509.NewCertPool(), authorities
	for _, c := range authorities {
		f.roots.AddCert(c)
	}
	return "", nil
}

// readPair reads certificate and key. A key that others can read is none.
func (f *Files) readPair() (tls.Certificate, error) {
	cert, err := os.ReadFile(f.cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	file, err := os.Open(f.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := filemode.Secret(f.key, info); err != nil {
		return tls.Certificate{}, err
	}
	key, err := io.ReadAll(file)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// Problem says why the files, or new ones, are not in use, or that the
// certificate has expired or does so soon; nil where all is well.
func (f *Files) Problem(now time.Time) error {
	pair, _, err := f.refresh()
	if err != nil {
		return fmt.Errorf("no certificate is in use: %w", err)
	}
	f.mu.Lock()
	problem := f.problem
	f.mu.Unlock()
	if problem != nil {
		return fmt.Errorf("the last good certificate stays in use: %w", problem)
	}
	if ends := expiry(pair.Leaf, now); ends != "" {
		return fmt.Errorf("the certificate %s %s", f.cert, ends)
	}
	return nil
}

// ServerConfig is TLS 1.3 that demands a certificate of the CA. Every
// handshake uses the files as they are then.
func (f *Files) ServerConfig() *tls.Config { return f.serverConfig(nil) }

// HostsOnly is ServerConfig that demands a host's certificate: others of the same
// CA are for other things.
func (f *Files) HostsOnly() *tls.Config {
	return f.serverConfig(func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0]
		if clientKind(leaf) == Host {
			return nil
		}
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: x509.CertificateInvalidError{Cert: leaf, Reason: x509.IncompatibleUsage}}
	})
}

func (f *Files) serverConfig(verify func(tls.ConnectionState) error) *tls.Config {
	base := &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}}
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		pair, roots, err := f.refresh()
		if err != nil {
			return nil, err // without a CA of ours, TLS would ask the system's
		}
		if a, ok := hello.Conn.(*Attempt); ok {
			a.own, a.name = pair.Leaf, hello.ServerName
		}
		return &tls.Config{
			MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"},
			Certificates: []tls.Certificate{pair}, ClientCAs: roots, VerifyConnection: verify,
			// A resumed session would outlive a changed CA.
			SessionTicketsDisabled: true,
		}, nil
	}
	return base
}

// Roots are the CAs of the other side, as the file has them now.
func (f *Files) Roots() (*x509.CertPool, error) {
	_, roots, err := f.refresh()
	return roots, err
}

// ClientConfig is TLS 1.3 with our certificate, for one connection to a
// server of that name; the server's certificate must come from the CA.
func (f *Files) ClientConfig(serverName string) (*tls.Config, error) {
	if serverName == "" {
		return nil, errors.New("the server's name is needed to verify its certificate")
	}
	pair, roots, err := f.refresh()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: serverName, NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{pair}, RootCAs: roots,
	}
	Show(config)
	return config, nil
}

// Show makes a client show its certificate whatever authorities the server names.
// By itself crypto/tls shows none that does not fit, and is refused for that.
func Show(config *tls.Config) {
	own := &config.Certificates[0]
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
}
