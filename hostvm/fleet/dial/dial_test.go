package dial_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/routes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority issues certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	a := authority{t: t}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.cert = a.sign(template, template, a.key)
	return a
}

func (a authority) sign(template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func (a authority) issue(name string, usage x509.ExtKeyUsage) tls.Certificate {
	a.t.Helper()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{usage}}
	cert := a.sign(template, a.cert, key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// client is the host's side.
func (a authority) client() func(string) (*tls.Config, error) {
	cert := a.issue("host", x509.ExtKeyUsageClientAuth)
	return func(string) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: a.pool()}, nil
	}
}

// serve accepts TLS connections, says something and listens.
func serve(t *testing.T, config *tls.Config) (endpoint string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// Servers of gRPC speak first.
			if _, err := conn.Write([]byte{1}); err == nil {
				_, _ = io.Copy(io.Discard, conn)
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "tcp://" + l.Addr().String()
}

func (a authority) server(name string) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{a.issue(name, x509.ExtKeyUsageServerAuth)}, ClientCAs: a.pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13,
	}
}

func try(d *dial.Dialer, endpoint, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := d.Dial(ctx, endpoint, id)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	said := make([]byte, 1)
	if _, err := conn.Read(said); err != nil || said[0] != 1 {
		return fmt.Errorf("the connection gave %v first: %w", said, err)
	}
	return nil
}

// refused wants an error that says so, with these words.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	var refusal *certs.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(refusal.Error(), words) {
		t.Errorf("%v; want a refusal with %q", err, words)
	}
	var e *routes.Error
	if !errors.As(err, &e) || e.Problem != refusal.Error() || e.Remedy() == "" {
		t.Errorf("%v is no message with a remedy", err)
	}
}

func TestTLSProvesTheNode(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	endpoint := serve(t, ours.server("k8s-master"))
	d := dial.New(dial.Options{TLS: ours.client()})
	if err := try(d, endpoint, "k8s-master"); err != nil {
		t.Fatal(err)
	}
	at := strings.TrimPrefix(endpoint, "tcp://")
	refused(t, try(d, endpoint, "k8s-worker"), "of the agent at "+at)
	refused(t, try(d, endpoint, "k8s-worker"), "it is for k8s-master, not for k8s-worker")
	err := try(dial.New(dial.Options{TLS: theirs.client()}), endpoint, "k8s-master")
	refused(t, err, "its authority is not in the service's agents.tls.ca")
	if !errors.As(err, new(x509.UnknownAuthorityError)) {
		t.Errorf("wrong CA of the agent: %v", err)
	}
	mixed := func(id string) (*tls.Config, error) {
		config, err := theirs.client()(id)
		config.RootCAs = ours.pool()
		return config, err
	}
	for range 20 { // the agent's word comes after the handshake
		refused(t, try(dial.New(dial.Options{TLS: mixed}), endpoint, "k8s-master"), "the agent at "+at+" refuses the certificate CN=host of the service (serial 2, issued by CN=test CA")
	}
	clientCert := serve(t, &tls.Config{Certificates: []tls.Certificate{ours.issue("k8s-master", x509.ExtKeyUsageClientAuth)}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}})
	refused(t, try(d, clientCert, "k8s-master"), "it is of kind client, and agent is needed")
	old := ours.server("k8s-master")
	old.MinVersion, old.MaxVersion = 0, tls.VersionTLS12
	var alert *net.OpError
	if err := try(d, serve(t, old), "k8s-master"); !errors.As(err, &alert) || alert.Op != "remote error" || errors.As(err, new(*certs.Refusal)) {
		t.Errorf("TLS 1.2: %v", err)
	}
}

func TestUnixAndSchemes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	elsewhere := func(context.Context, string) (net.Conn, error) { return nil, errors.New("one of ours was replaced") }
	d := dial.New(dial.Options{Transports: map[string]dial.Transport{"vsock": elsewhere, "unix": elsewhere}})
	conn, err := d.Dial(t.Context(), "unix://"+path, "any")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for endpoint, want := range map[string]string{
		"hvsock://1-2-3:9":  "hvsock is not supported on this system; use one of tcp, unix, vsock",
		"tcp://127.0.0.1:1": "agents.tls",
		"vsock://7:1024":    "agents.tls",
		"/run/a.sock":       "no scheme",
	} {
		if _, err := d.Dial(context.Background(), endpoint, "any"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", endpoint, err, want)
		}
	}
	_, err = d.Dial(context.Background(), "unix:///nowhere/sck", "any")
	if err == nil || err.Error() != "connect to unix:///nowhere/sck: no such file or directory" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the address is to stand in it once: %v", err)
	}
}

// TestFurtherTransportsProveTheNodeToo: none of them can do without TLS.
func TestFurtherTransportsProveTheNodeToo(t *testing.T) {
	ours := newAuthority(t)
	agent := strings.TrimPrefix(serve(t, ours.server("k8s-master")), "tcp://")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() {
		if conn, err := silent.Accept(); err == nil {
			conn.Close() // it takes whoever comes, and proves nothing
		}
	}()
	d := dial.New(dial.Options{TLS: ours.client(), Transports: map[string]dial.Transport{"vsock": func(ctx context.Context, address string) (net.Conn, error) {
		to := map[string]string{"7:1024": agent, "8:1024": silent.Addr().String()}[address]
		var d net.Dialer
		return d.DialContext(ctx, "tcp", to)
	}}})
	if err := try(d, "vsock://7:1024", "k8s-master"); err != nil {
		t.Error(err)
	}
	refused(t, try(d, "vsock://7:1024", "k8s-worker"), "it is for k8s-master, not for k8s-worker")
	if conn, err := d.Dial(t.Context(), "vsock://8:1024", "k8s-master"); err == nil {
		conn.Close()
		t.Error("an agent without TLS was taken")
	}
}

// TestAConnectionProvesOnlyWhileTheCACounts, not for as long as it lasts.
func TestAConnectionProvesOnlyWhileTheCACounts(t *testing.T) {
	ours, later := newAuthority(t), newAuthority(t)
	endpoint := serve(t, ours.server("k8s-master"))
	cert, roots := ours.issue("host", x509.ExtKeyUsageClientAuth), ours.pool()
	d := dial.New(dial.Options{TLS: func(string) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}, nil
	}})
	conn, err := d.Dial(t.Context(), endpoint, "k8s-master")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	proof, ok := conn.(interface{ Check(now time.Time) error })
	if !ok || proof.Check(time.Now()) != nil {
		t.Fatalf("a %T is no proof", conn)
	}
	roots = later.pool()
	if proof.Check(time.Now()) == nil {
		t.Error("the agent's CA does not count any more, and the connection does")
	}
}

// TestASilentAgentHoldsUpNobody: what accepts the connection and the certificate, and
// then says nothing, is waited for as long as the caller wants to.
func TestASilentAgentHoldsUpNobody(t *testing.T) {
	ours := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", ours.server("k8s-master"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if conn.(*tls.Conn).Handshake() == nil {
			cancel()
		}
		_, _ = io.Copy(io.Discard, conn)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	conn, err := dial.New(dial.Options{TLS: ours.client()}).Dial(ctx, "tcp://"+l.Addr().String(), "k8s-master")
	if err == nil {
		conn.Close()
		t.Fatal("a silent agent has accepted us")
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the call was ended, and failed with %v", err)
	}
}
