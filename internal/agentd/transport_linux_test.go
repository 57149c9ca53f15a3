package agentd

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/internal/process"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
)

// otherNetwork is a listener of a transport that serve has never heard of.
type otherNetwork struct {
	net.Listener
	network string
}

func (o otherNetwork) Addr() net.Addr  { return o }
func (o otherNetwork) Network() string { return o.network }
func (o otherNetwork) String() string  { return o.Listener.Addr().String() }

// quiet is the surroundings of a serving agent.
func quiet() environment {
	return environment{process.Environment[config.Agent]{Running: process.Running{Log: slog.New(slog.DiscardHandler)}}}
}

// serveOver serves an agent on a listener that says it is of that network, until
// the test ends or it fails.
func serveOver(t *testing.T, network string, files *certs.Files) (address string, failed <-chan error) {
	t.Helper()
	kernel, err := openKernel(protocol)
	must(t, err)
	t.Cleanup(func() { _ = kernel.Close() })
	a, err := agent.New(agent.Options{Node: node, StateDir: t.TempDir(), Kernel: kernel, ResyncInterval: time.Minute})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ran, served := make(chan error, 1), make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan struct{})
	go func() {
		served <- quiet().serve(ctx, a, serving{otherNetwork{l, network}, files})
		close(ended)
	}()
	t.Cleanup(func() {
		stop()
		<-ran
		<-ended
		l.Close()
	})
	return l.Addr().String(), served
}

// TestOnlyUnixGoesWithoutTLS: an agent takes the host's certificate, and nothing
// less, on every transport that it does not know to be a unix socket.
func TestOnlyUnixGoesWithoutTLS(t *testing.T) {
	addNIC(t)
	dir := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "appliance"}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: node}))
	file := func(name string) string { return filepath.Join(dir, name) }
	load := func(name string) *certs.Files {
		files, err := certs.Load(file(name+".crt"), file(name+".key"), file(certs.CACert))
		must(t, err)
		return files
	}
	host, err := load("appliance").ClientConfig(node)
	must(t, err)
	bare := host.Clone()
	bare.GetClientCertificate, bare.Certificates = nil, nil
	for _, network := range []string{"vsock", "hvsock", "pipe", "unixpacket", "UNIX", ""} {
		address, _ := serveOver(t, network, load(node))
		for name, c := range map[string]struct {
			creds credentials.TransportCredentials
			code  codes.Code
		}{
			"host":           {credentials.NewTLS(host), codes.InvalidArgument}, // it got in: the address is empty
			"no certificate": {credentials.NewTLS(bare), codes.Unavailable},
			"no TLS":         {insecure.NewCredentials(), codes.Unavailable},
		} {
			conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(c.creds))
			must(t, err)
			if _, err := pb.NewAgentServiceClient(conn).Explain(t.Context(), &pb.ExplainRequest{}); status.Code(err) != c.code {
				t.Errorf("%q, %s: %v, want %v", network, name, err, c.code)
			}
			must(t, conn.Close())
		}
	}
}

// TestNothingIsServedWithoutCertificates where a transport needs them: neither
// opened nor served.
func TestNothingIsServedWithoutCertificates(t *testing.T) {
	addNIC(t)
	for _, network := range []string{"tcp", "vsock"} {
		_, served := serveOver(t, network, nil)
		select {
		case err := <-served:
			if err == nil || !strings.Contains(err.Error(), "certificates") {
				t.Errorf("%s: %v", network, err)
			}
		case <-time.After(agenttest.Patience):
			t.Errorf("%s is served without certificates", network)
		}
	}
	l, err := quiet().open(t.Context(), listening{address: config.Address{Network: "tcp", Host: "127.0.0.1:0"}})
	if err == nil {
		l.Close()
		t.Error("tcp is opened without certificates")
	}
}

// TestAUserWhomTheKernelDoesNotNameIsRefused: a listener that only calls itself a
// unix socket lets nobody in.
func TestAUserWhomTheKernelDoesNotNameIsRefused(t *testing.T) {
	addNIC(t)
	address, _ := serveOver(t, "unix", nil)
	for name, creds := range map[string]credentials.TransportCredentials{"no TLS": insecure.NewCredentials(), "TLS": credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13})} {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
		must(t, err)
		if _, err := pb.NewAgentServiceClient(conn).Explain(t.Context(), &pb.ExplainRequest{}); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		must(t, conn.Close())
	}
}
