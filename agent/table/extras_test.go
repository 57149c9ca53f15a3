package table

import (
	"net/netip"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

// TestExtraThatIsDesiredAgain: a route whose deletion is pending becomes
// desired again while everything is compared. It stays, or is put back, and is
// never deleted behind PROGRAMMED.
func TestExtraThatIsDesiredAgain(t *testing.T) {
	for name, fault := range map[string]kernelfake.Fault{
		"deletion refused":                 {On: kernelfake.OnApply, Kind: kernel.Delete, Times: 2, Errno: 16},
		"answer lost, carried out":         {On: kernelfake.OnApply, Kind: kernel.Delete, Times: 2, LoseAnswer: true},
		"answer lost, not carried out":     {On: kernelfake.OnApply, Kind: kernel.Delete, Times: 2, Drop: true},
		"deletion refused, dump of nobody": {On: kernelfake.OnApply, Kind: kernel.Delete, Times: 2, Errno: 16, Message: "hide"},
	} {
		t.Run(name, func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				low := f.pair()
				high := []Want{f.want("10.1.0.0/16", "10.200.0.2", 257), f.want("2001:db8:1::/48", "fd00:200::2", 257)}
				f.set(low...)
				f.k.Inject(fault)
				f.gen++
				f.Apply(Delta{Generation: f.gen, Upserts: high})
				f.rest()
				if fault.Message == "hide" {
					f.k.Inject(kernelfake.Fault{On: kernelfake.OnSurvey, HideIPv6: true})
				}
				f.k.Overrun()
				f.gen++
				f.Apply(Delta{Generation: f.gen, Upserts: low})
				f.rest()
				time.Sleep(10 * time.Second) // before the next comparison
				f.plain(low...)
			})
		})
	}
}

// TestBeliefsAboutOthersAge: a foreign route that went without an event neither
// shadows nor blocks for ever.
func TestBeliefsAboutOthersAge(t *testing.T) {
	for name, metric := range map[string]uint32{"shadow": 1, "conflict": 256} {
		t.Run(name, func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				f.k.ForeignAdd(kernel.Route{FIBEntry: routes.FIBEntry{
					Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("10.200.0.9"), Link: fakeLink, Metric: metric,
				}, Protocol: 4})
				f.set(f.pair()...)
				if len(f.excs) != 1 {
					f.Errorf("exceptions %v", f.excs)
				}
				f.k.Inject(kernelfake.Fault{On: kernelfake.OnEvent})
				f.k.ForeignDelete(func(r kernel.Route) bool { return r.Protocol == 4 })
				time.Sleep(2 * defaultResync)
				f.plain(f.pair()...)
			})
		})
	}
}

// TestFormerNumberThatResists: a route under a former number of ours that the
// kernel does not let go stays ours, and is reported, until it is gone, also where it
// is not desired any more.
func TestFormerNumberThatResists(t *testing.T) {
	for name, keep := range map[string]bool{"desired": true, "removed meanwhile": false} {
		t.Run(name, func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				const before = 150
				f.former = []uint8{before} // as of Options
				for _, w := range f.pair() {
					f.k.ForeignAdd(kernel.Route{FIBEntry: routes.FIBEntry{
						Destination: w.Route.Destination(), NextHop: w.Route.NextHop(), Link: fakeLink, Metric: uint32(w.Route.Metric()),
					}, Protocol: before})
				}
				f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Delete, Times: -1, Errno: 1})
				f.set(f.pair()...)
				if !f.last.Migrating || f.last.Generation != f.gen {
					f.Errorf("%+v", f.last)
				}
				wants := f.pair()
				if !keep {
					wants = nil
					f.set()
				}
				f.k.Overrun()
				time.Sleep(time.Second)
				f.k.Heal()
				time.Sleep(2 * time.Minute)
				f.plain(wants...)
				if f.last.Migrating {
					f.Error("still migrating")
				}
				_ = f.k.Survey(f.Context(), func(r kernel.Route) {
					if r.Protocol == before {
						f.Errorf("left: %+v", r)
					}
				})
			})
		})
	}
}
