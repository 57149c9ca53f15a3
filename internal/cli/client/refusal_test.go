package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// authority makes a CA with certificates of a service and of a caller.
func authority(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Service, Name: "edge1", SANs: []string{"127.0.0.1"}}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "reader"}))
	return dir
}

// counted counts the connections of a listener.
type counted struct {
	net.Listener
	accepted *atomic.Int64
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.accepted.Add(1)
	}
	return conn, err
}

type info struct {
	pb.UnimplementedMaintenanceServiceServer
}

func (info) GetServiceInfo(context.Context, *pb.GetServiceInfoRequest) (*pb.GetServiceInfoResponse, error) {
	return &pb.GetServiceInfoResponse{Version: "v1"}, nil
}

// TestARefusedCertificateIsAskedForOnce: the next attempt would be refused too. A
// service that is just starting, without its files as yet, is tried again.
func TestARefusedCertificateIsAskedForOnce(t *testing.T) {
	ours, other := authority(t), authority(t)
	for name, c := range map[string]struct {
		caller, trust string // whose certificate and whose CA the caller has
		early         int64  // connections before the service has its files
		refused       bool
		attempts      func(int64) bool
	}{
		"the caller's is refused":  {other, ours, 0, true, func(n int64) bool { return n <= 2 }}, // one, and gRPC begins to connect again
		"the service's is refused": {ours, other, 0, true, func(n int64) bool { return n <= 2 }},
		"accepted":                 {ours, ours, 0, false, func(n int64) bool { return n == 1 }},
		"just starting":            {ours, ours, 2, false, func(n int64) bool { return n == 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := certs.Load(filepath.Join(ours, "edge1.crt"), filepath.Join(ours, "edge1.key"), filepath.Join(ours, certs.CACert))
			must(t, err)
			config := files.ServerConfig()
			var accepted, shaken atomic.Int64
			early := config.Clone()
			early.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if shaken.Add(1) <= c.early {
					return nil, errors.New("the files are not there yet")
				}
				return config.GetConfigForClient(hello)
			}
			early.NextProtos = []string{"h2"}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			server := grpc.NewServer(grpc.Creds(credentials.NewTLS(early)))
			pb.RegisterMaintenanceServiceServer(server, info{})
			go func() { _ = server.Serve(counted{l, &accepted}) }()
			t.Cleanup(server.Stop)
			cl, err := client.New(client.Options{
				Address: "tcp://" + l.Addr().String(), Cert: filepath.Join(c.caller, "ann.crt"), Key: filepath.Join(c.caller, "ann.key"), CA: filepath.Join(c.trust, certs.CACert),
			})
			must(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err = cl.Maintenance.GetServiceInfo(ctx, &pb.GetServiceInfoRequest{})
			attempts := accepted.Load()
			e := cl.Explain(err)
			must(t, cl.Close())
			var refusal *certs.Refusal
			if (err != nil) != c.refused || c.refused && (e.Reason != routes.Unauthenticated || !errors.As(e, &refusal)) {
				t.Errorf("%v: %+v", err, e)
			}
			if !c.attempts(attempts) {
				t.Errorf("%d attempts", attempts)
			}
		})
	}
}
