// Package client connects the programs of an operator to the service: over
// the local socket, or over TCP with mutual TLS.
package client

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// maxMessage bounds an answer: 10,000 routes with their nodes are about 10 MiB.
const maxMessage = 64 << 20

// CallTimeout bounds a call over what it waits for by request.
const CallTimeout = 30 * time.Second

// Options say where the service is.
type Options struct {
	// Address is unix:///path or tcp://host:port.
	Address string
	// Cert, Key and CA are PEM files; all three are needed for tcp.
	Cert, Key, CA string
	// Warn takes the warnings that come with answers and concern no route, each
	// once; nil: they are kept for TakeWarnings.
	Warn func(*pb.Warning)
}

// Client holds one connection and the services behind it. Nothing is dialled
// before the first call.
type Client struct {
	Routes      pb.RouteServiceClient
	Inventory   pb.InventoryServiceClient
	Audit       pb.AuditServiceClient
	Maintenance pb.MaintenanceServiceClient

	own     *x509.Certificate
	address string
	conn    *grpc.ClientConn
	warner  *warner
	dialErr atomic.Pointer[error]
	tlsErr  atomic.Pointer[error]
}

// New prepares a connection. Errors are BAD_REQUEST for an address or
// certificate files that cannot be used.
func New(o Options) (*Client, error) {
	c := &Client{address: o.Address}
	network, target, err := ParseAddress(o.Address)
	if err != nil {
		return nil, err
	}
	creds := insecure.NewCredentials()
	authority := "localhost" // TLS gives its own: the name in the certificate
	if certs.Needed(network) {
		config, err := tlsConfig(o, target)
		if err != nil {
			return nil, err
		}
		c.own = config.Certificates[0].Leaf
		creds, authority = watched{credentials.NewTLS(config), c.own, &c.tlsErr}, ""
	}
	var dialer net.Dialer
	warn := &warner{warn: o.Warn, seen: map[string]bool{}}
	c.warner = warn
	c.conn, err = grpc.NewClient("passthrough:///"+target,
		grpc.WithStatsHandler(warn),
		grpc.WithTransportCredentials(creds),
		grpc.WithAuthority(authority),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, target)
			c.dialErr.Store(&err)
			return conn, err
		}),
		// A watch of a device that was switched off ends within 40 s.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDefaultServiceConfig(serviceConfig),
		// A service that restarts is back within the four attempts of a call.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 2, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxRetryRPCBufferSize(maxMessage)),
	)
	if err != nil {
		return nil, &routes.Error{Reason: routes.BadRequest, Field: "address", Value: o.Address, Problem: err.Error(), Cause: err}
	}
	c.Routes = pb.NewRouteServiceClient(c.conn)
	c.Inventory = pb.NewInventoryServiceClient(c.conn)
	c.Audit = pb.NewAuditServiceClient(c.conn)
	c.Maintenance = pb.NewMaintenanceServiceClient(c.conn)
	return c, nil
}

// Address is the address as it was given.
func (c *Client) Address() string { return c.address }

// Certificate is the caller's own; nil on the local socket.
func (c *Client) Certificate() *x509.Certificate { return c.own }

// Local reports whether the service is on this machine's socket.
func (c *Client) Local() bool { return strings.HasPrefix(c.address, "unix://") }

// TakeWarnings are the warnings that came with answers since the last time.
func (c *Client) TakeWarnings() []*pb.Warning {
	c.warner.mu.Lock()
	defer c.warner.mu.Unlock()
	list := c.warner.kept
	c.warner.kept = nil
	return list
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// ParseAddress splits unix:///path or tcp://host:port for net.Dial.
func ParseAddress(address string) (network, target string, err error) {
	bad := func(problem string) (string, string, error) {
		return "", "", &routes.Error{
			Reason: routes.BadRequest, Field: "address", Value: fmt.Sprintf("%.200q", address), Problem: problem,
			Action: "Write unix:///path/to/hcsroute.sock or tcp://host:port",
		}
	}
	scheme, rest, ok := strings.Cut(address, "://")
	switch {
	case !ok || rest == "":
		return bad("not an address of a service")
	case scheme == "unix":
		// unix:///C:/path names a path with a drive letter.
		if len(rest) > 3 && rest[0] == '/' && rest[2] == ':' {
			rest = rest[1:]
		}
		return "unix", rest, nil
	case scheme == "tcp":
		host, port, err := net.SplitHostPort(rest)
		if err != nil || host == "" || port == "" {
			return bad("not host and port")
		}
		return "tcp", rest, nil
	}
	return bad("the scheme is neither unix nor tcp")
}

// serviceConfig retries on UNAVAILABLE only, and only calls that are safe to
// repeat: reads, and writes, which all carry a request id.
const serviceConfig = `{"methodConfig":[{
"name":[
 {"service":"hcsroute.v1.RouteService"},
 {"service":"hcsroute.v1.AuditService"},
 {"service":"hcsroute.v1.InventoryService","method":"ListInterfaces"},
 {"service":"hcsroute.v1.InventoryService","method":"ListNodes"},
 {"service":"hcsroute.v1.MaintenanceService","method":"GetServiceInfo"}],
"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.1s","maxBackoff":"1s","backoffMultiplier":2,"retryableStatusCodes":["UNAVAILABLE"]}}]}`
