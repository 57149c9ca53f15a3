//go:build linux

package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/lab/system"
)

// TestDoctorWarnsOfCertificates: those of the service and of the nodes, also
// on the local socket, which needs none itself.
func TestDoctorWarnsOfCertificates(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	master, err := s.Node("k8s-master")
	if err != nil {
		t.Fatal(err)
	}
	cli(t, s, 0, "add", "Port3", "192.168.22.0/24", "192.168.20.1") // the nodes have sessions
	local := cli(t, s, 0, "doctor").Stdout
	if !contains(local, "ok    certificates: none are needed on the local socket", "ok    node k8s-master: connected", "ok    disk space") || contains(local, "warn") {
		t.Errorf("doctor on the local socket:\n%s", local)
	}
	short := func(kind certs.Kind, name string) {
		t.Helper()
		if err := certs.Issue(certs.LeafOptions{Dir: s.PKI(), Kind: kind, Name: name, Out: filepath.Join(s.PKI(), "short-"+name), Validity: 3 * 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	short(certs.Host, "host")
	short(certs.Agent, master.Name)
	if err := s.InstallHostCertificate(s.PKI(), "short-host"); err != nil {
		t.Fatal(err)
	}
	if err := s.InstallAgentCertificate(master, s.PKI(), "short-"+master.Name); err != nil {
		t.Fatal(err)
	}
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1") // the agent reports
	for _, out := range []string{cli(t, s, 0, "doctor").Stdout, remote(t, s, 0, caller{"reader", s.PKI()}, "doctor").Stdout} {
		if !contains(out, "warn  certificates of the service: the certificate", "host.crt expires on", "warn  node k8s-master: the certificate", "agent.crt expires on", "hint:") {
			t.Errorf("three days before the end:\n%s", out)
		}
	}
}
