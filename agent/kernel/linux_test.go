//go:build linux

package kernel_test

import (
	"net"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kerneltest"
	"github.com/hcsroute/hcsroute/internal/nstest"
)

func TestMain(m *testing.M) { os.Exit(nstest.Main(m)) }

func TestConformance(t *testing.T) {
	nstest.Require(t)
	t.Cleanup(func() { goleak.VerifyNone(t) })
	kerneltest.Run(t, func(t *testing.T) kerneltest.Node {
		v := nstest.Veth{Name: "v0", Peer: "v1", MAC: "02:00:00:00:00:01", Addresses: []string{"10.200.0.1/24", "fd00:200::1/64"}}
		n := node{link: v.Add(t)}
		var err error
		if n.k, err = kernel.Open(157); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.k.Close() })
		return n
	})
}

func TestOpenRefusesOthersProtocols(t *testing.T) {
	for _, p := range []uint8{0, 2, 129, 186, 255} {
		if k, err := kernel.Open(p); err == nil {
			k.Close()
			t.Errorf("protocol %d was accepted", p)
		}
	}
}

type node struct {
	k    *kernel.Linux
	link int
}

func (n node) Kernel() kernel.Kernel { return n.k }
func (n node) Link() int32           { return int32(n.link) }

func (n node) SetUp(t *testing.T, up bool) {
	t.Helper()
	link, err := netlink.LinkByIndex(n.link)
	if err == nil && up {
		err = netlink.LinkSetUp(link)
	} else if err == nil {
		err = netlink.LinkSetDown(link)
	}
	check(t, err)
}

func (n node) ForeignAdd(t *testing.T, r kernel.Route)     { check(t, netlink.RouteAppend(route(r))) }
func (n node) ForeignReplace(t *testing.T, r kernel.Route) { check(t, netlink.RouteReplace(route(r))) }
func (n node) ForeignDelete(t *testing.T, r kernel.Route)  { check(t, netlink.RouteDel(route(r))) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func route(r kernel.Route) *netlink.Route {
	p := r.Destination
	return &netlink.Route{
		Dst: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())},
		Gw:  r.NextHop.AsSlice(), LinkIndex: int(r.Link), Priority: int(r.Metric), Protocol: netlink.RouteProtocol(r.Protocol),
	}
}
