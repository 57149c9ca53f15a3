//go:build linux

package e2e

import (
	"bytes"
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/demo"
	"github.com/hcsroute/hcsroute/lab/system"
)

// TestDemoOverTCP: the whole demo with TCP and mutual TLS to the agents.
func TestDemoOverTCP(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	var out bytes.Buffer
	if err := demo.Run(t.Context(), s, demo.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	nodes := cli(t, s, 0, "nodes", "-o", "wide").Stdout
	if !contains(nodes, "tcp://10.0.10.11:7444", "tcp://10.0.10.12:7444") {
		t.Errorf("the agents are not reached over TCP:\n%s", nodes)
	}
}

const (
	agentAddress  = "10.0.10.11:7444"
	remoteAddress = "10.10.1.10:7443"
)

// side is one end of a handshake: a certificate of an authority, which trusts
// an authority.
type side struct{ dir, name, trust string }

func (c side) config(t *testing.T, server string) *tls.Config {
	t.Helper()
	f, err := certs.Load(filepath.Join(c.dir, c.name+".crt"), filepath.Join(c.dir, c.name+".key"), filepath.Join(c.trust, certs.CACert))
	if err != nil {
		t.Fatal(err)
	}
	config, err := f.ClientConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// handshake connects from the host and reads what the other side has to say:
// in TLS 1.3 a refusal of the client comes after the handshake.
func handshake(t *testing.T, s *system.System, address string, config *tls.Config) (state tls.ConnectionState, err error) {
	t.Helper()
	doErr := s.Lab.NS(lab.Host).Do(func() error {
		var c *tls.Conn
		if c, err = tls.Dial("tcp", address, config); err != nil {
			return nil
		}
		defer c.Close()
		state = c.ConnectionState()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, err = c.Read(make([]byte, 1)) // a gRPC server speaks first
		return nil
	})
	if doErr != nil {
		t.Fatal(doErr)
	}
	return state, err
}

// TestStrangersAreRefused: at the agents and at the remote listener.
func TestStrangersAreRefused(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	ours, theirs := s.PKI(), filepath.Join(s.Lab.StateDir, "strangers")
	if err := s.MakeCertificates(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	hourAgo := time.Now().Add(-time.Hour)
	for _, o := range []certs.LeafOptions{{Kind: certs.Host, Name: "late-host"}, {Kind: certs.Client, Name: "late-admin", Role: "admin"}} {
		o.Dir, o.Now, o.Validity = ours, hourAgo, time.Minute
		if err := certs.Issue(o); err != nil {
			t.Fatal(err)
		}
	}
	for _, target := range []struct{ address, server, good, late string }{
		{agentAddress, "k8s-master", "host", "late-host"},
		{remoteAddress, "10.10.1.10", "admin", "late-admin"},
	} {
		good := side{ours, target.good, ours}.config(t, target.server)
		state, err := handshake(t, s, target.address, good.Clone())
		if err != nil || state.Version != tls.VersionTLS13 {
			t.Fatalf("%s: version %x, %v", target.address, state.Version, err)
		}
		none := good.Clone()
		none.GetClientCertificate, none.Certificates = nil, nil
		older := good.Clone()
		older.MinVersion, older.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		for name, tc := range map[string]struct {
			config *tls.Config
			says   string
		}{
			"no certificate":         {none, "certificate required"},
			"certificate of another": {side{theirs, target.good, ours}.config(t, target.server), "unknown certificate authority"},
			"expired":                {side{ours, target.late, ours}.config(t, target.server), "expired certificate"},
			"TLS 1.2":                {older, "protocol version not supported"},
			"trusts another CA":      {side{ours, target.good, theirs}.config(t, target.server), "certificate signed by unknown authority"},
		} {
			if _, err := handshake(t, s, target.address, tc.config); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s, %s: %v, want %s", target.address, name, err, tc.says)
			}
		}
	}
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
}

// nodeProblem waits until the service says why a node has no session.
func nodeProblem(t *testing.T, s *system.System, parts ...string) {
	t.Helper()
	last := ""
	defer func() {
		if t.Failed() {
			t.Log(last)
		}
	}()
	polltest.Until(t, "the problem names "+strings.Join(parts, ", "), func() bool {
		res, err := s.CLI(t.Context(), "nodes", "-o", "json")
		last = res.Stdout
		return err == nil && contains(res.Stdout, parts...)
	})
}

// TestAgentCertificates: what the service thinks of agents' certificates, and
// what the operator reads of it.
func TestAgentCertificates(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	master, err := s.Node("k8s-master")
	if err != nil {
		t.Fatal(err)
	}
	use := func(dir, name string) {
		t.Helper()
		if err := s.InstallAgentCertificate(master, dir, name); err != nil {
			t.Fatal(err)
		}
		if err := s.KillAgent(master.Name); err != nil { // a session would outlive the files
			t.Fatal(err)
		}
		if err := s.StartAgent(t.Context(), master.Name); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(s.Lab.StateDir, "other")
	if err := s.MakeCertificates(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if err := certs.Issue(certs.LeafOptions{Dir: s.PKI(), Kind: certs.Agent, Name: master.Name, Out: filepath.Join(s.PKI(), "late"), Now: time.Now().Add(-time.Hour), Validity: time.Minute}); err != nil {
		t.Fatal(err)
	}
	use(s.PKI(), "k8s-worker")
	nodeProblem(t, s, "it is for k8s-worker, not for k8s-master")
	res := cli(t, s, 8, "doctor")
	if !contains(res.Stdout, "node k8s-master", "k8s-worker, not for k8s-master", "node k8s-worker: connected") {
		t.Errorf("doctor:\n%s", res.Stdout)
	}
	use(other, "k8s-master")
	nodeProblem(t, s, "its authority is not in the service's agents.tls.ca")
	use(s.PKI(), "late")
	nodeProblem(t, s, "it has expired on ")
	use(s.PKI(), "k8s-master")
	cli(t, s, 0, "wait", "--timeout", "60s")
	cli(t, s, 0, "doctor")
}

// TestCertificatesAreRotated replaces the authority and all certificates, while
// everything runs. Neither side is restarted to take them.
func TestCertificatesAreRotated(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	first, next := s.PKI(), ""
	rotate := func(name string) {
		t.Helper()
		next = filepath.Join(s.Lab.StateDir, name)
		if err := s.MakeCertificates(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if err := s.InstallCertificates(next); err != nil {
			t.Fatal(err)
		}
	}
	rotate("second")
	remote(t, s, 0, caller{"admin", next}, "get")
	refused := remote(t, s, 7, caller{"admin", first}, "get")
	if !contains(refused.Stderr, "UNAUTHENTICATED") {
		t.Errorf("the old authority's client: %s", refused.Stderr)
	}
	// The sessions go on; what was agreed on stays agreed on.
	cli(t, s, 0, "add", "Port3", "192.168.22.0/24", "192.168.20.1")
	if err := s.StopService(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.StartService(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The service has only the new certificates: the agents took theirs.
	cli(t, s, 0, "wait", "--timeout", "60s")
	connected(t, s)

	rotate("third")
	for _, node := range s.Names() {
		if s.Agent(node) == nil {
			continue
		}
		if err := s.KillAgent(node); err != nil {
			t.Fatal(err)
		}
		if err := s.StartAgent(t.Context(), node); err != nil {
			t.Fatal(err)
		}
	}
	// Now the agents have only the newest: the service took its.
	polltest.Until(t, "both nodes have sessions", func() bool {
		res, err := s.CLI(t.Context(), "doctor")
		return err == nil && res.Code == 0
	})
	connected(t, s)
}

// connected adds a route that both nodes must program.
func connected(t *testing.T, s *system.System) {
	t.Helper()
	cli(t, s, 0, "add", "Port3", "192.168.29.0/24", "192.168.20.1")
	cli(t, s, 0, "remove", "Port3", "192.168.29.0/24")
}
