package table

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

var standInText = regexp.MustCompile(`the (?:one with|route via (\S+)) metric (\d+) stays$`)

// standInTold is what an exception says to stay in the place of its route; no
// next hop where that is the same.
func standInTold(e Exception) (hop string, metric uint32, stays bool) {
	m := standInText.FindStringSubmatch(e.Detail)
	if m == nil {
		return "", 0, false
	}
	n, err := strconv.ParseUint(m[2], 10, 16)
	return m[1], uint32(n), err == nil
}

// TestRefusedMetricKeepsTheRoute: what the kernel refuses for whatever cause
// costs nothing that works.
func TestRefusedMetricKeepsTheRoute(t *testing.T) {
	fakeTable(t, func(f *faked) {
		low := f.pair()
		high := []Want{f.want("10.1.0.0/16", "10.200.0.2", 257), f.want("2001:db8:1::/48", "fd00:200::2", 257)}
		f.set(low...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 6, Errno: 22})
		f.set(high...)
		f.holds(low...)
		for _, w := range high {
			if _, metric, stays := standInTold(f.excs[w.Route.Key()]); !stays || metric != 256 {
				f.Errorf("%+v", f.excs[w.Route.Key()])
			}
		}
		time.Sleep(10 * time.Second)
		f.plain(high...)
	})
}

// TestStandInThatIsLost: that a route stays in the place of another is said
// only while the kernel has it, also where it went without an event.
func TestStandInThatIsLost(t *testing.T) {
	fakeTable(t, func(f *faked) {
		low := f.pair()
		high := []Want{f.want("10.1.0.0/16", "10.200.0.2", 257), f.want("2001:db8:1::/48", "fd00:200::2", 257)}
		f.set(low...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: -1, Errno: 22})
		f.set(high...)
		stay := func(n int) {
			f.Helper()
			f.rest()
			for _, w := range high {
				if e := f.excs[w.Route.Key()]; e.State != routes.Failed {
					f.Errorf("%+v", e)
				} else if _, _, stays := standInTold(e); stays {
					n--
				}
			}
			if n != 0 {
				f.Errorf("%d too few are said to stay: %v", n, f.excs)
			}
		}
		stay(2)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnSurvey, HideIPv6: true})
		f.k.Overrun()
		time.Sleep(time.Second)
		stay(2)
		f.holds(low...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnEvent, Times: 2})
		f.k.ForeignDelete(func(r kernel.Route) bool { return r.Protocol == 157 })
		f.k.Overrun()
		time.Sleep(time.Second)
		stay(0)
		f.k.Heal()
		time.Sleep(2 * time.Minute)
		f.plain(high...)
	})
}
