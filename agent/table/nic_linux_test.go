package table

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
)

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.all.String(), what)
}

func (l *lines) options() Options { return Options{Log: slog.New(slog.NewTextHandler(l, nil))} }

func addLink(t *testing.T, l netlink.Link, mac string) netlink.Link {
	t.Helper()
	if mac != "" {
		address, err := net.ParseMAC(mac)
		ok(t, err)
		l.Attrs().HardwareAddr = address
	}
	ok(t, netlink.LinkAdd(l))
	t.Cleanup(func() { _ = netlink.LinkDel(l) })
	return l
}

func named(name string, parent int) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name, a.ParentIndex = name, parent
	return a
}

// Another link with the NIC's MAC, of whatever kind and state, takes no route away.
func TestLinksWithTheMACOfTheNIC(t *testing.T) {
	for name, twin := range map[string]func(t *testing.T, parent int){
		"macvlan": func(t *testing.T, parent int) {
			ok(t, netlink.LinkSetUp(addLink(t, &netlink.Macvlan{LinkAttrs: named("over", parent), Mode: netlink.MACVLAN_MODE_PASSTHRU}, testMAC)))
			ok(t, netlink.AddrAdd(link(t, "over"), address(t, "10.205.0.1/24")))
		},
		"down": func(t *testing.T, _ int) {
			addLink(t, &netlink.Veth{LinkAttrs: named("w0", 0), PeerName: "w1"}, testMAC)
		},
		"up with an address": func(t *testing.T, _ int) {
			nstest.Veth{Name: "w0", Peer: "w1", MAC: testMAC, Addresses: []string{"10.206.0.1/24"}}.Add(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			parent := testVeth().Add(t)
			var log lines
			r := run(t, log.options())
			wants, held := both(t)
			r.set(t, wants...)
			twin(t, parent)
			late := want(t, "10.3.0.0/16", "10.200.0.2", 256)
			r.apply(t, []Want{late})
			r.wantException(t, late, Exception{State: routes.Programmed})
			if !r.holds(t, slices.Insert(held, 1, "10.3.0.0/16 10.200.0.2")...) || len(r.excs) > 0 || log.count("withdrawn") > 0 {
				t.Errorf("the kernel holds %v, exceptions %v", r.held(t), r.excs)
			}
		})
	}
}

// What is programmed stays while it is unclear which link is the NIC, also when
// the agent starts so; what is new waits, and one NIC goes on.
func TestUnclearNICKeepsRoutes(t *testing.T) {
	testVeth().Add(t)
	wants, held := both(t)
	first := run(t, Options{})
	first.set(t, wants...)
	first.stop()
	twin := nstest.Veth{Name: "w0", Peer: "w1", MAC: testMAC, Addresses: []string{"10.206.0.1/24"}}
	twin.Add(t)
	r := run(t, Options{})
	late := want(t, "10.3.0.0/16", "10.200.0.2", 256)
	r.set(t, append(wants, late)...)
	r.wait(t, "the link in use", func() bool { return len(r.excs) == 0 })
	if !r.holds(t, slices.Insert(held, 1, "10.3.0.0/16 10.200.0.2")...) || r.last.Counters.Writes > 1 {
		t.Errorf("the kernel holds %v after %d writes", r.held(t), r.last.Counters.Writes)
	}
	r.stop()
	other := run(t, Options{})
	other.set(t) // nothing of ours is left that tells which link it is
	other.set(t, wants...)
	for _, w := range wants {
		other.wantException(t, w, Exception{State: routes.Waiting, Cause: routes.NICAmbiguous}, "v0", "w0")
	}
	twin.Remove()
	other.wait(t, "one NIC", func() bool { return len(other.excs) == 0 })
	if !other.holds(t, held...) {
		t.Errorf("the kernel holds %v", other.held(t))
	}
}

// The NIC in a bridge means the bridge, whatever MAC that has.
func TestEnslavedNICMeansItsMaster(t *testing.T) {
	for _, mac := range []string{testMAC, "02:00:00:00:00:77"} {
		t.Run(mac, func(t *testing.T) {
			v := testVeth()
			v.Addresses = nil
			v.Add(t)
			bridge := addLink(t, &netlink.Bridge{LinkAttrs: named("br0", 0)}, mac)
			ok(t, netlink.LinkSetUp(bridge))
			ok(t, netlink.LinkSetMaster(link(t, "v0"), bridge))
			for _, a := range testVeth().Addresses {
				addr := address(t, a)
				addr.Flags = 2 // IFA_F_NODAD
				ok(t, netlink.AddrAdd(bridge, addr))
			}
			r := run(t, Options{})
			wants, held := both(t)
			r.set(t, wants...)
			r.wait(t, "both", func() bool { return len(r.excs) == 0 })
			if !r.holds(t, held...) || int(r.last.NICs[0].Link) != bridge.Attrs().Index {
				t.Errorf("the kernel holds %v, NICs %+v", r.held(t), r.last.NICs)
			}
		})
	}
}

// Routes never leave the kernel without a word.
func TestWithdrawalIsTold(t *testing.T) {
	testVeth().Add(t)
	var log lines
	r := run(t, log.options())
	wants, held := both(t)
	r.set(t, wants...)
	away, err := net.ParseMAC("02:00:00:00:00:99")
	ok(t, err)
	back, err := net.ParseMAC(testMAC)
	ok(t, err)
	ok(t, netlink.LinkSetHardwareAddr(link(t, "v0"), away))
	r.wait(t, "both without a NIC", func() bool { return len(r.excs) == 2 })
	if got := fmt.Sprint(r.last.Withdrawn); got != "[{Port3 2 no link has the MAC "+testMAC+"}]" {
		t.Errorf("told: %s", got)
	}
	if !r.holds(t) || log.count("routes were withdrawn from the kernel") == 0 || log.count(testMAC) == 0 {
		t.Errorf("the kernel holds %v, the log has %s", r.held(t), log.all.String())
	}
	ok(t, netlink.LinkSetHardwareAddr(link(t, "v0"), back))
	r.wait(t, "both back", func() bool { return len(r.excs) == 0 && len(r.last.Withdrawn) == 0 })
	if !r.holds(t, held...) {
		t.Errorf("the kernel holds %v", r.held(t))
	}
	// A route that is not desired any more was not withdrawn.
	ok(t, netlink.LinkSetHardwareAddr(link(t, "v0"), away))
	r.wait(t, "both without a NIC", func() bool { return len(r.excs) == 2 })
	r.apply(t, nil, wants[0].Route.Key())
	r.wait(t, "one", func() bool { return len(r.last.Withdrawn) == 1 && r.last.Withdrawn[0].Routes == 1 })
}

func address(t *testing.T, s string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(s)
	ok(t, err)
	return a
}
