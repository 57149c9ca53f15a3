package linux_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/linux"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
)

// host changes the namespace's links and follows them with the provider.
type host struct {
	*testing.T
	hostvm.Inventory
	root string
}

func newHost(t *testing.T) *host {
	nstest.Require(t)
	h := &host{T: t, root: t.TempDir()}
	inv, err := linux.New(linux.Options{Root: h.root})
	if err != nil {
		t.Fatal(err)
	}
	h.Inventory = inv
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- inv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		goleak.VerifyNone(t)
	})
	return h
}

func (h *host) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func attrs(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return a
}

func (h *host) link(l netlink.Link) netlink.Link {
	h.Helper()
	h.must(netlink.LinkAdd(l))
	h.Cleanup(func() { _ = netlink.LinkDel(l) })
	h.must(netlink.LinkSetUp(l))
	return l
}

// veth is how the lab makes a port: up, with its peer up.
func (h *host) veth(name string) netlink.Link {
	h.Helper()
	l := h.link(&netlink.Veth{LinkAttrs: attrs(name), PeerName: "peer-" + name})
	peer, err := netlink.LinkByName("peer-" + name)
	h.must(err)
	h.must(netlink.LinkSetUp(peer))
	return l
}

func (h *host) bridge(name string, members ...netlink.Link) netlink.Link {
	h.Helper()
	b := h.link(&netlink.Bridge{LinkAttrs: attrs(name)})
	for _, m := range members {
		h.must(netlink.LinkSetMaster(m, b))
	}
	return b
}

func (h *host) address(l netlink.Link, s string, lifetime int) {
	h.Helper()
	a, err := netlink.ParseAddr(s)
	h.must(err)
	a.ValidLft, a.PreferedLft = lifetime, lifetime
	h.must(netlink.AddrReplace(l, a))
}

// port waits until the alias is as cond wants.
func (h *host) port(alias string, cond func(routes.Port) bool) routes.Port {
	h.Helper()
	limit := time.After(time.Minute)
	for {
		changed := h.Changed()
		p, ok := h.Current().Port(alias)
		if ok && cond(p) {
			return p
		}
		select {
		case <-changed:
		case <-limit:
			h.Fatalf("not within 10 s; %s is %+v (found %v) of %+v", alias, p, ok, h.Current())
		}
	}
}

func TestPortWithItsOwnAddress(t *testing.T) {
	h := newHost(t)
	l := h.veth("Port2")
	p := h.port("port2", func(p routes.Port) bool { return p.Link == routes.LinkStateUp })
	if p.Role != routes.PortRoleData || p.Addressing != routes.AddressingNone || p.Switch != "" || p.Team != "" {
		t.Errorf("%+v", p)
	}
	h.address(l, "192.168.1.10/24", 0)
	p = h.port("Port2", func(p routes.Port) bool { return p.Addressing == routes.AddressingStatic })
	if !slices.Contains(p.Addresses, netip.MustParsePrefix("192.168.1.10/24")) {
		t.Errorf("%+v", p)
	}
	guarded := func(g routes.Protected) bool {
		return g.Kind == routes.ProtectedHost && g.First == netip.MustParseAddr("192.168.1.10")
	}
	if !slices.ContainsFunc(h.Current().Protected, guarded) {
		t.Errorf("protected: %+v", h.Current().Protected)
	}
	peer, err := netlink.LinkByName("peer-Port2")
	h.must(err)
	h.must(netlink.LinkSetDown(peer))
	h.port("Port2", func(p routes.Port) bool { return p.Link == routes.LinkStateDown })
}

func TestAddressing(t *testing.T) {
	h := newHost(t)
	for i, c := range []struct {
		addresses []string
		lifetime  int
		want      routes.Addressing
	}{
		{[]string{"10.0.0.1/24"}, 3600, routes.AddressingDHCP},
		{[]string{"169.254.3.4/16"}, 0, routes.AddressingLinkLocal},
		{[]string{"fd00::1/64"}, 0, routes.AddressingStatic},
		{[]string{"fd00::2/64"}, 3600, routes.AddressingDHCP},
		{[]string{"169.254.3.5/16", "10.0.1.1/24"}, 0, routes.AddressingStatic},
	} {
		name := fmt.Sprintf("Port%d", 20+i)
		l := h.veth(name)
		for _, a := range c.addresses {
			h.address(l, a, c.lifetime)
		}
		h.port(name, func(p routes.Port) bool { return p.Addressing == c.want })
	}
	// Static IPv4 beside an advertised IPv6 address.
	l := h.veth("Port30")
	h.address(l, "fd01::1/64", 3600)
	h.port("Port30", func(p routes.Port) bool { return p.Addressing == routes.AddressingDHCP })
	h.address(l, "10.0.2.1/24", 0)
	h.port("Port30", func(p routes.Port) bool { return p.Addressing == routes.AddressingStatic })
}

func TestEndlessLeaseIsSeenByItsFile(t *testing.T) {
	h := newHost(t)
	lease := func(name, content string) {
		path := filepath.Join(h.root, name)
		h.must(os.MkdirAll(filepath.Dir(path), 0o700))
		h.must(os.WriteFile(path, []byte(content), 0o600))
	}
	packet := make([]byte, 240)
	copy(packet[16:], []byte{10, 1, 4, 1})
	ports := map[string]netlink.Link{}
	for _, n := range []string{"Port1", "Port2", "Port3", "Port4", "Port5", "Port6"} {
		ports[n] = h.veth(n)
	}
	lease(fmt.Sprintf("run/systemd/netif/leases/%d", ports["Port1"].Attrs().Index), "# private\nADDRESS=10.1.1.1\nLIFETIME=86400\n")
	lease("var/lib/dhcp/dhclient.leases", "lease {\n  interface \"Port2\";\n  fixed-address 10.1.2.1;\n  expire never;\n}\n"+
		"lease {\n  interface \"Port3\";\n  fixed-address 10.1.3.1;\n  expire 4 2020/01/02 10:00:00;\n}\n")
	lease("var/lib/dhcpcd/Port4.lease", string(packet))
	lease("var/lib/NetworkManager/internal-7d-Port5.lease", "ADDRESS=10.9.9.9\n")
	for i, n := range []string{"Port1", "Port2", "Port3", "Port4", "Port5", "Port6"} {
		h.address(ports[n], fmt.Sprintf("10.1.%d.1/24", i+1), 0)
	}
	for n, want := range map[string]routes.Addressing{
		"Port1": routes.AddressingDHCP, "Port2": routes.AddressingDHCP, "Port4": routes.AddressingDHCP,
		"Port3": routes.AddressingStatic, // its lease has ended
		"Port5": routes.AddressingStatic, // the lease is of another address
		"Port6": routes.AddressingStatic,
	} {
		h.port(n, func(p routes.Port) bool { return p.Addressing == want })
	}
}

func TestSwitchCarriesTheAddress(t *testing.T) {
	h := newHost(t)
	b := h.bridge("vswitch-Port3", h.veth("Port3"))
	p := h.port("Port3", func(p routes.Port) bool { return p.Switch != "" })
	if p.Switch != "vswitch-Port3" || p.Carrier != "vswitch-Port3" || p.Addressing != routes.AddressingNone {
		t.Errorf("%+v", p)
	}
	h.address(b, "192.168.20.10/24", 0)
	h.port("Port3", func(p routes.Port) bool {
		return p.Addressing == routes.AddressingStatic && slices.Contains(p.Addresses, netip.MustParsePrefix("192.168.20.10/24"))
	})
	if b, _ := h.Current().Port("vswitch-Port3"); b.Role != routes.PortRoleHost {
		t.Errorf("%+v", b)
	}
}

func TestNames(t *testing.T) {
	h := newHost(t)
	one, two := h.veth("enp1"), h.veth("enp2")
	h.must(netlink.LinkSetAlias(one, "Port3"))
	p := h.port("Port3", func(routes.Port) bool { return true })
	if p.Role != routes.PortRoleData || !slices.Contains(p.AltNames, "enp1") {
		t.Errorf("%+v", p)
	}
	if err := netlink.LinkAddAltName(two, "Port4"); err != nil {
		t.Log("no alternative names here:", err)
	} else {
		h.port("Port4", func(p routes.Port) bool { return slices.Contains(p.AltNames, "enp2") })
	}
	// A name wins over an alias.
	h.must(netlink.LinkSetAlias(two, "Port5"))
	h.port("Port5", func(p routes.Port) bool { return slices.Contains(p.AltNames, "enp2") })
	h.veth("Port5")
	h.port("Port5", func(p routes.Port) bool { return len(p.AltNames) == 0 })
	// Two links with the same alias: neither is the port.
	h.must(netlink.LinkSetAlias(two, "port3"))
	limit := time.After(time.Minute)
	for !strings.Contains(h.Current().PortProblems["port3"], "enp1, enp2") {
		changed := h.Changed()
		if strings.Contains(h.Current().PortProblems["port3"], "enp1, enp2") {
			break
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("problems %v", h.Current().PortProblems)
		}
	}
}

func TestHostLinksAreNoPorts(t *testing.T) {
	h := newHost(t)
	h.address(h.veth("eth7"), "10.7.0.1/24", 0)
	h.address(h.bridge("Port7"), "10.7.1.1/24", 0)
	for _, name := range []string{"eth7", "Port7", "lo"} {
		h.port(name, func(p routes.Port) bool { return p.Role == routes.PortRoleHost })
	}
}

func TestTeams(t *testing.T) {
	h := newHost(t)
	bond := netlink.NewLinkBond(attrs("bond0"))
	bond.Mode = netlink.BOND_MODE_ACTIVE_BACKUP
	if err := netlink.LinkAdd(bond); err != nil {
		t.Skip("this kernel has no bonds:", err)
	}
	t.Cleanup(func() { _ = netlink.LinkDel(bond) })
	member := h.veth("Port5")
	h.must(netlink.LinkSetDown(member))
	h.must(netlink.LinkSetMaster(member, bond))
	h.port("Port5", func(p routes.Port) bool { return p.Team == "bond0" })
	h.bridge("vswitch-Port6", h.veth("Port6"), bond)
	h.port("Port6", func(p routes.Port) bool { return p.Team == "bond0" })
	h.port("Port5", func(p routes.Port) bool { return p.Switch == "vswitch-Port6" && p.Team == "bond0" })
}
