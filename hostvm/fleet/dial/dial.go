// Package dial connects to the agents: over unix sockets, TCP with mutual
// TLS 1.3, and whatever else is registered for a scheme.
package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/internal/certs"
)

// Transport connects to the address of an endpoint: what follows "scheme://". Mutual
// TLS goes over the connection, as certs.Needed has it for the scheme.
type Transport func(ctx context.Context, address string) (net.Conn, error)

// Options are what a Dialer works with.
type Options struct {
	// TLS makes the host's side of one connection to the agent of a node: its
	// certificate, and in RootCAs where agents' certificates must come from.
	// It is called for each connection, so that new files are used at once.
	// Without it only unix sockets are reached.
	TLS func(id string) (*tls.Config, error)
	// Transports are further schemes, such as hvsock or vsock. They take the place
	// of none of our own.
	Transports map[string]Transport
}

// Dialer implements fleet.Dialer.
type Dialer struct {
	tls        func(id string) (*tls.Config, error)
	transports map[string]Transport
}

// New makes a Dialer for unix and tcp endpoints and the further transports.
func New(o Options) *Dialer {
	d := &Dialer{tls: o.TLS, transports: map[string]Transport{}}
	maps.Copy(d.transports, o.Transports)
	d.transports["unix"], d.transports["tcp"] = dialUnix, dialTCP
	return d
}

// Dial implements fleet.Dialer. id must be the name in the agent's certificate,
// where the transport has one. Where a certificate is refused, by either side, the
// error wraps a *certs.Refusal.
func (d *Dialer) Dial(ctx context.Context, endpoint, id string) (net.Conn, error) {
	scheme, address, ok := strings.Cut(endpoint, "://")
	if !ok {
		return nil, fmt.Errorf("endpoint %q has no scheme; write unix:///path or tcp://host:port", endpoint)
	}
	transport, ok := d.transports[scheme]
	if !ok {
		schemes := strings.Join(slices.Sorted(maps.Keys(d.transports)), ", ")
		return nil, fmt.Errorf("endpoint %q: %s is not supported on this system; use one of %s", endpoint, scheme, schemes)
	}
	proves := certs.Needed(scheme)
	if proves && d.tls == nil {
		return nil, fmt.Errorf("endpoint %q needs TLS; set cert, key and ca under agents.tls", endpoint)
	}
	conn, err := transport(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", endpoint, reason(err))
	}
	if !proves {
		return conn, nil
	}
	secured, err := d.secure(ctx, conn, id)
	if err != nil {
		conn.Close()
		if errors.As(err, new(*certs.Refusal)) {
			return nil, err // it names the address
		}
		return nil, fmt.Errorf("connect to %s: %w", endpoint, err)
	}
	return secured, nil
}

// reason is why a dial failed, without the address, which the caller names.
func reason(err error) error {
	var op *net.OpError
	var call *os.SyscallError
	switch {
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &op):
		return op.Err
	}
	return err
}

func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// dialTCP leaves TCP keepalive off: gRPC's pings see further, to the process.
func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, "tcp", address)
}
