package table

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	network, secondNetwork   = "10.200.0.1/24", "10.201.0.1/24"
	network6, secondNetwork6 = "fd00:200::1/64", "fd00:201::1/64"
	thirdNetwork             = "10.202.0.1/24"
)

func addNetwork(k *kernelfake.Kernel, link int32, networks ...string) {
	for _, n := range networks {
		k.AddAddress(link, kernel.Address{Prefix: netip.MustParsePrefix(n)})
	}
}

func dropNetwork(k *kernelfake.Kernel, networks ...string) {
	for _, n := range networks {
		k.DeleteAddress(fakeLink, netip.MustParsePrefix(n))
	}
}

// moving is a kernel whose NIC loses or gets its networks just while the table
// asks whether the next hops are still taken.
type moving struct {
	*kernelfake.Kernel
	before, after func(*kernelfake.Kernel)
}

func (m *moving) Apply(ctx context.Context, ops []kernel.Op, results []kernel.Result) ([]kernel.Result, error) {
	before, after := m.before, m.after
	m.before, m.after = nil, nil
	if before != nil {
		before(m.Kernel)
	}
	results, err := m.Kernel.Apply(ctx, ops, results)
	if after != nil {
		after(m.Kernel)
	}
	return results, err
}

func movingTable(t *testing.T, test func(f *faked, m *moving)) {
	t.Helper()
	m := &moving{}
	fakeTableOver(t, Options{}, func(k *kernelfake.Kernel) kernel.Kernel { m.Kernel = k; return m }, func(f *faked) { test(f, m) })
}

// outOfReach checks that routes are in the kernel, which would not take them now.
func (f *faked) outOfReach(wants ...Want) {
	f.Helper()
	f.rest()
	f.holds(wants...)
	for _, w := range wants {
		if s, c, d := f.status(w); s != routes.Waiting || c != routes.NextHopUnreachable {
			f.Errorf("%v is %v %v %q, and the network of its next hop is gone", w.Route, s, c, d)
		}
	}
}

// TestNetworkThatReturnsAtOnce: the links look the same before and after, and
// the answer in between does not stay.
func TestNetworkThatReturnsAtOnce(t *testing.T) {
	movingTable(t, func(f *faked, m *moving) {
		f.set(f.pair()...)
		addNetwork(f.k, fakeLink, secondNetwork, secondNetwork6, thirdNetwork)
		dropNetwork(f.k, network, network6)
		f.outOfReach(f.pair()...)
		addNetwork(f.k, fakeLink, network, network6) // the last in the kernel's list: so they will be again
		f.plain(f.pair()...)
		m.before = func(k *kernelfake.Kernel) { dropNetwork(k, network, network6) }
		m.after = func(k *kernelfake.Kernel) { addNetwork(k, fakeLink, network, network6) }
		dropNetwork(f.k, thirdNetwork)
		f.plain(f.pair()...)
		if m.before != nil {
			f.Error("nobody asked about the next hops")
		}
	})
}

// TestANICOfOneFamily: where the NIC has no address of the route's family any more,
// that is said, also of a route that comes then, and the other family goes on.
func TestANICOfOneFamily(t *testing.T) {
	for says, gone := range map[string]string{"eth0 has no IPv4 address: ": network, "eth0 has no IPv6 address: ": network6} {
		t.Run(gone, func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				v4, v6 := f.pair()[0], f.pair()[1]
				f.set(v4, v6)
				addNetwork(f.k, fakeLink, "fe80::1/64") // as each link has
				f.plain(v4, v6)
				lost, stays := v4, v6
				if gone == network6 {
					lost, stays = v6, v4
				}
				dropNetwork(f.k, gone)
				lacks := func(when string) {
					f.Helper()
					f.rest()
					if s, c, d := f.status(lost); s != routes.Waiting || c != routes.NICNoAddress || !strings.Contains(d, says) {
						f.Errorf("%s: %v %v %q", when, s, c, d)
					}
					if s, c, d := f.status(stays); s != routes.Programmed || c != "" {
						f.Errorf("%s, the other family: %v %v %q", when, s, c, d)
					}
				}
				lacks("it is there")
				f.set(stays)
				f.set(lost, stays)
				lacks("it is new")
				addNetwork(f.k, fakeLink, gone)
				f.plain(v4, v6)
			})
		})
	}
}

// TestNetworkThatGoesAgainAtOnce is the same the other way round.
func TestNetworkThatGoesAgainAtOnce(t *testing.T) {
	movingTable(t, func(f *faked, m *moving) {
		f.set(f.pair()...)
		addNetwork(f.k, fakeLink, secondNetwork, secondNetwork6)
		f.plain(f.pair()...)
		m.before = func(k *kernelfake.Kernel) { addNetwork(k, fakeLink, network, network6) }
		m.after = func(k *kernelfake.Kernel) { dropNetwork(k, network, network6) }
		dropNetwork(f.k, network, network6)
		f.outOfReach(f.pair()...)
		if m.before != nil {
			f.Error("nobody asked about the next hops")
		}
	})
}

// TestNextHopsOfANewLink: what an old link's next hops were worth says nothing
// of the new one's.
func TestNextHopsOfANewLink(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		addNetwork(f.k, fakeLink, secondNetwork, secondNetwork6)
		dropNetwork(f.k, network, network6)
		f.outOfReach(f.pair()...)
		f.k.DeleteLink(fakeLink)
		f.k.AddLink(kernel.Link{Index: fakeLink + 1, Name: "eth0", MAC: fakeMAC, Up: true, Lower: true})
		addNetwork(f.k, fakeLink+1, network, network6)
		f.plain(f.pair()...)
	})
}

// TestNextHopsWithoutAnAnswer: what the kernel did not say is asked for again.
func TestNextHopsWithoutAnAnswer(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		addNetwork(f.k, fakeLink, secondNetwork, secondNetwork6)
		f.plain(f.pair()...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 2, Drop: true})
		dropNetwork(f.k, network, network6)
		f.rest()
		time.Sleep(2 * factsRetry)
		f.outOfReach(f.pair()...)
	})
}

// TestNextHopsAtAStart: the network of the next hops went while no agent ran.
func TestNextHopsAtAStart(t *testing.T) {
	held := func(k *kernelfake.Kernel) kernel.Kernel {
		var ops []kernel.Op
		for dst, hop := range map[string]string{"10.1.0.0/16": "10.200.0.2", "2001:db8:1::/48": "fd00:200::2"} {
			e := routes.FIBEntry{Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(hop), Link: fakeLink, Metric: 256}
			ops = append(ops, kernel.Op{Kind: kernel.Add, Entry: e})
		}
		if _, err := k.Apply(t.Context(), ops, nil); err != nil {
			t.Fatal(err)
		}
		addNetwork(k, fakeLink, secondNetwork, secondNetwork6)
		dropNetwork(k, network, network6)
		return k
	}
	fakeTableOver(t, Options{}, held, func(f *faked) {
		f.set(f.pair()...)
		f.outOfReach(f.pair()...)
	})
}
