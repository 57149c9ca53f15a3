package table

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/routes"
)

// TestConnectedNetworkComesAndGoes: a change of the NIC concerns a route that
// is in the kernel where its destination is in what came or went.
func TestConnectedNetworkComesAndGoes(t *testing.T) {
	fakeTable(t, func(f *faked) {
		pair := f.pair()
		f.set(pair...)
		f.plain(pair...)
		around := netip.MustParsePrefix("10.9.9.9/8")
		f.k.AddAddress(fakeLink, kernel.Address{Prefix: around})
		f.rest()
		if s, c, _ := f.status(pair[0]); s != routes.Failed || c != routes.OnLinkOverride {
			f.Errorf("inside the new network: %v %v", s, c)
		}
		f.holds(pair[1])
		f.k.DeleteAddress(fakeLink, around)
		f.plain(pair...)
	})
}

// TestMACMovesToAnotherLink: routes follow the NIC.
func TestMACMovesToAnotherLink(t *testing.T) {
	fakeTable(t, func(f *faked) {
		w := f.pair()[0]
		f.set(w)
		f.plain(w)
		f.k.AddLink(kernel.Link{Index: fakeLink, Name: "eth0", MAC: "02:00:00:00:00:99", Up: true, Lower: true})
		f.k.AddLink(kernel.Link{Index: fakeLink + 1, Name: "eth1", MAC: fakeMAC, Up: true, Lower: true, Addresses: []kernel.Address{{Prefix: netip.MustParsePrefix("10.200.0.1/24")}}})
		f.plain(w)
		_ = f.k.Survey(f.Context(), func(r kernel.Route) {
			if r.Protocol == 157 && r.Link != fakeLink+1 {
				f.Errorf("%v is on link %d", r.Destination, r.Link)
			}
		})
	})
}

// TestRefusedIsTriedWithNewFacts: what the kernel refused waits for its retry,
// unless the NIC changes.
func TestRefusedIsTriedWithNewFacts(t *testing.T) {
	fakeTable(t, func(f *faked) {
		w := f.pair()[0]
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: rtnl.Add, Errno: 22})
		f.set(w)
		if s, c, _ := f.status(w); s != routes.Failed || c != routes.KernelRejected {
			f.Errorf("refused: %v %v", s, c)
		}
		f.k.AddAddress(fakeLink, kernel.Address{Prefix: netip.MustParsePrefix("10.201.0.1/24")})
		f.plain(w)
	})
}

// TestReturnIsWrittenBeforeItIsCompared: routes that are known to be missing
// do not wait for a comparison, however long it takes.
func TestReturnIsWrittenBeforeItIsCompared(t *testing.T) {
	fakeTable(t, func(f *faked) {
		w := f.pair()[0]
		f.set(w)
		f.plain(w)
		f.k.SetUp(fakeLink, false)
		f.rest()
		if s, c, _ := f.status(w); s != routes.Waiting || c != routes.LinkDown {
			f.Errorf("down: %v %v", s, c)
		}
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnList, Delay: 10 * time.Second})
		f.k.SetUp(fakeLink, true)
		f.rest()
		f.holds(w)
		time.Sleep(11 * time.Second)
		f.plain(w)
	})
}
