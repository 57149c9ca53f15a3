package table

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

// pods has a link that no route uses come, and go.
func (f *faked) pods(n int) {
	if n%2 == 0 {
		f.k.AddLink(kernel.Link{Index: 100, Name: "pod", MAC: "02:00:00:00:01:00"})
	} else {
		f.k.DeleteLink(100)
	}
}

// shows reports whether the last report has a link with that name and number of
// connected networks.
func (f *faked) shows(name string, connected int) bool {
	f.rest()
	return slices.ContainsFunc(f.last.Links, func(l kernel.Link) bool { return l.Name == name && len(l.Connected) == connected })
}

// TestLinksOfOthersAreTold: the first report has the links, with a set and
// without; what changes on one that no route uses is reported soon after.
func TestLinksOfOthersAreTold(t *testing.T) {
	const soon = othersPause + time.Millisecond
	for _, routed := range []bool{false, true} {
		fakeTable(t, func(f *faked) {
			if !f.shows("eth0", 2) {
				f.Errorf("the first report has the links %+v", f.last.Links)
			}
			if routed {
				f.set(f.pair()...)
			}
			f.k.AddLink(kernel.Link{Index: 9, Name: "eth1", MAC: "02:00:00:00:00:44", Up: true, Lower: true})
			if time.Sleep(soon); !f.shows("eth1", 0) {
				f.Errorf("a new link is not reported: %+v", f.last.Links)
			}
			f.k.AddAddress(9, kernel.Address{Prefix: netip.MustParsePrefix("10.204.0.1/24")})
			if time.Sleep(soon); !f.shows("eth1", 1) {
				f.Errorf("an address is not reported: %+v", f.last.Links)
			}
			f.k.ForeignAdd(kernel.Route{
				FIBEntry: routes.FIBEntry{Destination: netip.MustParsePrefix("10.205.0.0/24"), NextHop: netip.IPv4Unspecified(), Link: 9},
				Protocol: 4, Type: kernel.TypeUnicast, Table: kernel.TableMain,
			})
			if time.Sleep(soon); !f.shows("eth1", 2) {
				f.Errorf("a network that another manager connects is not reported: %+v", f.last.Links)
			}
			f.k.DeleteLink(9)
			if time.Sleep(soon); f.shows("eth1", 2) {
				f.Error("a link that is gone is reported")
			}
		})
	}
}

// TestReadingLinksIsPaced: links that change all the time, as pods have them, are
// read again and again, and take no more than a share of the time.
func TestReadingLinksIsPaced(t *testing.T) {
	const takes, long = 250 * time.Millisecond, 20 * time.Second
	slowTable(t, takes, 0, func(f *faked, s *slow) {
		f.set(f.pair()...)
		time.Sleep(10 * time.Second)
		before := s.links.Load()
		churn(long, f.pods)
		least, most := int32(long/(othersPause+takes+maxPace)), int32(long/((1+paceFactor)*takes))
		if n := s.links.Load() - before; n < least || n > most+1 {
			t.Errorf("%d readings of %v in %v, want %d to %d", n, takes, long, least, most)
		}
	})
}

// TestLinksOfOthersThatCannotBeRead hold up no change: lists of links are cut
// short while many come and go.
func TestLinksOfOthersThatCannotBeRead(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnLinks, Times: -1, Err: errors.New("interrupted by changes in every attempt")})
		f.pods(0)
		time.Sleep(2 * othersPause)
		f.gen++
		late := f.want("10.9.0.0/16", "10.200.0.2", 256)
		f.Apply(Delta{Generation: f.gen, Upserts: []Want{late}})
		f.plain(append(f.pair(), late)...)
		f.k.Heal()
		f.k.AssertConsumed(f)
		if time.Sleep(factsRetry); !f.shows("pod", 0) {
			f.Error("a link is not reported after readings that failed")
		}
	})
}

// TestLinksThatCannotBeRead are tried again after a while only, for whatever they
// are to be read.
func TestLinksThatCannotBeRead(t *testing.T) {
	const long, takes = 20 * time.Second, time.Millisecond
	for name, event := range map[string]func(f *faked, n int){
		"ours": (*faked).readdress, "others'": (*faked).pods, "both": func(f *faked, n int) { f.pods(n); f.readdress(n) },
	} {
		slowTable(t, takes, 0, func(f *faked, s *slow) {
			f.set(f.pair()...)
			f.k.Inject(kernelfake.Fault{On: kernelfake.OnLinks, Times: -1, Err: errors.New("broken")})
			before := s.links.Load()
			event(f, 0)
			time.Sleep(long)
			if n := s.links.Load() - before; n < 2 || n > int32(long/factsRetry)+2 {
				f.Errorf("%s: %d readings in %v", name, n, long)
			}
			f.k.Heal()
			f.k.AssertConsumed(f)
			time.Sleep(factsRetry + takes)
			f.plain(f.pair()...)
		})
	}
}

// laborious is a kernel that takes its time to write, and notes when its links are read.
type laborious struct {
	*kernelfake.Kernel
	takes time.Duration
	read  time.Time
}

func (l *laborious) Apply(ctx context.Context, ops []kernel.Op, results []kernel.Result) ([]kernel.Result, error) {
	time.Sleep(l.takes)
	return l.Kernel.Apply(ctx, ops, results)
}

func (l *laborious) Links(ctx context.Context) ([]kernel.Link, error) {
	l.read = time.Now()
	return l.Kernel.Links(ctx)
}

// TestChangesGoBeforeLinksOfOthers, which are read all the same once changes have
// come for a while.
func TestChangesGoBeforeLinksOfOthers(t *testing.T) {
	const writes = 100 * time.Millisecond
	for changes, waits := range map[int]time.Duration{10: 5 * writes, 100: othersPause + maxPace} {
		l := &laborious{takes: writes}
		fakeTableOver(t, Options{}, func(k *kernelfake.Kernel) kernel.Kernel { l.Kernel = k; return l }, func(f *faked) {
			all := f.pair()
			f.set(all...)
			time.Sleep(10 * time.Second)
			begun := time.Now()
			f.pods(0)
			for n := range changes {
				w := f.want(fmt.Sprintf("20.%d.0.0/24", n), "10.200.0.2", 256)
				f.gen++
				f.Apply(Delta{Generation: f.gen, Upserts: []Want{w}})
				all = append(all, w)
				time.Sleep(writes / 2)
			}
			time.Sleep(10 * time.Second)
			f.plain(all...)
			if after := l.read.Sub(begun); after < waits || after > waits+2*writes {
				f.Errorf("%d changes: the links were read after %v, want %v", changes, after, waits)
			}
		})
	}
}

// TestLinksOfOthersTryNothingAgain: what the kernel does not take for now waits for
// a change of its own NIC, however many pods come and go.
func TestLinksOfOthersTryNothingAgain(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 2, Errno: kernel.ENETUNREACH})
		f.set(f.pair()...)
		before := f.k.Writes()
		churn(20*time.Second, f.pods)
		if n := f.k.Writes() - before; n > 0 {
			f.Errorf("%d writes for the links of others", n)
		}
		f.readdress(0)
		f.plain(f.pair()...)
	})
}

// TestAReportWithoutLinks comes where they cannot be read, so that nobody waits.
func TestAReportWithoutLinks(t *testing.T) {
	for _, on := range []kernelfake.Point{kernelfake.OnLinks, kernelfake.OnWatch} {
		broken := func(k *kernelfake.Kernel) kernel.Kernel {
			k.Inject(kernelfake.Fault{On: on, Times: 3, Err: errors.New("broken")})
			return k
		}
		fakeTableOver(t, Options{}, broken, func(f *faked) {
			if f.rest(); f.last.Links == nil || len(f.last.Links) > 0 {
				f.Errorf("%s: %+v", on, f.last.Links)
			}
			if time.Sleep(10 * time.Second); !f.shows("eth0", 2) {
				f.Errorf("%s: never reported: %+v", on, f.last.Links)
			}
		})
	}
}
