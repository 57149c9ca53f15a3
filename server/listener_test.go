package server_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/server"
)

// otherNetwork is a listener of a transport that the server has never heard of.
type otherNetwork struct{ net.Listener }

func (o otherNetwork) Addr() net.Addr { return o }
func (otherNetwork) Network() string  { return "vsock" }
func (o otherNetwork) String() string { return o.Listener.Addr().String() }
func (o otherNetwork) Accept() (net.Conn, error) {
	c, err := o.Listener.Accept()
	return otherConn{c}, err
}

type otherConn struct{ net.Conn }

func (c otherConn) RemoteAddr() net.Addr { return otherAddr{c.Conn.RemoteAddr().String()} }

type otherAddr struct{ text string }

func (otherAddr) Network() string  { return "vsock" }
func (a otherAddr) String() string { return a.text }

func onOtherNetwork(t *testing.T) otherNetwork {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return otherNetwork{l}
}

// TestAListenerThatIdentifiesNobodyIsNotServed, whatever else it is.
func TestAListenerThatIdentifiesNobodyIsNotServed(t *testing.T) {
	r, dir := start(t, rigOptions{}), pki(t)
	lax := files(t, dir, "server", dir).ServerConfig()
	lax.ClientAuth = tls.RequireAnyClientCert
	nobody := func(net.Conn) (server.Identity, error) { return server.Identity{Role: server.Admin}, nil }
	for name, l := range map[string]*server.Listener{
		"nothing":          {Local: true},
		"any certificate":  {TLS: lax},
		"one or the other": {TLS: files(t, dir, "server", dir).ServerConfig(), Identify: nobody},
	} {
		good, err := server.ListenTCP(t.Context(), server.RemoteOptions{Address: "127.0.0.1:0", TLS: files(t, dir, "server", dir).ServerConfig()})
		must(t, err)
		l.Listener = onOtherNetwork(t)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err = server.New(server.Options{Store: r.store, Fleet: r.fleet}).Serve(ctx, good, l)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "vsock://"+l.Addr().String()) {
			t.Errorf("%s: %v", name, err)
		}
		for _, left := range []net.Listener{good, l.Listener} {
			if c, err := net.Dial("tcp", left.Addr().String()); err == nil {
				c.Close()
				t.Errorf("%s: %s is left open", name, left.Addr())
			}
		}
	}
}

// TestAnotherNetworkWithTLS: who connects proves it by a certificate, and the audit names the network.
func TestAnotherNetworkWithTLS(t *testing.T) {
	dir := pki(t)
	l := &server.Listener{Listener: onOtherNetwork(t), TLS: files(t, dir, "server", dir).ServerConfig()}
	r := start(t, rigOptions{listeners: []*server.Listener{l}})
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "admin"}))
	config, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
	must(t, err)
	_, err = pb.NewRouteServiceClient(dialRemote(t, l.Listener.(otherNetwork).String(), config)).AddRoute(t.Context(), &pb.AddRouteRequest{Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 1)})
	must(t, err)
	audit, err := r.audit.ListAuditRecords(t.Context(), &pb.ListAuditRecordsRequest{})
	must(t, err)
	if len(audit.Records) != 1 {
		t.Fatalf("the audit has %v", audit.Records)
	}
	if origin := audit.Records[0].Origin; !strings.HasPrefix(origin, "vsock 127.0.0.1:") {
		t.Errorf("the origin is %q", origin)
	}
	conn, err := grpc.NewClient(l.Listener.(otherNetwork).String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	if _, err := pb.NewRouteServiceClient(conn).ListRoutes(t.Context(), &pb.ListRoutesRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("without TLS: %v", err)
	}
}
