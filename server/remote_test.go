package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
)

// pki is a CA with a service's certificate.
func pki(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	must(t, certs.Init(certs.CAOptions{Dir: dir}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Service, Name: "server", SANs: []string{"127.0.0.1"}}))
	return dir
}

func files(t testing.TB, dir, name, caDir string) *certs.Files {
	t.Helper()
	f, err := certs.Load(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"), filepath.Join(caDir, certs.CACert))
	must(t, err)
	return f
}

// startRemote is a rig that also listens on TCP; it returns the address.
func startRemote(t testing.TB, dir string) (*rig, string) {
	t.Helper()
	l, err := server.ListenTCP(t.Context(), server.RemoteOptions{Address: "127.0.0.1:0", TLS: files(t, dir, "server", dir).ServerConfig()})
	must(t, err)
	return start(t, rigOptions{listeners: []*server.Listener{l}}), l.Addr().String()
}

func dialRemote(t testing.TB, address string, config *tls.Config) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// remoteCaller is a client certificate; without a name it has none.
type remoteCaller struct{ name, role string }

// asRemote adds a route as a remote caller and returns the error.
func asRemote(t *testing.T, c remoteCaller) error {
	t.Helper()
	dir := pki(t)
	_, address := startRemote(t, dir)
	var config *tls.Config
	if c.name == "" {
		config = handmade(t, dir, &x509.Certificate{SerialNumber: big.NewInt(4711), URIs: []*url.URL{{Scheme: "hcsroute", Opaque: "role/admin"}}})
	} else {
		must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: c.name, Role: c.role}))
		var err error
		config, err = files(t, dir, c.name, dir).ClientConfig("127.0.0.1")
		must(t, err)
	}
	_, err := pb.NewRouteServiceClient(dialRemote(t, address, config)).AddRoute(t.Context(), &pb.AddRouteRequest{Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 1)})
	return err
}

// handmade is a client with a certificate that Issue would not make.
func handmade(t *testing.T, dir string, template *x509.Certificate) *tls.Config {
	t.Helper()
	ca, err := tls.LoadX509KeyPair(filepath.Join(dir, certs.CACert), filepath.Join(dir, certs.CAKey))
	must(t, err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, key.Public(), ca.PrivateKey)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	return &tls.Config{MinVersion: tls.VersionTLS13, ServerName: "127.0.0.1", RootCAs: roots, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestRoles(t *testing.T) {
	dir := pki(t)
	r, address := startRemote(t, dir)
	ctx := t.Context()
	read := func(c *grpc.ClientConn) error {
		_, err := pb.NewRouteServiceClient(c).ListRoutes(ctx, &pb.ListRoutesRequest{})
		return err
	}
	check := func(c *grpc.ClientConn) error {
		_, err := pb.NewRouteServiceClient(c).AddRoute(ctx, &pb.AddRouteRequest{Route: route("Port3", "10.7.0.0/16", "192.168.20.1", 7), ValidateOnly: true})
		return err
	}
	write := func(c *grpc.ClientConn) error {
		_, err := pb.NewRouteServiceClient(c).AddRoute(ctx, &pb.AddRouteRequest{Route: route("Port3", "10.7.0.0/16", "192.168.20.1", 7)})
		return err
	}
	set := func(c *grpc.ClientConn) error {
		_, err := pb.NewRouteServiceClient(c).BatchSetRoutes(ctx, &pb.BatchSetRoutesRequest{Changes: []*pb.RouteChange{to("10.7.0.0/16", "", 7, 0)}})
		return err
	}
	watch := func(c *grpc.ClientConn) error {
		stream, err := pb.NewRouteServiceClient(c).WatchRoutes(ctx, &pb.WatchRoutesRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	adopt := func(c *grpc.ClientConn) error {
		_, err := pb.NewInventoryServiceClient(c).AdoptNode(ctx, &pb.AdoptNodeRequest{Node: "k8s-master"})
		return err
	}
	backup := func(c *grpc.ClientConn) error {
		stream, err := pb.NewMaintenanceServiceClient(c).Backup(ctx, &pb.BackupRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		return err
	}
	calls := []struct {
		name string
		need server.Role
		call func(*grpc.ClientConn) error
	}{{"read", server.Reader, read}, {"validate", server.Reader, check}, {"watch", server.Reader, watch}, {"write", server.Operator, write}, {"set", server.Operator, set}, {"adopt", server.Admin, adopt}, {"backup", server.Admin, backup}}
	for _, role := range []server.Role{server.Reader, server.Operator, server.Admin} {
		must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: role.String(), Role: role.String()}))
		config, err := files(t, dir, role.String(), dir).ClientConfig("127.0.0.1")
		must(t, err)
		conn := dialRemote(t, address, config)
		for _, c := range calls {
			err := c.call(conn)
			if allowed := role >= c.need; allowed && err != nil || !allowed && reason(err) != routes.PermissionDenied {
				t.Errorf("%s as %s: %v", c.name, role, err)
			}
		}
	}
	audit, err := r.audit.ListAuditRecords(ctx, &pb.ListAuditRecordsRequest{Actor: "cn:reader"})
	must(t, err)
	if len(audit.Records) != 4 || audit.Records[0].Action != "refused-caller" || !strings.Contains(audit.Records[0].Note, "its role is reader") {
		t.Errorf("audit of refusals %v", audit)
	}
	// Reflection is for callers on the device only.
	config, err := files(t, dir, "admin", dir).ClientConfig("127.0.0.1")
	must(t, err)
	if code := reflects(t, dialRemote(t, address, config)); code != codes.Unimplemented {
		t.Errorf("remote reflection: %v", code)
	}
	if code := reflects(t, r.conn); code != codes.OK {
		t.Errorf("local reflection: %v", code)
	}
}

// TestCertificatesOfOneName: the audit distinguishes two certificates of one name.
func TestCertificatesOfOneName(t *testing.T) {
	dir := pki(t)
	r, address := startRemote(t, dir)
	for n := range 2 {
		must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "operator", Force: n > 0}))
		config, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
		must(t, err)
		_, err = pb.NewRouteServiceClient(dialRemote(t, address, config)).AddRoute(t.Context(), &pb.AddRouteRequest{Route: route("Port3", fmt.Sprintf("10.%d.0.0/16", 20+n), "192.168.20.1", 7)})
		must(t, err)
	}
	audit, err := r.audit.ListAuditRecords(t.Context(), &pb.ListAuditRecordsRequest{Actor: "cn:ann"})
	must(t, err)
	if len(audit.Records) != 2 || audit.Records[0].Certificate == audit.Records[1].Certificate {
		t.Fatalf("%v", audit)
	}
	data, err := os.ReadFile(filepath.Join(dir, "ann.crt"))
	must(t, err)
	block, _ := pem.Decode(data)
	cert, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	if want := fmt.Sprintf("serial %x sha256 %x", cert.SerialNumber, sha256.Sum256(cert.Raw)); audit.Records[0].Certificate != want {
		t.Errorf("certificate %q, want %q", audit.Records[0].Certificate, want)
	}
}

func reflects(t *testing.T, c *grpc.ClientConn) codes.Code {
	t.Helper()
	stream, err := reflectionpb.NewServerReflectionClient(c).ServerReflectionInfo(t.Context())
	must(t, err)
	_ = stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
	must(t, stream.CloseSend())
	_, err = stream.Recv()
	return status.Code(err)
}

func TestCertificatesThatAreRefused(t *testing.T) {
	dir, other := pki(t), pki(t)
	_, address := startRemote(t, dir)
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "late", Role: "admin", Now: time.Now().Add(-48 * time.Hour), Validity: time.Hour}))
	must(t, certs.Issue(certs.LeafOptions{Dir: other, Kind: certs.Client, Name: "stranger", Role: "admin"}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Host, Name: "host"}))
	config := func(from, name string) *tls.Config {
		c, err := files(t, from, name, dir).ClientConfig("127.0.0.1")
		must(t, err)
		return c
	}
	none := config(dir, "late")
	none.GetClientCertificate, none.Certificates = nil, nil
	twice := handmade(t, dir, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "two"}, URIs: []*url.URL{{Scheme: "hcsroute", Opaque: "role/reader"}, {Scheme: "hcsroute", Opaque: "role/admin"}}})
	for name, tc := range map[string]struct {
		config *tls.Config
		want   routes.Reason
	}{
		"no certificate": {none, routes.Unavailable},
		"another CA":     {config(other, "stranger"), routes.Unavailable},
		"expired":        {config(dir, "late"), routes.Unavailable},
		"no role":        {config(dir, "host"), routes.PermissionDenied},
		"two roles":      {twice, routes.PermissionDenied},
	} {
		_, err := pb.NewRouteServiceClient(dialRemote(t, address, tc.config)).ListRoutes(t.Context(), &pb.ListRoutesRequest{})
		if reason(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
		_, err = healthpb.NewHealthClient(dialRemote(t, address, tc.config)).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err == nil {
			t.Errorf("%s: health answers", name)
		}
	}
}

// A new certificate is served, and an old CA refused, without a restart.
func TestCertificatesAreReloaded(t *testing.T) {
	dir := pki(t)
	_, address := startRemote(t, dir)
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "reader"}))
	before, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
	must(t, err)
	list := func(c *tls.Config) error {
		_, err := pb.NewRouteServiceClient(dialRemote(t, address, c)).ListRoutes(t.Context(), &pb.ListRoutesRequest{})
		return err
	}
	must(t, list(before))
	must(t, certs.Init(certs.CAOptions{Dir: dir, Force: true}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Service, Name: "server", SANs: []string{"127.0.0.1"}, Force: true}))
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "reader", Force: true}))
	after, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
	must(t, err)
	must(t, list(after))
	mixed := after.Clone()
	mixed.GetClientCertificate = before.GetClientCertificate
	if err := list(mixed); err == nil {
		t.Error("a certificate of the old CA is taken")
	}
}

func TestPlainTextIsRefusedOnTCP(t *testing.T) {
	dir := pki(t)
	r, address := startRemote(t, dir)
	c, err := net.Dial("tcp", address)
	must(t, err)
	defer c.Close()
	_, err = c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	must(t, err)
	must(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	buf := make([]byte, 64)
	for err == nil {
		_, err = c.Read(buf)
	}
	if os.IsTimeout(err) {
		t.Errorf("the connection stays: %v", err)
	}
	if _, err := server.ListenTCP(t.Context(), server.RemoteOptions{Address: "127.0.0.1:0", TLS: &tls.Config{}}); err == nil {
		t.Error("a listener without client certificates was made")
	}
	r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.1", 1))
}

// TestAWatchEndsWithItsCertificate: when it expires, and when the CA changes.
func TestAWatchEndsWithItsCertificate(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string){
		"expired": func(*testing.T, string) {},
		"another CA": func(t *testing.T, dir string) {
			must(t, certs.Init(certs.CAOptions{Dir: dir, Force: true}))
			must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Service, Name: "server", SANs: []string{"127.0.0.1"}, Force: true}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := pki(t)
			_, address := startRemote(t, dir)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			open := func(validity time.Duration) (pb.RouteServiceClient, pb.RouteService_WatchRoutesClient, error) {
				must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "reader", Validity: validity, Force: true}))
				config, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
				must(t, err)
				client := pb.NewRouteServiceClient(dialRemote(t, address, config))
				watch, err := client.WatchRoutes(ctx, &pb.WatchRoutesRequest{})
				must(t, err)
				_, err = watch.Recv()
				return client, watch, err
			}
			validity := time.Hour
			if name == "expired" {
				validity = 2 * time.Second
			}
			client, watch, err := open(validity)
			for ; err != nil && validity < time.Minute; client, watch, err = open(validity) {
				validity *= 2 // the machine was too busy to get in before the end
			}
			must(t, err) // it was let in
			change(t, dir)
			for err == nil {
				_, err = watch.Recv()
			}
			if reason(err) != routes.Unauthenticated {
				t.Errorf("the watch ends with %v", err)
			}
			if _, err := client.ListRoutes(ctx, &pb.ListRoutesRequest{}); reason(err) != routes.Unauthenticated {
				t.Errorf("a call on the same connection: %v", err)
			}
		})
	}
}
