package table

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

// TestLinkDownIsOfALinkThatIsDown: no errno and no mark of the kernel's makes a
// link one that is down which was read as up.
func TestLinkDownIsOfALinkThatIsDown(t *testing.T) {
	up, small := NIC{Name: "eth1", Up: true, Lower: true}, NIC{Name: "eth1", Up: true, Lower: true, NoIPv6: true, MTU: 1279}
	off := small
	off.MTU = 1280
	for _, c := range []struct {
		name  string
		errno syscall.Errno
		v4    bool
		nic   NIC
		want  routes.Cause
		words string
	}{
		{"down", kernel.ENETDOWN, true, NIC{Name: "eth1"}, routes.LinkDown, "errno 100"},
		{"down, as it seems", kernel.ENETDOWN, true, up, routes.InProgress, "errno 100"},
		{"gone, as it seems", kernel.ENODEV, true, up, routes.InProgress, "errno 19"},
		{"gone, as it seems, IPv6", kernel.ENODEV, false, up, routes.InProgress, "errno 19"},
		{"no IPv6", kernel.ENODEV, false, small, routes.IPv6Disabled, "eth1 has no IPv6, as its MTU is 1279 and IPv6 needs 1280: errno 19"},
		{"IPv6 off", kernel.EACCES, false, off, routes.IPv6Disabled, "IPv6 is switched off on eth1: errno 13"},
		{"no IPv6, IPv4", kernel.ENODEV, true, small, routes.InProgress, "errno 19"},
	} {
		tab := &Table{}
		tab.ports = []port{{nic: c.nic}}
		e := tab.refusal(&slot{v4: c.v4}, &kernel.OpError{Errno: c.errno})
		if e.State != routes.Waiting || e.Cause != c.want || !strings.HasPrefix(e.Detail, c.words) {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
	for _, c := range []struct {
		nic   NIC
		want  routes.Cause
		words string
	}{
		{NIC{Name: "eth1"}, routes.LinkDown, "eth1 is down"},
		{NIC{Name: "eth1", Up: true}, routes.LinkDown, "eth1 has no carrier"},
		{up, routes.InProgress, "eth1 is up now"},
	} {
		if e := markedDown(&c.nic); e.State != routes.Waiting || e.Cause != c.want || !strings.HasSuffix(e.Detail, c.words) {
			t.Errorf("%+v: %+v", c.nic, e)
		}
	}
}

// TestWhatContradictsTheLinks is IN_PROGRESS and has the links read again at
// once; where nothing has changed, it is not tried again and again.
func TestWhatContradictsTheLinks(t *testing.T) {
	for _, errno := range []syscall.Errno{kernel.ENETDOWN, kernel.ENODEV} {
		for refusals, lasts := range map[int]bool{2: false, 4: true} {
			fakeTable(t, func(f *faked) {
				f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: refusals, Errno: errno, Message: "the kernel's words"})
				f.set(f.pair()...)
				time.Sleep(10 * time.Second)
				f.rest()
				for _, w := range f.pair() {
					s, c, d := f.status(w)
					if lasts && (s != routes.Waiting || c != routes.InProgress || !strings.Contains(d, "the kernel's words")) || !lasts && s != routes.Programmed {
						f.Errorf("errno %d, %d times: %v %v %q", errno, refusals, s, c, d)
					}
				}
				if n := f.k.Writes(); lasts && n != 4 {
					f.Errorf("errno %d, %d times: %d writes, want 4", errno, refusals, n)
				}
				time.Sleep(2 * defaultResync)
				f.plain(f.pair()...)
			})
		}
	}
}

// TestNextHopsThatContradictTheLinks: so it is where the kernel is asked about
// next hops of routes that are there.
func TestNextHopsThatContradictTheLinks(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 2, Errno: kernel.ENODEV})
		f.k.AddAddress(fakeLink, kernel.Address{Prefix: netip.MustParsePrefix("10.201.0.1/24")})
		time.Sleep(10 * time.Second)
		f.plain(f.pair()...)
	})
}
