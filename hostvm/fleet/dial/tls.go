package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// NameError says that the agent's certificate is that of another node.
type NameError struct {
	Want string
	Have []string // the certificate's names
}

func (e *NameError) Error() string {
	have := "no name"
	if len(e.Have) > 0 {
		have = strings.Join(e.Have, ", ")
	}
	return fmt.Sprintf("the agent's certificate is for %s, not for node %s; correct the endpoint or id in the inventory, or issue the agent a certificate for %s", have, e.Want, e.Want)
}

// alpn is the protocol that gRPC speaks (RFC 9113).
const alpn = "h2"

// secure does the TLS handshake. The chain and the name are checked apart,
// so that a wrong node is told from a wrong authority.
func (d *Dialer) secure(ctx context.Context, conn net.Conn, id string) (net.Conn, error) {
	config, err := d.tls(id)
	if err != nil {
		return nil, fmt.Errorf("TLS for agents: %w", err)
	}
	config = config.Clone()
	first := config.RootCAs
	config.MinVersion = tls.VersionTLS13
	config.NextProtos = []string{alpn}
	config.ServerName = id
	config.InsecureSkipVerify = true // VerifyConnection does all of it
	config.VerifyConnection = func(state tls.ConnectionState) error { return verify(state, first, id) }
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	roots := func() (*x509.CertPool, error) {
		now, err := d.tls(id)
		if err != nil {
			return nil, fmt.Errorf("TLS for agents: %w", err)
		}
		return now.RootCAs, nil
	}
	return proven{secured, certs.NewProof(secured.ConnectionState().PeerCertificates, x509.ExtKeyUsageServerAuth, roots)}, nil
}

// proven is a connection whose peer has proved who it is, for as long as that holds.
type proven struct {
	net.Conn
	*certs.Proof
}

func verify(state tls.ConnectionState, roots *x509.CertPool, id string) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the agent has no certificate")
	}
	leaf := state.PeerCertificates[0]
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, cert := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	if _, err := leaf.Verify(options); err != nil {
		return fmt.Errorf("the agent's certificate: %w", err)
	}
	for _, name := range leaf.DNSNames {
		if strings.EqualFold(name, id) {
			return nil
		}
	}
	return &NameError{Want: id, Have: leaf.DNSNames}
}
