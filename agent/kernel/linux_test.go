//go:build linux

package kernel_test

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kerneltest"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
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

func (n node) ForeignAdd(t *testing.T, legs ...kernel.Route) {
	t.Helper()
	if legs[0].NextHopID != 0 {
		addByNextHopID(t, legs[0])
		return
	}
	check(t, netlink.RouteAppend(n.route(t, legs)))
}

func (n node) ForeignReplace(t *testing.T, legs ...kernel.Route) {
	t.Helper()
	check(t, netlink.RouteReplace(n.route(t, legs)))
}

func (n node) ForeignDelete(t *testing.T, r kernel.Route) {
	t.Helper()
	check(t, netlink.RouteDel(n.route(t, []kernel.Route{r})))
}

func (n node) ForeignDeleteKey(t *testing.T, key routes.FIBKey) {
	t.Helper()
	check(t, netlink.RouteDel(&netlink.Route{Dst: network(key.Destination), Priority: int(key.Metric), Scope: unix.RT_SCOPE_NOWHERE}))
}

func (n node) AskBefore(t *testing.T, table uint32) {
	t.Helper()
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rule := netlink.NewRule()
		rule.Family, rule.Table, rule.Priority = family, int(table), 1000
		check(t, netlink.RuleAdd(rule))
		t.Cleanup(func() { check(t, netlink.RuleDel(rule)) })
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// route makes one request of legs; what they have in common is the first's.
func (n node) route(t *testing.T, legs []kernel.Route) *netlink.Route {
	t.Helper()
	r := legs[0]
	all := &netlink.Route{
		Dst: network(r.Destination), Priority: int(r.Metric), Protocol: netlink.RouteProtocol(r.Protocol), Table: int(r.Table), Type: int(r.Type),
	}
	if r.Type == unix.RTN_LOCAL {
		all.Scope = unix.RT_SCOPE_HOST
	}
	if r.Table == 0 {
		all.Table = unix.RT_TABLE_MAIN
	}
	if r.Traits&rtnl.Metrics != 0 {
		all.MTU = 1300
	}
	if r.Traits&rtnl.Source != 0 {
		all.Src = net.ParseIP("10.200.0.1")
		if r.NextHop.Is6() {
			all.Src = net.ParseIP("fd00:200::1")
		}
	}
	switch {
	case len(legs) == 1:
		all.LinkIndex = int(r.Link)
		if !r.NextHop.IsUnspecified() {
			all.Gw = r.NextHop.AsSlice()
		}
	default:
		for _, l := range legs {
			all.MultiPath = append(all.MultiPath, &netlink.NexthopInfo{LinkIndex: int(l.Link), Gw: l.NextHop.AsSlice()})
		}
	}
	return all
}

// addByNextHopID does what the library does for IPv4 only.
func addByNextHopID(t *testing.T, r kernel.Route) {
	t.Helper()
	check(t, netlink.NexthopAdd(&netlink.Nexthop{ID: r.NextHopID, OIF: uint32(r.Link), Gateway: r.NextHop.AsSlice()}))
	const rtaNextHopID = 30
	req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_APPEND|unix.NLM_F_ACK)
	msg := nl.NewRtMsg()
	msg.Family, msg.Dst_len, msg.Protocol = unix.AF_INET, uint8(r.Destination.Bits()), r.Protocol
	if r.Destination.Addr().Is6() {
		msg.Family = unix.AF_INET6
	}
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.RTA_DST, r.Destination.Addr().AsSlice()))
	req.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(r.Metric)))
	req.AddData(nl.NewRtAttr(rtaNextHopID, nl.Uint32Attr(r.NextHopID)))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	check(t, err)
}

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
