package agentd

import (
	"context"
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestRemoteListener: only a host's certificate of the CA gets in, with TLS
// 1.3, and only to the node that the certificate names.
func TestRemoteListener(t *testing.T) {
	addNIC(t)
	dir, strange := t.TempDir(), t.TempDir()
	for _, d := range []string{dir, strange} {
		must(t, certs.Init(certs.CAOptions{Dir: d}))
		must(t, certs.Issue(certs.LeafOptions{Dir: d, Kind: certs.Host, Name: "appliance"}))
	}
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: node}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Role: "admin", Name: "alice"}))
	file := func(d, name string) string { return filepath.Join(d, name) }
	address := freePort(t)
	start(t, dir, "--listen", "tcp://"+address, "--tls-cert", file(dir, node+".crt"), "--tls-key", file(dir, node+".key"), "--tls-ca", file(dir, "ca.crt"))
	config := func(d, name, server string) *tls.Config {
		files, err := certs.Load(file(d, name+".crt"), file(d, name+".key"), file(dir, "ca.crt"))
		must(t, err)
		c, err := files.ClientConfig(server)
		must(t, err)
		return c
	}
	older := config(dir, "appliance", node)
	older.MinVersion, older.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	bare := config(dir, "appliance", node)
	bare.GetClientCertificate, bare.Certificates = nil, nil
	for name, c := range map[string]struct {
		creds credentials.TransportCredentials
		code  codes.Code
	}{
		"host":           {credentials.NewTLS(config(dir, "appliance", node)), codes.InvalidArgument}, // it got in: the address is empty
		"client":         {credentials.NewTLS(config(dir, "alice", node)), codes.Unavailable},
		"stranger":       {credentials.NewTLS(config(strange, "appliance", node)), codes.Unavailable},
		"no certificate": {credentials.NewTLS(bare), codes.Unavailable},
		"TLS 1.2":        {credentials.NewTLS(older), codes.Unavailable},
		"other node":     {credentials.NewTLS(config(dir, "appliance", "k8s-worker")), codes.Unavailable},
		"no TLS":         {insecure.NewCredentials(), codes.Unavailable},
	} {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(c.creds))
		must(t, err)
		client := pb.NewAgentServiceClient(conn)
		if _, err := client.Explain(t.Context(), &pb.ExplainRequest{}); status.Code(err) != c.code {
			t.Errorf("%s: %v, want %v", name, err, c.code)
		}
		stream, err := client.Session(t.Context())
		if err == nil && name != "host" {
			_, err = stream.Recv()
		}
		if name != "host" && status.Code(err) != c.code {
			t.Errorf("%s, session: %v, want %v", name, err, c.code)
		}
		must(t, conn.Close())
	}
}

// TestRoutesDoNotWaitForTheAddress: at boot the saved routes are in the kernel
// and the agent is ready before the node has the address that it listens on.
func TestRoutesDoNotWaitForTheAddress(t *testing.T) {
	addNIC(t)
	dir := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "appliance"}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: node}))
	file := func(name string) string { return filepath.Join(dir, name) }
	p, h := start(t, dir), agenttest.NewHost("store-1", "Port3", mac)
	h.Change([]routes.Route{route(t, 1)})
	syncSet(t, p, h)
	p.kill()
	flush(t)
	const address = "10.199.0.1"
	start(t, dir, "--listen", "tcp://"+address+":9180", "--tls-cert", file(node+".crt"), "--tls-key", file(node+".key"), "--tls-ca", file("ca.crt"))
	if got := kernelRoutes(t); len(got) != 1 {
		t.Fatalf("ready with %v in the kernel", got)
	}
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	addr, err := netlink.ParseAddr(address + "/32")
	must(t, err)
	must(t, netlink.AddrAdd(lo, addr))
	t.Cleanup(func() { _ = netlink.AddrDel(lo, addr) })
	files, err := certs.Load(file("appliance.crt"), file("appliance.key"), file("ca.crt"))
	must(t, err)
	config, err := files.ClientConfig(node)
	must(t, err)
	conn, err := grpc.NewClient(address+":9180", grpc.WithTransportCredentials(credentials.NewTLS(config)))
	must(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = pb.NewAgentServiceClient(conn).Explain(ctx, &pb.ExplainRequest{}, grpc.WaitForReady(true))
	if status.Code(err) != codes.InvalidArgument { // it answers: the address asked for is empty
		t.Errorf("on the address that came: %v", err)
	}
}

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestVsockIsNotSupported(t *testing.T) {
	dir := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: node}))
	files := certs.Await(filepath.Join(dir, node+".crt"), filepath.Join(dir, node+".key"), filepath.Join(dir, certs.CACert))
	if _, err := (environment{}).open(t.Context(), listening{address: vsockAddress(), files: files}); err == nil || !strings.Contains(err.Error(), "vsock") || !strings.Contains(err.Error(), "not supported") {
		t.Fatalf("vsock: %v", err)
	}
}

// TestStrangersKeepNoHostOut: connections that prove nothing, and those of the
// CA's other certificates, take no place from the host.
func TestStrangersKeepNoHostOut(t *testing.T) {
	addNIC(t)
	dir := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "appliance"}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Agent, Name: node}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Role: "reader", Name: "robot"}))
	file := func(name string) string { return filepath.Join(dir, name) }
	address := freePort(t)
	start(t, dir, "--listen", "tcp://"+address, "--tls-cert", file(node+".crt"), "--tls-key", file(node+".key"), "--tls-ca", file("ca.crt"))
	config := func(name string) *tls.Config {
		files, err := certs.Load(file(name+".crt"), file(name+".key"), file("ca.crt"))
		must(t, err)
		c, err := files.ClientConfig(node)
		must(t, err)
		return c
	}
	for range 200 {
		c, err := net.Dial("tcp", address)
		must(t, err)
		t.Cleanup(func() { c.Close() })
	}
	robot := config("robot")
	for range 40 {
		c, err := net.Dial("tcp", address)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		go func() { _ = tls.Client(c, robot).Handshake() }() // in or out, it is not the host
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config("appliance"))))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = pb.NewAgentServiceClient(conn).Explain(ctx, &pb.ExplainRequest{}, grpc.WaitForReady(true))
	if status.Code(err) != codes.InvalidArgument { // it got in: the address is empty
		t.Errorf("the host: %v", err)
	}
}
