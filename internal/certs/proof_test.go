package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// TestAProofEnds with the certificate, and when its CA is not ours any more.
func TestAProofEnds(t *testing.T) {
	dir := t.TempDir()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(certs.Init(certs.CAOptions{Dir: dir}))
	check(certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: "k8s-master", Validity: 2 * time.Second}))
	path := func(name string) string { return filepath.Join(dir, name) }
	pair, err := tls.LoadX509KeyPair(path("k8s-master.crt"), path("k8s-master.key"))
	check(err)
	files, err := certs.Load(path("k8s-master.crt"), path("k8s-master.key"), path(certs.CACert))
	check(err)
	proof := certs.NewProof([]*x509.Certificate{pair.Leaf}, x509.ExtKeyUsageServerAuth, files.Roots)
	during := pair.Leaf.NotAfter.Add(-time.Second)
	check(proof.Check(during))
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	proof.Watch(ctx, func(why error) { ended <- why })
	select {
	case why := <-ended:
		if !strings.Contains(why.Error(), "has expired") || time.Now().Before(pair.Leaf.NotAfter) {
			t.Errorf("ended with %v", why)
		}
	default:
		t.Error("the end of the certificate was not noticed")
	}
	if err := certs.NewProof([]*x509.Certificate{pair.Leaf}, x509.ExtKeyUsageClientAuth, files.Roots).Check(during); err == nil {
		t.Error("a server's certificate proves a client")
	}
	check(certs.Init(certs.CAOptions{Dir: dir, Force: true}))
	if err := proof.Check(during); err == nil || !strings.Contains(err.Error(), "does not count any more") {
		t.Errorf("with another CA: %v", err)
	}
}

// TestCertificatesAreShortLived unless something else is asked for.
func TestCertificatesAreShortLived(t *testing.T) {
	dir := t.TempDir()
	if err := certs.Init(certs.CAOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if err := certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: "k8s-master"}); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "k8s-master.crt"), filepath.Join(dir, "k8s-master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if days := time.Until(pair.Leaf.NotAfter).Hours() / 24; days < 89 || days > 90 {
		t.Errorf("valid for %.1f days", days)
	}
}
