// Package certs makes the certificates of the service, the agents and the
// callers, and keeps TLS configurations fresh while the files change on disk.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// RolePrefix starts the URI SAN that gives a client its role:
// hcsroute:role/reader, hcsroute:role/operator or hcsroute:role/admin.
const RolePrefix = "hcsroute:role/"

// Kind says whose a certificate is.
type Kind string

// The kinds of certificates.
const (
	Service Kind = "service" // the service's remote listener
	Host    Kind = "host"    // the service towards the agents
	Agent   Kind = "agent"   // an agent; its name is the node id
	Client  Kind = "client"  // a caller of the remote listener, with a role
)

// MaxDays is the longest validity. What is meant to last for ever has a date too:
// a hundred years are more than any device has, and far from where dates end.
const MaxDays = 36500

// DefaultDays is how long a certificate is valid where nothing else is asked
// for: short, because one that was stolen counts until then.
const DefaultDays = 90

// Validities that Init and Issue take where none is given.
const (
	caValidity   = 10 * 365 * 24 * time.Hour
	leafValidity = DefaultDays * 24 * time.Hour
)

// clockSkew is how far the clocks of hosts and nodes may differ.
const clockSkew = 5 * time.Minute

// Files of the CA in its folder.
const (
	CACert = "ca.crt"
	CAKey  = "ca.key"
)

// CAOptions are for Init.
type CAOptions struct {
	Dir      string
	Name     string        // common name; default "hcsroute CA"
	Validity time.Duration // default 10 years
	Now      time.Time     // default: now
	Force    bool          // overwrite an existing CA
}

// Init makes a CA (ECDSA P-256) in a folder: ca.crt and ca.key (0600). It
// overwrites nothing unless Force is set.
func Init(o CAOptions) error {
	if o.Name == "" {
		o.Name = "hcsroute CA"
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template, err := newTemplate(o.Name, o.Now, o.Validity, caValidity)
	if err != nil {
		return err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	return writePair(filepath.Join(o.Dir, "ca"), der, key, o.Force)
}

// LeafOptions are for Issue.
type LeafOptions struct {
	Dir  string // the CA's folder
	Out  string // path without extension; default Dir/Name
	Kind Kind
	// Name is the common name; for an agent the node id, which is also its DNS name.
	Name string
	Role string // for a client: reader, operator or admin
	// SANs are DNS names and IP addresses; a service needs those that callers use.
	SANs     []string
	Validity time.Duration // default DefaultDays
	Now      time.Time     // default: now
	Force    bool          // overwrite existing files
	// Shortened, which may be nil, hears of a certificate that was written and ends
	// with its CA, sooner than asked for.
	Shortened func(end, asked time.Time)
}

// Issue makes a certificate from the CA in a folder: Out.crt and Out.key
// (0600). It overwrites nothing unless Force is set. None outlasts its CA.
func Issue(o LeafOptions) error {
	ca, caKey, err := loadCA(o.Dir)
	if err != nil {
		return err
	}
	if o.Name == "" || strings.ContainsAny(o.Name, "/\\\x00 ") || strings.HasPrefix(o.Name, ".") {
		return fmt.Errorf("its name %q: want one without spaces and slashes", o.Name)
	}
	template, err := newTemplate(o.Name, o.Now, o.Validity, leafValidity)
	if err != nil {
		return err
	}
	if now := template.NotBefore.Add(clockSkew); !now.Before(ca.NotAfter) {
		return fmt.Errorf("the CA in %s ended on %s, and with it all that it signs: make another one with: hcsroute certs init", o.Dir, ca.NotAfter.UTC().Format(time.RFC3339))
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if err := o.purpose(template); err != nil {
		return err
	}
	for _, san := range o.SANs {
		if ip := net.ParseIP(san); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, san)
		}
	}
	asked := template.NotAfter
	if asked.After(ca.NotAfter) {
		template.NotAfter = ca.NotAfter
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	if err != nil {
		return err
	}
	if o.Out == "" {
		o.Out = filepath.Join(o.Dir, o.Name)
	}
	if err := writePair(o.Out, der, key, o.Force); err != nil {
		return err
	}
	if template.NotAfter.Before(asked) && o.Shortened != nil {
		o.Shortened(template.NotAfter, asked)
	}
	return nil
}

// purpose sets what the kind of the certificate may be used for.
func (o LeafOptions) purpose(template *x509.Certificate) error {
	if o.Role != "" && o.Kind != Client {
		return fmt.Errorf("role %q: only a client certificate has a role", o.Role)
	}
	switch o.Kind {
	case Service:
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case Host:
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		template.URIs = []*url.URL{{Scheme: "hcsroute", Opaque: "role/host"}} // what agents ask for
	case Agent:
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.DNSNames = []string{o.Name}
	case Client:
		switch o.Role {
		case "reader", "operator", "admin":
		default:
			return fmt.Errorf("the role of a client %q: want reader, operator or admin", o.Role)
		}
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		template.URIs = []*url.URL{{Scheme: "hcsroute", Opaque: "role/" + o.Role}}
	default:
		return fmt.Errorf("its kind %q: want service, host, agent or client", o.Kind)
	}
	return nil
}

func newTemplate(name string, now time.Time, validity, otherwise time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	if now.IsZero() {
		now = time.Now()
	}
	if validity == 0 {
		validity = otherwise
	}
	if validity < 0 || validity > MaxDays*24*time.Hour {
		return nil, fmt.Errorf("validity %s: want more than nothing and at most %d days", validity, MaxDays)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(validity),
	}, nil
}

func loadCA(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certPEM, err := os.ReadFile(filepath.Join(dir, CACert))
	if err != nil {
		return nil, nil, fmt.Errorf("read the CA: %w", err)
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, CAKey))
	if err != nil {
		return nil, nil, fmt.Errorf("read the CA's key: %w", err)
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, nil, fmt.Errorf("the CA in %s is not in PEM form", dir)
	}
	ca, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", filepath.Join(dir, CACert), err)
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", filepath.Join(dir, CAKey), err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("%s: want an ECDSA key", filepath.Join(dir, CAKey))
	}
	return ca, ec, nil
}

// writePair writes base.key (0600) and base.crt.
func writePair(base string, der []byte, key *ecdsa.PrivateKey, force bool) error {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if !force {
		for _, path := range []string{base + ".key", base + ".crt"} {
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				return &fs.PathError{Op: "write", Path: path, Err: fs.ErrExist}
			}
		}
	}
	if err := writeFile(base+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		return err
	}
	return writeFile(base+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// writeFile replaces a file at once, so that a reader never sees half of it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
