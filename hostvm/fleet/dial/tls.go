package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/routes"
)

// alpn is the protocol that gRPC speaks (RFC 9113).
const alpn = "h2"

// secure does the TLS handshake. The chain and the name are checked separately,
// so that the error says which of the two is wrong.
func (d *Dialer) secure(ctx context.Context, raw net.Conn, id string) (conn net.Conn, err error) {
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
	attempt := certs.AgentLink().Dial(raw, config.Certificates[0].Leaf)
	secured := tls.Client(attempt, config)
	err = secured.HandshakeContext(ctx)
	if err == nil {
		attempt.Accepted()
		conn, err = certs.First(ctx, secured) // the agent has accepted it too
	}
	if err != nil {
		_ = secured.Close() // it has failed already
		return nil, explain(attempt, err)
	}
	roots := func() (*x509.CertPool, error) {
		now, err := d.tls(id)
		if err != nil {
			return nil, fmt.Errorf("TLS for agents: %w", err)
		}
		return now.RootCAs, nil
	}
	return proven{conn, certs.NewProof(secured.ConnectionState().PeerCertificates, x509.ExtKeyUsageServerAuth, roots)}, nil
}

// explain says of a refused certificate what to do.
func explain(a *certs.Attempt, err error) error {
	var refusal *certs.Refusal
	if err = a.Explain(err); errors.As(err, &refusal) {
		return &routes.Error{Reason: routes.Unavailable, Problem: refusal.Error(), Action: refusal.Remedy(), Cause: refusal}
	}
	return err
}

// proven is a connection whose peer has proved who it is, for as long as that holds.
type proven struct {
	net.Conn
	*certs.Proof
}

// verify is what crypto/tls would do, except for the name: ids need not be names of hosts.
func verify(state tls.ConnectionState, roots *x509.CertPool, id string) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the agent has no certificate")
	}
	leaf := state.PeerCertificates[0]
	err := certs.Verify(state.PeerCertificates, x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	if err == nil && !slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.EqualFold(name, id) }) {
		err = x509.HostnameError{Certificate: leaf, Host: id}
	}
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
	return nil
}
