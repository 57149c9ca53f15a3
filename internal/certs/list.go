package certs

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"
)

// Certificate is what an operator needs to know of a certificate.
type Certificate struct {
	Use      string // what it is for
	File     string // where it is on this machine; empty for a peer's
	Subject  string
	Serial   string // hexadecimal
	Issuer   string
	NotAfter time.Time
	// InUse is false for what is in a file and cannot be used: then what follows
	// from the content may be missing.
	InUse   bool
	Problem string // empty for none
}

// Describe describes a certificate that is in use.
func Describe(use, file string, c *x509.Certificate, now time.Time) Certificate {
	d := Certificate{Use: use, File: file, InUse: true}
	d.take(c)
	if problem := expiry(c, now); problem != "" {
		d.Problem = "it " + problem
	}
	return d
}

func (d *Certificate) take(c *x509.Certificate) {
	d.Subject, d.Serial, d.Issuer, d.NotAfter = c.Subject.String(), fmt.Sprintf("%x", c.SerialNumber), c.Issuer.String(), c.NotAfter
}

// List describes the certificate, then the authorities: those in use, and
// after them what the files hold that cannot be used. use is the key of the
// configuration that names the files. Nil files are none.
func (f *Files) List(use string, now time.Time) (list []Certificate) {
	if f == nil {
		return nil
	}
	_, _, err := f.refresh()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		list = append(list, Describe(use+".cert", f.cert, f.pair.Leaf, now))
	}
	if f.problem != nil && f.faulty != f.ca {
		list = append(list, f.refused(use+".cert"))
	}
	for _, c := range f.authorities {
		list = append(list, Describe(use+".ca", f.ca, c, now))
	}
	if f.problem != nil && f.faulty == f.ca {
		list = append(list, f.refused(use+".ca"))
	}
	return list
}

// refused is the file that cannot be used, with what can be read of it. Needs mu.
func (f *Files) refused(use string) Certificate {
	d := Certificate{Use: use, File: f.faulty, Problem: f.problem.Error()}
	if data, err := os.ReadFile(f.faulty); err == nil {
		if found := parse(data); len(found) > 0 {
			d.take(found[0])
		}
	}
	return d
}

// parse reads all certificates of a PEM file; what is none is left out.
func parse(data []byte) (list []*x509.Certificate) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return list
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			list = append(list, c)
		}
	}
}

// expiry says that a certificate has ended, or does so soon; empty where neither is so.
func expiry(c *x509.Certificate, now time.Time) string {
	end := c.NotAfter.UTC().Format(time.RFC3339)
	switch {
	case now.After(c.NotAfter):
		return "has expired on " + end
	case c.NotAfter.Sub(now) < ExpiryWarning:
		return "expires on " + end
	}
	return ""
}
