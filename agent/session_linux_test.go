package agent_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/internal/nstest"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	hop  = "192.168.20.1"
	hop6 = "fd00:20::1"
)

func TestProgramAndReport(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256), route(t, "2001:db8:1::/48", hop6, 256)})
	s := r.open(h)
	if s.Hello.NodeId != node || s.Hello.Version != nil || s.Hello.RtmProtocol != proto || len(s.Hello.Nics) == 0 {
		t.Fatalf("hello %v", s.Hello)
	}
	s.SendSet(t, h)
	s.Carried(t, h)
	// The host believes the first report of a whole set only if it is full.
	if len(s.Exceptions) > 0 || s.Last.Alarm != "" || !s.Last.Full || s.Full != 1 {
		t.Fatalf("report %v", s.Last)
	}
	r.expect("10.1.0.0/16 via "+hop, "2001:db8:1::/48 via "+hop6)
	s.Send(t, h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256), route(t, "10.1.0.0/16", hop, 300)}, route(t, "2001:db8:1::/48", hop6, 256)))
	s.Carried(t, h)
	r.expect("10.1.0.0/16 via "+hop+" high", "10.2.0.0/16 via "+hop)
	// Several changes at once: the last one is answered at any rate.
	for i := range 20 {
		s.Send(t, h.Change([]routes.Route{route(t, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 100, byte(i), 0}), 24).String(), hop, 256)}))
	}
	s.Carried(t, h)
	if got := len(r.held()); got != 22 {
		t.Fatalf("%d routes in the kernel", got)
	}
}

// TestReportWaitsForTheWholeSet: a big set takes the table a while to begin with.
func TestReportWaitsForTheWholeSet(t *testing.T) {
	r, h := newRig(t), host()
	const count = 20_000
	all := make([]routes.Route, count)
	for i := range all {
		all[i] = route(t, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24).String(), hop, 256)
	}
	h.Change(all)
	r.sync(h)
	if got := len(r.held()); got != count {
		t.Fatalf("reported with %d routes of %d in the kernel", got, count)
	}
	r.stop()
	r.flush()
	r.start()
	if got := len(r.held()); got != count {
		t.Fatalf("ready with %d routes of %d in the kernel", got, count)
	}
}

// TestRoutesComeBackWithoutHost: a node that starts again programs the set of
// its log before anybody calls.
func TestRoutesComeBackWithoutHost(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	s := r.sync(h)
	s.Send(t, h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)}))
	s.Carried(t, h)
	r.stop()
	r.expectAfterStop("10.1.0.0/16 via "+hop, "10.2.0.0/16 via "+hop)
	r.flush()
	r.start()
	r.expect("10.1.0.0/16 via "+hop, "10.2.0.0/16 via "+hop)
	s = r.open(h)
	if got := s.Hello.Version; got.GetRevision() != uint64(h.Version.Revision) || string(got.GetDigest()) != string(h.Version.Digest.Bytes()) {
		t.Fatalf("the agent says it holds %v", got)
	}
	s.Carried(t, h) // without that anything was sent
}

// expectAfterStop looks at the kernel of an agent that has ended.
func (r *rig) expectAfterStop(want ...string) {
	r.t.Helper()
	list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: proto}, netlink.RT_FILTER_PROTOCOL)
	must(r.t, err)
	if len(list) != len(want) {
		r.t.Fatalf("after the end the kernel holds %v, want %q", list, want)
	}
}

func TestWithoutACompleteSetNothingIsDeleted(t *testing.T) {
	r := newRig(t)
	dst := netip.MustParsePrefix("10.9.0.0/16")
	link, err := netlink.LinkByName("v3")
	must(t, err)
	ours := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(dst), Gw: netip.MustParseAddr(hop).AsSlice(), Protocol: proto, Priority: 256}
	must(t, netlink.RouteAdd(ours))
	r.restart()
	h := host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256), route(t, "10.2.0.0/16", hop, 256)})
	s := r.open(h)
	parts := h.Snapshot()
	parts[0].Last, parts[0].Version = false, nil
	s.Send(t, parts[0]) // never the last part
	s.Close()
	r.restart()
	r.expect("10.9.0.0/16 via " + hop)
	r.sync(h)
	r.expect("10.1.0.0/16 via "+hop, "10.2.0.0/16 via "+hop)
}

func TestEmptySetDeletesOursOnly(t *testing.T) {
	r, h := newRig(t), host()
	check := r.foreign("10.77.0.0/16")
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	r.sync(h)
	r.expect("10.1.0.0/16 via " + hop)
	h.Change(nil, route(t, "10.1.0.0/16", hop, 256))
	r.sync(h)
	r.expect()
	check()
	r.restart()
	s := r.open(h)
	if s.Hello.Version == nil {
		t.Fatal("an empty set is a set, also after a restart")
	}
	check()
}

// TestMismatchChangesNothing: what does not lead to the promised version is
// answered with resync, and leaves kernel and log as they were.
func TestMismatchChangesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*pb.Delta){
		"digest":        func(d *pb.Delta) { d.Version.Digest[31] ^= 1 },
		"count":         func(d *pb.Delta) { d.Version.Count++ },
		"from revision": func(d *pb.Delta) { d.FromRevision++ },
		"epoch":         func(d *pb.Delta) { d.Version.Epoch++ },
		"store":         func(d *pb.Delta) { d.Version.StoreId = "other" },
		"unknown port":  func(d *pb.Delta) { d.Upserts[0].Port = 99 },
		"bad prefix":    func(d *pb.Delta) { d.Upserts[0].Length = 40 },
		"host bits":     func(d *pb.Delta) { d.Upserts[0].Destination = []byte{10, 2, 0, 1} },
		"no version":    func(d *pb.Delta) { d.Version = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r, h := newRig(t), host()
			h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
			s := r.sync(h)
			d := h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)}, route(t, "10.1.0.0/16", hop, 256))
			spoil(d)
			s.Send(t, d, h.Change([]routes.Route{route(t, "10.3.0.0/16", hop, 256)}))
			s.Until(t, "resync", func() bool { return s.Last.GetResync() })
			r.expect("10.1.0.0/16 via " + hop)
			s.SendSet(t, h)
			s.Carried(t, h)
			r.expect("10.2.0.0/16 via "+hop, "10.3.0.0/16 via "+hop)
		})
	}
}

func TestSnapshotThatNeverMatchesEndsTheSession(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	s := r.open(h)
	for range 4 {
		parts := h.Snapshot()
		parts[len(parts)-1].Version.Digest[0] ^= 1
		for _, p := range parts {
			s.Send(t, p)
		}
	}
	if code := status.Code(s.Ended(t)); code != codes.FailedPrecondition {
		t.Fatalf("ended with %v", code)
	}
	r.expect()
}

// TestEqualSnapshotWritesNothing: neither the log nor the kernel.
func TestEqualSnapshotWritesNothing(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	s := r.sync(h)
	log := filepath.Join(r.state, "desired.log")
	before, err := os.Stat(log)
	must(t, err)
	writes, full := s.Last.Counters.KernelWrites, s.Full
	s.SendSet(t, h)
	s.Until(t, "a full report", func() bool { return s.Full > full })
	after, err := os.Stat(log)
	must(t, err)
	if !os.SameFile(before, after) || before.Size() != after.Size() || s.Last.Counters.KernelWrites != writes {
		t.Fatalf("something was written: %d bytes, then %d; %d kernel writes, then %d", before.Size(), after.Size(), writes, s.Last.Counters.KernelWrites)
	}
}

func TestAdmission(t *testing.T) {
	r, h := newRig(t), host()
	h.Version.Epoch = 5
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	r.sync(h)
	for _, c := range []struct {
		name    string
		spoil   func(*pb.HostHello)
		refusal []string // empty: accepted
	}{
		{"same", func(*pb.HostHello) {}, nil},
		{"newer", func(m *pb.HostHello) { m.Version.Revision++ }, nil},
		{"behind: it raises its epoch in this session", func(m *pb.HostHello) { m.Version.Epoch = 4 }, nil},
		{"other node", func(m *pb.HostHello) { m.NodeId = "k8s-worker" }, []string{"k8s-worker", node}},
		{"other protocol", func(m *pb.HostHello) { m.Protocol = 1 }, []string{"protocol 1"}},
		{"other store", func(m *pb.HostHello) { m.Version.StoreId = "store-2" }, []string{"store-1", "store-2", "adopt"}},
		{"other store, adopted", func(m *pb.HostHello) { m.Version.StoreId, m.Adopt = "store-2", true }, nil},
		{"no store", func(m *pb.HostHello) { m.Version.StoreId = "" }, []string{"store id"}},
		{"no version", func(m *pb.HostHello) { m.Version = nil }, []string{"version"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.restart() // no session is open
			hello := h.Hello(node)
			c.spoil(hello)
			s := agenttest.Open(t, r.client, hello)
			if (s.Hello.Refusal == "") != (c.refusal == nil) {
				t.Fatalf("refusal %q", s.Hello.Refusal)
			}
			for _, part := range c.refusal {
				if !strings.Contains(s.Hello.Refusal, part) {
					t.Fatalf("refusal %q does not name %q", s.Hello.Refusal, part)
				}
			}
			r.expect("10.1.0.0/16 via " + hop)
		})
	}
}

func TestSecondSession(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	first := r.sync(h)
	older := h.Hello(node)
	older.Version.Revision--
	if s := agenttest.Open(t, r.client, older); !strings.Contains(s.Hello.Refusal, "older") {
		t.Fatalf("an older host: %q", s.Hello.Refusal)
	}
	first.Send(t, h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)}))
	first.Carried(t, h)
	second := r.open(h)
	if code := status.Code(first.Ended(t)); code != codes.Aborted {
		t.Fatalf("the first session ended with %v", code)
	}
	second.Carried(t, h)
	second.Send(t, h.Change([]routes.Route{route(t, "10.3.0.0/16", hop, 256)}))
	second.Carried(t, h)
	r.expect("10.1.0.0/16 via "+hop, "10.2.0.0/16 via "+hop, "10.3.0.0/16 via "+hop)
}

func TestAdoptAndEpochs(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	r.sync(h)
	h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)})
	r.sync(h)
	// The set of a host that is behind never overwrites.
	older := *h
	older.Version.Revision--
	r.restart() // no session is open
	s := r.open(&older)
	s.SendSet(t, &older)
	if code := status.Code(s.Ended(t)); code != codes.FailedPrecondition {
		t.Fatalf("an older set: %v", code)
	}
	r.expect("10.1.0.0/16 via "+hop, "10.2.0.0/16 via "+hop)
	// A higher epoch does, whatever the revision.
	restored := host()
	restored.Version.Epoch = 2
	restored.Change([]routes.Route{route(t, "10.4.0.0/16", hop, 256)})
	r.sync(restored)
	r.expect("10.4.0.0/16 via " + hop)
	// Another store only by adoption.
	other := agenttest.NewHost("store-2", "Port3", mac3)
	other.Change([]routes.Route{route(t, "10.5.0.0/16", hop, 256)})
	hello := other.Hello(node)
	hello.Adopt = true
	s = agenttest.Open(t, r.client, hello)
	if s.Hello.Refusal != "" {
		t.Fatal(s.Hello.Refusal)
	}
	r.expect("10.4.0.0/16 via " + hop) // not before the set is complete
	s.SendSet(t, other)
	s.Carried(t, other)
	r.expect("10.5.0.0/16 via " + hop)
	r.restart()
	if s := r.open(other); s.Hello.Version.GetStoreId() != "store-2" {
		t.Fatalf("after the restart it holds %v", s.Hello.Version)
	}
}

func TestConditionsAndExceptions(t *testing.T) {
	r, h := newRig(t), host()
	low, high := route(t, "10.1.0.0/16", hop, 256), route(t, "10.1.0.0/16", "192.168.20.3", 300)
	h.Change([]routes.Route{low, high})
	s := r.sync(h)
	if e := s.Exceptions["10.1.0.0/16 via 192.168.20.3"]; len(s.Exceptions) != 1 || e.GetState() != "PROGRAMMED" || e.GetCondition() != "STANDBY" || !e.Time.IsValid() {
		t.Fatalf("exceptions %v", s.Exceptions)
	}
	// A second session learns the same from its full report.
	s = r.open(h)
	s.Carried(t, h)
	if e := s.Exceptions["10.1.0.0/16 via 192.168.20.3"]; e.GetCondition() != "STANDBY" {
		t.Fatalf("exceptions %v", s.Exceptions)
	}
	s.Send(t, h.Change(nil, low))
	s.Carried(t, h)
	s.Until(t, "the end of STANDBY", func() bool { return len(s.Exceptions) == 0 })
}

// TestPortsMove: new MACs alone move the routes to another NIC, and survive.
func TestPortsMove(t *testing.T) {
	r, h := newRig(t), host()
	index := nstest.Veth{Name: "v4", Peer: "p4", MAC: mac4, Addresses: []string{"192.168.20.12/24"}}.Add(t)
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	s := r.sync(h)
	h.Ports = &pb.Ports{Ports: []*pb.Port{{Id: 1, Interface: "Port3", Mac: strings.ToUpper(mac4)}}, Sequence: 2}
	links := func() (all []int) {
		list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: proto}, netlink.RT_FILTER_PROTOCOL)
		must(t, err)
		for _, e := range list {
			all = append(all, e.LinkIndex)
		}
		return all
	}
	s.Send(t, h.Ports)
	s.Until(t, "the answer to the ports", func() bool { return s.Last.PortsSequence == 2 })
	if got := links(); !slices.Equal(got, []int{index}) {
		t.Fatalf("answered with routes on links %v, want on %d", got, index)
	}
	s.Send(t, h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)}))
	s.Carried(t, h)
	if got := links(); !slices.Equal(got, []int{index, index}) {
		t.Fatalf("routes on links %v, want on %d", got, index)
	}
	r.restart()
	if got := links(); !slices.Equal(got, []int{index, index}) {
		t.Fatalf("after the restart routes on links %v, want on %d", got, index)
	}
	// The same within a change that is not about these routes.
	s = r.open(h)
	s.Carried(t, h)
	h.Ports = host().Ports
	d := h.Change(nil)
	d.Ports = h.Ports
	s.Send(t, d)
	s.Carried(t, h)
	if got := links(); len(got) != 2 || slices.Contains(got, index) {
		t.Fatalf("routes on links %v, want none on %d", got, index)
	}
}

// A port that the host did not name before gets its routes when it is
// there, whether the session, the host or the agent is new.
func TestPortThatAppearsLate(t *testing.T) {
	for _, way := range []string{"ports", "delta", "hello", "restart"} {
		t.Run(way, func(t *testing.T) {
			r, h := newRig(t), host()
			late := &pb.Ports{Ports: []*pb.Port{{Id: 2, Interface: "Port4", Mac: mac4}, {Id: 1, Interface: "Port3", Mac: mac3}}}
			h.Ports = &pb.Ports{Ports: []*pb.Port{{Id: 1, Interface: "Port3"}}}
			h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
			r.sync(h).Close()
			h.Ports = &pb.Ports{Ports: []*pb.Port{{Id: 2, Interface: "Port4", Mac: mac4}}}
			s := r.open(h)
			s.Carried(t, h)
			r.expect()
			if way == "restart" {
				r.stop()
			}
			h.Ports = late
			switch way {
			case "ports":
				s.Send(t, h.Ports)
			case "delta":
				d := h.Change(nil)
				d.Ports = h.Ports
				s.Send(t, d)
			case "restart":
				r.start()
				fallthrough
			case "hello":
				s = r.open(h)
			}
			s.Carried(t, h)
			s.Until(t, "the route", func() bool { return len(s.Exceptions) == 0 })
			r.expect("10.1.0.0/16 via " + hop)
		})
	}
}

// Of a port that the host does not see now, what the node knows stays; that it
// has no NIC there is something else.
func TestPortThatTheHostDoesNotSeeKeepsItsRoutes(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	r.sync(h).Close()
	unseen := &pb.Ports{Ports: []*pb.Port{{Id: 1, Interface: "Port3", Unknown: true}}, Sequence: 2}
	missing := &pb.Ports{Ports: []*pb.Port{{Id: 2, Interface: "Port4"}}, Sequence: 2}
	for _, ports := range []*pb.Ports{unseen, missing} {
		s := r.sync(host3(h))
		s.Send(t, ports)
		s.Until(t, "the answer to the ports", func() bool { return s.Last.PortsSequence == 2 })
		s.Send(t, h.Change(nil))
		s.Carried(t, h)
		r.expect("10.1.0.0/16 via " + hop)
		s.Close()
		h.Ports = ports
		r.restart()
		s = r.open(h)
		s.Carried(t, h)
		r.expect("10.1.0.0/16 via " + hop)
		s.Close()
	}
	h.Ports = &pb.Ports{Ports: []*pb.Port{{Id: 1, Interface: "Port3"}}, Sequence: 3}
	s := r.open(h)
	s.Until(t, "the answer to the ports", func() bool { return s.Last.GetPortsSequence() == 3 })
	r.expect()
}

// host3 has h see Port3 again.
func host3(h *agenttest.Host) *agenttest.Host {
	h.Ports = host().Ports
	return h
}

func TestNICsAreTold(t *testing.T) {
	r, h := newRig(t), host()
	s := r.sync(h)
	nstest.Veth{Name: "v5", Peer: "p5", MAC: mac4, Addresses: []string{"192.168.50.1/24"}}.Add(t)
	s.Until(t, "the new NIC", func() bool {
		return slices.ContainsFunc(s.NICs, func(n *pb.Nic) bool { return n.Mac == mac4 && n.Addressing == "static" && len(n.Connected) > 0 })
	})
}

// TestProtocolErrors: what is no hello, or not a hello any more, ends that
// stream only.
func TestProtocolErrors(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	s := r.sync(h)
	stream, err := r.client.Session(t.Context())
	must(t, err)
	must(t, stream.Send(&pb.SessionRequest{Message: &pb.SessionRequest_Delta{Delta: &pb.Delta{}}}))
	if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Fatalf("a delta before the hello: %v", err)
	}
	s.Send(t, h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, 256)}))
	s.Carried(t, h)
	s.Send(t, h.Hello(node))
	if code := status.Code(s.Ended(t)); code != codes.InvalidArgument {
		t.Fatalf("a second hello: %v", code)
	}
	r.expect("10.1.0.0/16 via "+hop, "10.2.0.0/16 via "+hop)
}
