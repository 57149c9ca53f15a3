//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab"
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
	if !contains(local, "ok    certificate agents.tls.cert: CN=host, ", " days left (", "on disk and in use: ", "ok    certificate listen.remote.ca: ",
		"ok    certificate of the agent in k8s-worker: CN=k8s-worker, ", "ok    routes: nothing is wrong with the 1 ", "ok    node k8s-master: connected", "ok    disk space") || contains(local, "warn") {
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
		if !contains(out, "warn  certificate agents.tls.cert: CN=host, 2 days left (", "host.crt", "warn  node k8s-master: the certificate", "agent.crt expires on", "hint: Issue a new one") {
			t.Errorf("three days before the end:\n%s", out)
		}
	}
}

// TestDoctorSaysWhichCertificateIsInUse: the last good one, beside a file that
// cannot be used.
func TestDoctorSaysWhichCertificateIsInUse(t *testing.T) {
	s := start(t, system.Options{TCP: &system.TCP{}})
	cli(t, s, 0, "add", "Port3", "192.168.22.0/24", "192.168.20.1")
	key := filepath.Join(s.Lab.StateDir, "host", "pki", "host.key")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	out := cli(t, s, 0, "doctor").Stdout
	if !contains(out, "ok    certificate agents.tls.cert: CN=host (serial ", "in use as it was last read from ", "what is on disk is refused", "warn  certificate agents.tls.cert: on disk, not in use: ", "host.key: no such file", "hint: ") {
		t.Errorf("without the key:\n%s", out)
	}
}

// diagnosed waits until doctor says so, and ends with the code.
func diagnosed(t *testing.T, s *system.System, code int, parts ...string) string {
	t.Helper()
	var last system.Result
	defer func() {
		if t.Failed() {
			t.Logf("doctor ended with %d:\n%s%s", last.Code, last.Stdout, last.Stderr)
		}
	}()
	polltest.Until(t, "doctor says "+strings.Join(parts, ", "), func() (ok bool) {
		res, err := s.CLI(t.Context(), "doctor")
		last = res
		return err == nil && res.Code == code && contains(res.Stdout, parts...)
	})
	for line := range strings.Lines(last.Stdout) {
		if strings.HasPrefix(line, "ok") && strings.Contains(line, "waiting") {
			t.Errorf("not ok: %s", line)
		}
	}
	t.Log(last.Stdout)
	return last.Stdout
}

// TestDoctorFindsWhatKeepsRoutesFromKernels: each cause by its name, with the
// routes and what to do, and an exit code of its class.
func TestDoctorFindsWhatKeepsRoutesFromKernels(t *testing.T) {
	s := start(t, system.Options{})
	ns := s.Lab.NS("k8s-worker")
	for _, destination := range []string{"192.168.21.0/24", "192.168.22.0/24", "192.168.23.0/24", "192.168.24.0/24"} {
		cli(t, s, 0, "add", "Port3", destination, "192.168.20.1")
	}
	const four = "192.168.21.0/24, 192.168.22.0/24, 192.168.23.0/24 on Port3 and 1 more"
	sound := func() {
		t.Helper()
		diagnosed(t, s, 0, "ok    node k8s-worker: connected, 4 routes programmed", "ok    routes: nothing is wrong with the 4 ", "ok    certificates: none is in use")
	}
	sound()

	eth1, err := ns.Link("eth1")
	if err != nil {
		t.Fatal(err)
	}
	mac := eth1.Attrs().HardwareAddr
	if err := ns.Handle().LinkSetHardwareAddr(eth1, net.HardwareAddr{2, 0, 0, 0, 0, 0x99}); err != nil {
		t.Fatal(err)
	}
	diagnosed(t, s, 9, "FAIL  4 routes WAITING NO_NODE_NIC on k8s-worker: ", mac.String(), four, "hint: List the node in the inventory file, with the MAC address",
		"warn  node k8s-worker: connected, 4 of 4 routes not PROGRAMMED: 4 waiting", "ok    node k8s-master: connected, 4 routes programmed")
	if err := ns.Handle().LinkSetHardwareAddr(eth1, mac); err != nil {
		t.Fatal(err)
	}
	sound()

	list, err := ns.Handle().AddrList(eth1, netlink.FAMILY_ALL)
	if err != nil {
		t.Fatal(err)
	}
	addresses := func(family int, change func(link string, p netip.Prefix) error) {
		t.Helper()
		for _, a := range list {
			p := netip.MustParsePrefix(a.IPNet.String())
			if p.Addr().Is4() == (family == netlink.FAMILY_V4) && !p.Addr().IsLinkLocalUnicast() {
				if err := change("eth1", p); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	addresses(netlink.FAMILY_V4, ns.DelAddress)
	diagnosed(t, s, 9, "FAIL  4 routes WAITING NIC_NO_ADDRESS on k8s-worker: eth1 has no IPv4 address: ", four, "hint: Give the NIC in the node a static address of the route's family on a subnet of the port")
	addresses(netlink.FAMILY_V6, ns.DelAddress)
	diagnosed(t, s, 9, "FAIL  4 routes WAITING NIC_NO_ADDRESS on k8s-worker: ", four, "hint: Give the NIC in the node a static address of the route's family on a subnet of the port")
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		addresses(family, func(link string, p netip.Prefix) error { return ns.AddAddress(link, lab.Address{Prefix: p}) })
	}
	sound()

	if err := ns.SetDown("eth1"); err != nil {
		t.Fatal(err)
	}
	diagnosed(t, s, 9, "FAIL  4 routes WAITING LINK_DOWN on k8s-worker: eth1 is down ("+four, "hint: Run 'ip link set LINK up' in the node")
	if err := ns.SetUp("eth1"); err != nil {
		t.Fatal(err)
	}
	sound()

	if err := s.Lab.NS(lab.Host).DelLink("Port3"); err != nil {
		t.Fatal(err)
	}
	diagnosed(t, s, 6, "FAIL  4 routes PROGRAMMED INTERFACE_GONE: ", four, "hint: Give the device the port back", "warn  inventory: the inventory file declares Port3")
	aGonePortIsUnknown(t, s)
}

// aGonePortIsUnknown: of Port3, which the device does not have any more, nothing is
// said that nobody knows, and its switch is not taken for the internal one; also not
// by a service that has never seen it there.
func aGonePortIsUnknown(t *testing.T, s *system.System) {
	t.Helper()
	shown := func(when, port3, its, internal string) {
		t.Helper()
		rows := map[string][]string{}
		for line := range strings.Lines(cli(t, s, 0, "interfaces", "-o", "wide").Stdout) {
			rows[strings.Fields(line)[0]] = strings.Fields(line)
		}
		if row := rows["Port3"]; len(row) < 2 || row[1] != "unknown" {
			t.Errorf("%s: Port3 is shown as %v", when, row)
		}
		for alias, role := range map[string]string{"Port3": port3, lab.ExternalSwitch: its, lab.InternalSwitch: internal} {
			if !slices.Contains(rows[alias], role) {
				t.Errorf("%s: %s is shown as %v, want the role %s", when, alias, rows[alias], role)
			}
		}
	}
	shown("seen before", "unknown", "host", "internal")
	if err := s.StopService(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.StartService(t.Context()); err != nil {
		t.Fatal(err)
	}
	shown("never seen", "unknown", "unknown", "unknown")
	editInventory(t, s, bytes.Replace(readInventory(t, s), []byte("alias: Port3"), []byte("alias: Port3\n      switch: "+lab.ExternalSwitch), 1))
	polltest.Until(t, "the switch is that of Port3", func() bool {
		return strings.Contains(cli(t, s, 0, "interfaces", "-o", "wide").Stdout, " internal ")
	})
	shown("declared", "unknown", "host", "internal")
}

// TestDoctorOfAnotherStore: a node that follows another store is taken over by
// one command, which doctor names.
func TestDoctorOfAnotherStore(t *testing.T) {
	s := start(t, system.Options{})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	if err := s.StopService(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.Lab.StateDir, "host", "hcsroute.db")); err != nil {
		t.Fatal(err)
	}
	if err := s.StartService(t.Context()); err != nil {
		t.Fatal(err)
	}
	diagnosed(t, s, 8, "FAIL  node k8s-master: no session: ", "hcsroute nodes adopt k8s-master", "FAIL  node k8s-worker: no session: ")
}

// TestDoctorOfABadConfiguration: without a service its files are read, and their
// mistakes named; while it runs as well.
func TestDoctorOfABadConfiguration(t *testing.T) {
	s := start(t, system.Options{})
	conf := filepath.Join(s.Lab.StateDir, "host", "hcsrouted.yaml")
	doctor := func(code int, parts ...string) string {
		t.Helper()
		cmd := s.Command(t.Context(), s.Binaries.CLI, "doctor")
		cmd.Env = append(cmd.Env, "HCSROUTED_CONFIG="+conf)
		var out bytes.Buffer
		cmd.Stdout = &out
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != code || !contains(out.String(), parts...) {
			t.Errorf("code %d, want %d with %q:\n%s", got, code, parts, out.String())
		}
		if code == 2 && strings.Contains(out.String(), "then start it") {
			t.Errorf("a start helps nothing before that is mended:\n%s", out.String())
		}
		t.Log(out.String())
		return out.String()
	}
	sound, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	inventory := readInventory(t, s)
	write := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(conf, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doctor(0, "ok    configuration: "+conf+" and the inventory file are sound")
	editInventory(t, s, append(bytes.Clone(inventory), []byte("swiches: []\n")...))
	doctor(2, "FAIL  configuration: inventory file "+s.InventoryPath()+":", "swiches", "hint: Correct it there: it is read again by itself", "ok    service")
	// A syntax error, once the service has read it: said once, and with what to do.
	editInventory(t, s, append(bytes.Clone(inventory), []byte("\t- x\n")...))
	line := fmt.Sprintf("%s:%d: ", s.InventoryPath(), bytes.Count(inventory, []byte("\n"))+1)
	diagnosed(t, s, 0, "warn  inventory: inventory file "+line, "hint: Correct it there: it is read again by itself")
	if out := doctor(2, "FAIL  configuration: inventory file "+line, "hint: Correct it there: it is read again by itself"); strings.Count(out, s.InventoryPath()+":") != 1 {
		t.Errorf("the fault of the file is not said once:\n%s", out)
	}
	if err := s.StopService(t.Context()); err != nil {
		t.Fatal(err)
	}
	editInventory(t, s, append(bytes.Clone(inventory), []byte("swiches: []\n")...))
	doctor(2, "FAIL  configuration: inventory file "+s.InventoryPath()+":", "swiches", "FAIL  service")
	editInventory(t, s, inventory)
	doctor(8, "ok    configuration", "FAIL  service", "systemctl status hcsrouted")
	write(append(bytes.Clone(sound), []byte("limits: {connections: 0}\n")...))
	doctor(2, "FAIL  configuration: "+conf+":", "limits.connections: \"0\": want 1 to 100000", "hint: Correct it there; then run 'systemctl start hcsrouted'", "FAIL  service")
	write(sound)
}
