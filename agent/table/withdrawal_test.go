package table

import (
	"context"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

// slowDeletion is a kernel that takes its time to delete, so that the test can
// read what is reported meanwhile.
type slowDeletion struct {
	*kernelfake.Kernel
	meanwhile func()
}

func (s *slowDeletion) Apply(ctx context.Context, ops []kernel.Op, results []kernel.Result) ([]kernel.Result, error) {
	if len(ops) > 0 && ops[0].Kind == kernel.Delete {
		time.Sleep(time.Second)
		s.meanwhile()
	}
	return s.Kernel.Apply(ctx, ops, results)
}

// wearAnotherMAC gives the NIC's link a MAC that no port has; its routes stay.
func wearAnotherMAC(k *kernelfake.Kernel) {
	k.AddLink(kernel.Link{Index: fakeLink, Name: "eth0", MAC: "02:00:00:00:00:99", Up: true, Lower: true})
}

// TestNothingIsSaidToHaveLeftThatIsThere: a route's status says that it left the
// kernel once it has, not before.
func TestNothingIsSaidToHaveLeftThatIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(k *kernelfake.Kernel)
		state   routes.State
		cause   routes.Cause
	}{
		"the link goes to another MAC": {wearAnotherMAC, routes.Waiting, routes.NoNodeNIC},
		"a network around it becomes connected": {func(k *kernelfake.Kernel) {
			addNetwork(k, fakeLink, "10.0.0.1/8", "2001:db8::1/32")
		}, routes.Failed, routes.OnLinkOverride},
		"the MAC goes to a link that is down": {func(k *kernelfake.Kernel) {
			wearAnotherMAC(k)
			k.AddLink(kernel.Link{Index: fakeLink + 1, Name: "eth1", MAC: fakeMAC})
			addNetwork(k, fakeLink+1, "10.209.0.1/24")
		}, routes.Waiting, routes.LinkDown},
	} {
		t.Run(name, func(t *testing.T) {
			slow := &slowDeletion{}
			fakeTableOver(t, Options{}, func(k *kernelfake.Kernel) kernel.Kernel { slow.Kernel = k; return slow }, func(f *faked) {
				wants := []Want{f.want("10.1.0.0/16", "10.200.0.2", 100), f.want("2001:db8:1::/48", "fd00:200::2", 100)}
				f.set(wants...)
				looks := 0
				slow.meanwhile = func() {
					looks++
					f.mu.Lock()
					defer f.mu.Unlock()
					for _, e := range f.out.changed {
						f.Errorf("%v: %v %v %q was reported before it was so", e.Key, e.State, e.Cause, e.Detail)
					}
					if n := len(f.out.report.Withdrawn); n > 0 {
						f.Errorf("%d ports are said to have lost routes", n)
					}
				}
				c.happens(f.k)
				time.Sleep(5 * time.Second)
				f.rest()
				f.holds()
				for _, w := range wants {
					if s, cause, d := f.status(w); s != c.state || cause != c.cause {
						f.Errorf("%v is %v %v %q, want %v %v", w.Route, s, cause, d, c.state, c.cause)
					}
				}
				if looks == 0 || len(f.last.Withdrawn) != 1 || f.last.Withdrawn[0].Routes != len(wants) {
					f.Errorf("%d looks, withdrawn %v", looks, f.last.Withdrawn)
				}
			})
		})
	}
}

// TestWithdrawalThatIsRefused: a route that the kernel does not let go is REMOVING.
func TestWithdrawalThatIsRefused(t *testing.T) {
	fakeTable(t, func(f *faked) {
		w := f.pair()[0]
		f.set(w)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Delete, Times: 1, Errno: syscall.EPERM})
		wearAnotherMAC(f.k)
		f.rest()
		if s, c, d := f.status(w); s != routes.Removing || c != routes.KernelRejected {
			f.Errorf("the route is %v %v %q, and the kernel did not let it go", s, c, d)
		}
		f.holds(w)
		time.Sleep(minRetry + time.Second)
		f.rest()
		if s, c, d := f.status(w); s != routes.Waiting || c != routes.NoNodeNIC {
			f.Errorf("the route is gone, and is %v %v %q", s, c, d)
		}
		f.holds()
	})
}

// TestWithdrawalThatWaits: what happens until the kernel lets a route go does
// not make its withdrawal one that nobody hears of.
func TestWithdrawalThatWaits(t *testing.T) {
	fakeTable(t, func(f *faked) {
		w := f.pair()[0]
		f.set(w)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Delete, Times: 1, Errno: syscall.EPERM})
		addNetwork(f.k, fakeLink, "10.0.0.1/8")
		f.rest()
		f.k.ForeignAdd(kernel.Route{FIBEntry: routes.FIBEntry{
			Destination: w.Route.Destination(), NextHop: netip.MustParseAddr("10.200.0.9"), Link: fakeLink, Metric: 1,
		}, Protocol: 4})
		f.rest()
		time.Sleep(minRetry + time.Second)
		f.rest()
		f.holds()
		if s, c, d := f.status(w); s != routes.Failed || c != routes.OnLinkOverride || len(f.last.Withdrawn) != 1 {
			f.Errorf("%v %v %q, withdrawn %v", s, c, d, f.last.Withdrawn)
		}
	})
}

// TestRemovalThatOthersEnd: a refused removal ends when somebody else deletes the
// route.
func TestRemovalThatOthersEnd(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Delete, Times: 2, Errno: syscall.EPERM})
		wearAnotherMAC(f.k)
		f.k.AddLink(kernel.Link{Index: fakeLink + 1, Name: "eth1", MAC: fakeMAC, Up: true, Lower: true})
		addNetwork(f.k, fakeLink+1, network, network6)
		f.rest()
		for _, w := range f.pair() {
			if s, c, d := f.status(w); s != routes.Removing || c != routes.KernelRejected {
				f.Errorf("%v is %v %v %q, and the old link still has it", w.Route, s, c, d)
			}
		}
		f.k.ForeignDelete(func(r kernel.Route) bool { return r.Link == fakeLink && r.Protocol == 157 })
		f.plain(f.pair()...)
	})
}
