//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
)

// caller is the certificate of a remote caller, in its authority's folder.
type caller struct{ name, pki string }

func (c caller) flags() []string {
	file := func(name string) string { return filepath.Join(c.pki, name) }
	return []string{"--address", system.RemoteAddress, "--cert", file(c.name + ".crt"), "--key", file(c.name + ".key"), "--ca", file("ca.crt")}
}

// remote runs hcsroute in the private network, as another machine would.
func remote(t *testing.T, s *system.System, code int, c caller, args ...string) system.Result {
	t.Helper()
	lan := s.Lab.NS(lab.LAN)
	address := lab.Address{Prefix: netip.MustParsePrefix("10.10.1.99/24")}
	if err := lan.AddAddress("to-Port1", address); err == nil {
		t.Cleanup(func() { _ = lan.DelAddress("to-Port1", address.Prefix) })
	}
	cmd := lan.Command(t.Context(), s.Binaries.CLI, append(args, c.flags()...)...)
	cmd.Env = os.Environ()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("as %s: hcsroute %v: exit code %d, want %d\n%s%s", c.name, args, got, code, stdout.String(), stderr.String())
	}
	return system.Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: code}
}

func TestRolesOfRemoteCallers(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	add := []string{"add", "Port3", "192.168.21.0/24", "192.168.20.1"}
	adopt := []string{"nodes", "adopt", "k8s-master", "--yes"}
	reader, operator, admin := caller{"reader", s.PKI()}, caller{"operator", s.PKI()}, caller{"admin", s.PKI()}

	remote(t, s, 0, reader, "get")
	remote(t, s, 0, reader, append(add, "--dry-run")...)
	if res := remote(t, s, 7, reader, add...); !contains(res.Stderr, "PERMISSION_DENIED", "cn:reader", "its role is reader, this needs operator") {
		t.Errorf("reader adds: %s", res.Stderr)
	}
	if n := own(t, s, "k8s-master"); n != 0 {
		t.Fatalf("a reader added %d routes", n)
	}
	remote(t, s, 0, operator, add...)
	if n := own(t, s, "k8s-master"); n != 1 {
		t.Fatalf("the operator's route: %d in the kernel", n)
	}
	if res := remote(t, s, 7, operator, adopt...); !contains(res.Stderr, "PERMISSION_DENIED", "cn:operator", "this needs admin") {
		t.Errorf("operator adopts: %s", res.Stderr)
	}
	remote(t, s, 0, admin, adopt...)
	remote(t, s, 0, admin, "remove", "Port3", "192.168.21.0/24")
	audit := cli(t, s, 0, "audit", "list", "-o", "json").Stdout
	if !contains(audit, `"cn:reader"`, `"cn:operator"`, `"cn:admin"`, "refused-caller", "tcp 10.10.1.99:") {
		t.Errorf("the audit does not say who did what from where:\n%s", audit)
	}

	for who, wants := range map[caller][]string{
		reader:   {"warn  role", "hint:", `"reader"`},
		operator: {"ok    role: you are cn:operator with the role operator"},
		admin:    {"ok    role: you are cn:admin", "ok    certificate listen.remote.cert: CN=edge1, ", "ok    your certificate: CN=admin, ", "node k8s-worker: connected"},
	} {
		if out := remote(t, s, 0, who, "doctor").Stdout; !contains(out, wants...) {
			t.Errorf("doctor as %s, want %q:\n%s", who.name, wants, out)
		}
	}
}

// TestRefusedCallersAreTold: each with its reason and what to do about it.
func TestRefusedCallersAreTold(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	other := filepath.Join(s.Lab.StateDir, "other")
	if err := s.MakeCertificates(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]time.Duration{"late": -time.Minute, "soon": 5 * 24 * time.Hour} {
		begin := time.Now().Add(-time.Hour)
		if err := certs.Issue(certs.LeafOptions{Dir: s.PKI(), Kind: certs.Client, Role: "admin", Name: name, Now: begin, Validity: time.Hour + end}); err != nil {
			t.Fatal(err)
		}
	}
	// A client of another authority that trusts ours, and the other way round.
	mixed := filepath.Join(s.Lab.StateDir, "mixed")
	copyFiles(t, mixed, map[string]string{"ca.crt": s.PKI(), "admin.crt": other, "admin.key": other})
	for name, tc := range map[string]struct {
		who  caller
		says []string
	}{
		"expired":             {caller{"late", s.PKI()}, []string{"UNAUTHENTICATED", "expired", "hcsroute certs issue"}},
		"unknown authority":   {caller{"admin", mixed}, []string{"UNAUTHENTICATED", "authority", "listen.remote"}},
		"trusts another":      {caller{"admin", other}, []string{"UNAUTHENTICATED", "its authority is not in the caller's --ca"}},
		"an agent, no caller": {caller{"k8s-master", s.PKI()}, []string{"UNAUTHENTICATED", "client"}},
		"a host, no role":     {caller{"host", s.PKI()}, []string{"PERMISSION_DENIED", "none of reader, operator and admin"}},
	} {
		if res := remote(t, s, 7, tc.who, "get"); !contains(res.Stderr, append(tc.says, "hint:")...) {
			t.Errorf("%s: want %q in\n%s", name, tc.says, res.Stderr)
		}
	}
	if out := remote(t, s, 7, caller{"late", s.PKI()}, "doctor").Stdout; !contains(out, "FAIL  service", "has expired on", "hint:") {
		t.Errorf("doctor with an expired certificate:\n%s", out)
	}
	if out := remote(t, s, 0, caller{"soon", s.PKI()}, "doctor").Stdout; !contains(out, "warn  your certificate: CN=soon, 4 days left (", "hint: Issue a new one") {
		t.Errorf("doctor, five days before the end:\n%s", out)
	}
}

func copyFiles(t *testing.T, to string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, from := range files {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
