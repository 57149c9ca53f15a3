package agent_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/hcsroute/hcsroute/agent"
	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/nstest"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func TestMain(m *testing.M) { os.Exit(nstest.Main(m)) }

const (
	node  = "k8s-master"
	mac3  = "02:00:00:00:20:11"
	mac4  = "02:00:00:00:40:11"
	proto = 157
)

// rig is a node: a NIC on Port3 in a network namespace, and an agent over the
// real kernel that can be stopped and started again.
type rig struct {
	t      *testing.T
	proto  uint8 // rtm_protocol of the agent's routes
	state  string
	socket string
	k      *kernel.Linux
	wrap   func(*kernel.Linux) kernel.Kernel // nil: the agent has the kernel itself
	client pb.AgentServiceClient
	agent  *agent.Agent
	stop   func()
}

func newRig(t *testing.T) *rig { return newRigIn(t, t.TempDir()) }

// newRigIn makes a rig whose files are in dir.
func newRigIn(t *testing.T, dir string) *rig {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	nstest.Veth{Name: "v3", Peer: "p3", MAC: mac3, Addresses: []string{"192.168.20.11/24", "fd00:20::11/64"}}.Add(t)
	r := &rig{t: t, proto: proto, state: filepath.Join(dir, "state"), socket: filepath.Join(dir, "s")}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) start() {
	r.t.Helper()
	k, err := kernel.Open(r.proto)
	must(r.t, err)
	seen := kernel.Kernel(k)
	if r.wrap != nil {
		seen = r.wrap(k)
	}
	a, err := agent.New(agent.Options{Node: node, StateDir: r.state, Kernel: seen, Version: "test", Log: slog.New(slog.NewTextHandler(testWriter{r.t}, nil))})
	must(r.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- a.Run(ctx) }()
	l, err := net.Listen("unix", r.socket)
	must(r.t, err)
	server := grpc.NewServer(grpc.MaxRecvMsgSize(8 << 20))
	pb.RegisterAgentServiceServer(server, a.Service())
	go func() { ended <- server.Serve(l) }()
	r.k, r.agent = k, a
	r.client = agenttest.Dial(r.t, r.socket)
	r.stop = func() {
		cancel()
		server.Stop()
		for range 2 {
			if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
				r.t.Error(err)
			}
		}
		must(r.t, k.Close())
		r.stop = func() {}
	}
	select {
	case <-a.Ready():
	case <-time.After(agenttest.Patience):
		r.t.Fatal("the agent does not get ready")
	}
}

func (r *rig) restart() {
	r.t.Helper()
	r.stop()
	r.start()
}

// host is a host whose Port3 is the rig's NIC.
func host() *agenttest.Host { return agenttest.NewHost("store-1", "Port3", mac3) }

func (r *rig) open(h *agenttest.Host) *agenttest.Session {
	r.t.Helper()
	s := agenttest.Open(r.t, r.client, h.Hello(node))
	if s.Hello.Refusal != "" {
		r.t.Fatalf("refused: %s", s.Hello.Refusal)
	}
	return s
}

// sync opens a session and brings the node to the host's set.
func (r *rig) sync(h *agenttest.Host) *agenttest.Session {
	r.t.Helper()
	s := r.open(h)
	s.SendSet(r.t, h)
	s.Carried(r.t, h)
	return s
}

// held are our routes in the kernel, sorted.
func (r *rig) held() []string {
	r.t.Helper()
	all := []string{}
	must(r.t, r.k.List(context.Background(), func(e kernel.Route) {
		text := e.Destination.String() + " via " + e.NextHop.String()
		if e.Metric != 256 {
			text += " high"
		}
		all = append(all, text)
	}))
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *rig) expect(want ...string) {
	r.t.Helper()
	slices.Sort(want)
	if got := r.held(); !slices.Equal(got, want) {
		r.t.Fatalf("the kernel holds %q, want %q", got, want)
	}
}

// foreign adds a route of another manager and returns a check that it is still there.
func (r *rig) foreign(destination string) (check func()) {
	r.t.Helper()
	_, dst, err := net.ParseCIDR(destination)
	must(r.t, err)
	route := &netlink.Route{Dst: dst, Gw: net.ParseIP("192.168.20.2"), Protocol: 4, Priority: 77}
	must(r.t, netlink.RouteAdd(route))
	return func() {
		r.t.Helper()
		list, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Dst: dst, Protocol: 4}, netlink.RT_FILTER_DST|netlink.RT_FILTER_PROTOCOL)
		must(r.t, err)
		if len(list) != 1 || list[0].Priority != 77 || !list[0].Gw.Equal(route.Gw) {
			r.t.Fatalf("the foreign route was touched: %v", list)
		}
	}
}

// flush deletes our routes as another program would.
func (r *rig) flush() {
	r.t.Helper()
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := netlink.RouteListFiltered(family, &netlink.Route{Protocol: proto}, netlink.RT_FILTER_PROTOCOL)
		must(r.t, err)
		for i := range list {
			must(r.t, netlink.RouteDel(&list[i]))
		}
	}
}

func route(t testing.TB, destination, hop string, metric uint32) routes.Route {
	t.Helper()
	r, err := routes.New(routes.Fields{Interface: "Port3", Destination: netip.MustParsePrefix(destination), NextHop: netip.MustParseAddr(hop), Metric: metric})
	must(t, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// testWriter logs to the test while it runs.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
