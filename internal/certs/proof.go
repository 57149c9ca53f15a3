package certs

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"
)

// proofEvery is how often a connection that lasts is asked whether its peer's
// CA is still ours; the end of the certificate is met exactly.
const proofEvery = 10 * time.Second

// Proof is who the peer of a connection is. What was true at the handshake need
// not stay so: certificates end, and CAs are changed.
type Proof struct {
	chain []*x509.Certificate // the leaf first
	usage x509.ExtKeyUsage
	roots func() (*x509.CertPool, error)
}

// NewProof makes the proof of a chain that a handshake has verified; roots are
// the CAs that count now.
func NewProof(chain []*x509.Certificate, usage x509.ExtKeyUsage, roots func() (*x509.CertPool, error)) *Proof {
	return &Proof{chain: chain, usage: usage, roots: roots}
}

// Leaf is the certificate that the peer has shown.
func (p *Proof) Leaf() *x509.Certificate { return p.chain[0] }

// Check says why the proof does not hold any more; nil while it does.
func (p *Proof) Check(now time.Time) error {
	leaf := p.chain[0]
	if now.After(leaf.NotAfter) {
		return fmt.Errorf("the certificate of %q has expired on %s", leaf.Subject.CommonName, leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	roots, err := p.roots()
	if err != nil {
		return err
	}
	if err := Verify(p.chain, x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{p.usage}, CurrentTime: now}); err != nil {
		return fmt.Errorf("the certificate of %q does not count any more: %w", leaf.Subject.CommonName, err)
	}
	return nil
}

// Verify checks a chain, the leaf first, whose other certificates are intermediates.
func Verify(chain []*x509.Certificate, o x509.VerifyOptions) error {
	o.Intermediates = x509.NewCertPool()
	for _, cert := range chain[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(o)
	return err
}

// Watch calls fail once the proof does not hold any more. It returns then, or
// when ctx ends.
func (p *Proof) Watch(ctx context.Context, fail func(error)) {
	for {
		left := time.Until(p.chain[0].NotAfter)
		timer := time.NewTimer(min(proofEvery, max(0, left)+time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := p.Check(time.Now()); err != nil {
			fail(err)
			return
		}
	}
}
