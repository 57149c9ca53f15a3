package table

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

// slow is a kernel whose links and look-ups take their time, as where table main
// has 100,000 routes of others, or as many of ours are to be asked for.
type slow struct {
	*kernelfake.Kernel
	read, ask      time.Duration // what Links and Match take
	links, matches atomic.Int32
}

func (s *slow) Links(ctx context.Context) ([]kernel.Link, error) {
	s.links.Add(1)
	time.Sleep(s.read)
	return s.Kernel.Links(ctx)
}

func (s *slow) Match(ctx context.Context, addrs []netip.Addr) ([][]kernel.Route, error) {
	s.matches.Add(1)
	time.Sleep(s.ask)
	return s.Kernel.Match(ctx, addrs)
}

func slowTable(t *testing.T, read, ask time.Duration, test func(f *faked, s *slow)) {
	t.Helper()
	s := &slow{read: read, ask: ask}
	fakeTableOver(t, Options{}, func(k *kernelfake.Kernel) kernel.Kernel { s.Kernel = k; return s }, func(f *faked) { test(f, s) })
}

// absent is a route of a port whose NIC the node does not have yet.
func (f *faked) absent(mac string) Want {
	r, err := routes.New(routes.Fields{Interface: "Port4", Destination: netip.MustParsePrefix("10.4.0.0/16"), NextHop: netip.MustParseAddr("10.204.0.2"), Metric: 256})
	if err != nil {
		f.Fatal(err)
	}
	return Want{Route: r, MAC: mac}
}

// readdress gives the NIC an address, or takes it away.
func (f *faked) readdress(n int) {
	if p := netip.MustParsePrefix("10.206.0.1/24"); n%2 == 0 {
		f.k.AddAddress(fakeLink, kernel.Address{Prefix: p})
	} else {
		f.k.DeleteAddress(fakeLink, p)
	}
}

// churn has links that are none of ours, or a change of ours, come again and
// again, as pods do, for a while.
func churn(d time.Duration, event func(n int)) {
	for n := range int(d / (10 * time.Millisecond)) {
		event(n)
		time.Sleep(10 * time.Millisecond)
	}
}

// TestLinksOfOthersCostLittle: while links come and go, a port without a link
// here does not have all links read again and again; changes are carried out
// meanwhile; the port's link is found at once by its MAC, and within a second by
// its permanent one.
func TestLinksOfOthersCostLittle(t *testing.T) {
	const takes, mac = 100 * time.Millisecond, "02:00:00:00:00:44"
	for name, link := range map[string]kernel.Link{"MAC": {MAC: mac}, "permanent MAC": {MAC: "02:00:00:00:00:55", Perm: mac}} {
		t.Run(name, func(t *testing.T) {
			slowTable(t, takes, 0, func(f *faked, s *slow) {
				f.set(append(f.pair(), f.absent(mac))...)
				time.Sleep(10 * time.Second)
				before := s.links.Load()
				const long = 20 * time.Second
				churn(long, f.pods)
				if n := s.links.Load() - before; n > int32(long/(takes*(1+paceFactor)))+5 {
					t.Errorf("%d readings of %v in %v", n, takes, long)
				}
				f.gen++
				f.Apply(Delta{Generation: f.gen, Upserts: []Want{f.want("10.9.0.0/16", "10.200.0.2", 256)}})
				churn(3*takes, f.pods)
				if f.rest(); f.last.Generation != f.gen {
					t.Error("a change waits for the links of others")
				}
				link.Index, link.Name, link.Up, link.Lower = 9, "eth1", true, true
				link.Addresses = []kernel.Address{{Prefix: netip.MustParsePrefix("10.204.0.1/24")}}
				f.k.AddLink(link)
				churn(maxPace+2*takes, f.pods)
				if f.rest(); len(f.excs) > 0 {
					t.Errorf("its link is not found: %v", f.excs)
				}
			})
		})
	}
}

// TestOwnLinkThatChangesAllTheTime: the first changes of a NIC are looked at at
// once, and endless ones take no more than their share.
func TestOwnLinkThatChangesAllTheTime(t *testing.T) {
	const takes = 100 * time.Millisecond
	slowTable(t, takes, 0, func(f *faked, s *slow) {
		f.set(f.pair()...)
		time.Sleep(10 * time.Second)
		before := s.links.Load()
		for range 2 { // down and up
			n := s.links.Load()
			f.k.AddAddress(fakeLink, kernel.Address{Prefix: netip.MustParsePrefix(fmt.Sprintf("10.205.%d.1/24", n))})
			time.Sleep(takes + time.Millisecond)
			if s.links.Load() == n {
				t.Error("a change of the NIC waits")
			}
		}
		const long = 20 * time.Second
		churn(long, f.readdress)
		if n := s.links.Load() - before; n > int32(long/(takes*(1+paceFactor)))+5 {
			t.Errorf("%d readings of %v in %v", n, takes, long)
		}
		time.Sleep(2 * time.Second)
		f.plain(f.pair()...)
	})
}

// TestForcedReadingsArePaidForSoon: readings that requests ask for in a row do not
// have a change of a NIC wait longer than one of them.
func TestForcedReadingsArePaidForSoon(t *testing.T) {
	const takes = 250 * time.Millisecond
	slowTable(t, takes, 0, func(f *faked, s *slow) {
		f.set(f.pair()...)
		for n := range 20 {
			f.gen++
			f.Apply(Delta{Generation: f.gen, Upserts: []Want{f.absent(fmt.Sprintf("02:00:00:00:02:%02x", n))}})
			time.Sleep(takes + time.Millisecond)
		}
		before := s.links.Load()
		f.readdress(0)
		time.Sleep(maxPace + takes)
		if s.links.Load() == before {
			t.Error("a change of the NIC waits for all the readings before")
		}
	})
}

// TestRuledRoutesCostLittle: a rule that concerns everything does not have all
// routes asked for all the time while other tables change; what changed is known
// soon after.
func TestRuledRoutesCostLittle(t *testing.T) {
	const takes = time.Second
	slowTable(t, 0, takes, func(f *faked, s *slow) {
		f.k.AskBefore(100)
		f.set(f.pair()...)
		time.Sleep(10 * time.Second)
		f.rest()
		before := s.matches.Load()
		const long = 60 * time.Second
		churn(long, f.readdress)
		if n := s.matches.Load() - before; n > int32(long/(takes*(1+paceFactor)))+5 {
			t.Errorf("%d look-ups of %v in %v", n, takes, long)
		}
		w := f.pair()[0]
		f.k.ForeignAdd(kernel.Route{
			FIBEntry: routes.FIBEntry{Destination: w.Route.Destination(), NextHop: netip.MustParseAddr("10.200.0.9"), Link: fakeLink, Metric: 5},
			Protocol: 4, Type: kernel.TypeUnicast, Table: 100,
		})
		f.k.AddAddress(fakeLink, kernel.Address{Prefix: netip.MustParsePrefix("10.207.0.1/24")})
		time.Sleep((2 + paceFactor) * takes)
		if f.rest(); f.excs[w.Route.Key()].Condition != routes.Shadowed {
			t.Errorf("%+v", f.excs)
		}
	})
}
