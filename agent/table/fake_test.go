package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	fakeMAC  = "02:00:00:00:00:01"
	fakeLink = 7
)

// faked is a Table over the fake, in a bubble where time jumps.
type faked struct {
	*Table
	*testing.T
	k    *kernelfake.Kernel
	excs map[routes.Key]Exception
	last Report
	gen  uint64
}

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.all.String(), what)
}

func (l *lines) options() Options { return Options{Log: slog.New(slog.NewTextHandler(l, nil))} }

func fakeTable(t *testing.T, test func(f *faked)) {
	t.Helper()
	fakeTableWith(t, Options{}, test)
}

func fakeTableWith(t *testing.T, opts Options, test func(f *faked)) {
	t.Helper()
	fakeTableOver(t, opts, func(k *kernelfake.Kernel) kernel.Kernel { return k }, test)
}

// fakeTableOver has the table see what over makes of the fake.
func fakeTableOver(t *testing.T, opts Options, over func(*kernelfake.Kernel) kernel.Kernel, test func(f *faked)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := kernelfake.New(157)
		k.AddLink(kernel.Link{Index: fakeLink, Name: "eth0", MAC: fakeMAC, Up: true, Lower: true, Addresses: []kernel.Address{
			{Prefix: netip.MustParsePrefix("10.200.0.1/24")}, {Prefix: netip.MustParsePrefix("fd00:200::1/64")},
		}})
		f := &faked{Table: New(over(k), opts), T: t, k: k, excs: make(map[routes.Key]Exception)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Table.Run(ctx) }()
		test(f)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		synctest.Wait()
		k.AssertConsumed(t)
	})
}

// rest waits until nothing happens any more at this moment, and collects.
func (f *faked) rest() {
	f.Helper()
	synctest.Wait()
	f.mu.Lock()
	fresh := f.out.fresh
	f.mu.Unlock()
	if !fresh {
		return
	}
	r, err := f.Next(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.last = r
	for _, e := range r.Changed {
		f.excs[e.Key] = e
		if e.Plain() {
			delete(f.excs, e.Key)
		}
	}
}

func (f *faked) set(wants ...Want) {
	f.gen++
	f.SetDesired(Set{Generation: f.gen, Routes: slices.Values(wants)})
	f.rest()
}

func (f *faked) want(dst, hop string, metric uint32) Want {
	f.Helper()
	r, err := routes.New(routes.Fields{Interface: "Port3", Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(hop), Metric: metric})
	if err != nil {
		f.Fatal(err)
	}
	return Want{Route: r, MAC: fakeMAC}
}

func (f *faked) pair() []Want {
	return []Want{f.want("10.1.0.0/16", "10.200.0.2", 256), f.want("2001:db8:1::/48", "fd00:200::2", 256)}
}

// holds checks what the kernel has of ours.
func (f *faked) holds(wants ...Want) {
	f.Helper()
	have := make(map[string]bool)
	err := f.k.Survey(f.Context(), func(r kernel.Route) {
		if r.Protocol == 157 {
			have[fmt.Sprintf("%s via %s on Port3 metric %d", r.Destination, r.NextHop, r.Metric)] = true
		}
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, w := range wants {
		if !have[w.Route.String()] {
			f.Errorf("the kernel lacks %v", w.Route)
		}
	}
	if len(have) != len(wants) {
		f.Errorf("the kernel holds %v, want %d routes", have, len(wants))
	}
}

func (f *faked) status(w Want) (state routes.State, cause routes.Cause, detail string) {
	if e, ok := f.excs[w.Route.Key()]; ok {
		return e.State, e.Cause, e.Detail
	}
	return routes.Programmed, "", ""
}

// plain checks that all is carried out and nothing is exceptional.
func (f *faked) plain(wants ...Want) {
	f.Helper()
	f.rest()
	if f.last.Generation != f.gen || len(f.excs) > 0 || f.last.Programmed != len(wants) {
		f.Errorf("generation %d of %d, programmed %d, exceptions %v", f.last.Generation, f.gen, f.last.Programmed, f.excs)
	}
	f.holds(wants...)
}

func (f *faked) deleteByHand(dst string) {
	f.k.ForeignDelete(func(r kernel.Route) bool { return r.Destination.String() == dst && r.Protocol == 157 })
	f.rest()
}

func TestErrnosThatWait(t *testing.T) {
	for errno, cause := range map[syscall.Errno]routes.Cause{
		kernel.ENETUNREACH: routes.NextHopUnreachable, kernel.EHOSTUNREACH: routes.NextHopUnreachable,
	} {
		fakeTable(t, func(f *faked) {
			f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 2, Errno: errno, Message: "Nexthop has invalid gateway"})
			f.set(f.pair()...)
			for _, w := range f.pair() {
				if s, c, d := f.status(w); s != routes.Waiting || c != cause || !strings.Contains(d, "Nexthop has invalid gateway") {
					f.Errorf("errno %d: %v %v %q", errno, s, c, d)
				}
			}
			f.k.AddAddress(fakeLink, kernel.Address{Prefix: netip.MustParsePrefix("10.201.0.1/24")})
			f.plain(f.pair()...)
		})
	}
}

func TestErrnosThatAreRetried(t *testing.T) {
	for _, errno := range []syscall.Errno{1, 12, 22, kernel.ENOBUFS} {
		fakeTable(t, func(f *faked) {
			f.k.Inject(kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 6, Errno: errno, Message: "the kernel's words"})
			f.set(f.pair()...)
			for _, w := range f.pair() {
				if s, c, d := f.status(w); s != routes.Failed || c != routes.KernelRejected || !strings.Contains(d, fmt.Sprintf("errno %d", errno)) || !strings.Contains(d, "the kernel's words") {
					f.Errorf("errno %d: %v %v %q", errno, s, c, d)
				}
			}
			if f.last.Generation != f.gen {
				f.Error("a refused route kept the generation from being carried out")
			}
			time.Sleep(minRetry + minRetry/2)
			if f.k.Writes() != 4 {
				f.Errorf("%d writes after the first retry", f.k.Writes())
			}
			time.Sleep(8 * time.Second)
			f.plain(f.pair()...)
			if f.k.Writes() != 8 {
				f.Errorf("%d writes, want 8: the retries back off", f.k.Writes())
			}
		})
	}
}

func TestLostAnswersAreReadBack(t *testing.T) {
	for name, c := range map[string]struct {
		fault  kernelfake.Fault
		writes uint64
	}{
		"carried out":     {kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 2, LoseAnswer: true}, 2},
		"not carried out": {kernelfake.Fault{On: kernelfake.OnApply, Kind: kernel.Add, Times: 2, Drop: true}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				f.k.Inject(c.fault)
				f.set(f.pair()...)
				time.Sleep(2 * minRetry)
				f.plain(f.pair()...)
				if n := f.last.Counters.Writes; n != c.writes {
					f.Errorf("%d writes, want %d", n, c.writes)
				}
			})
		})
	}
}

func TestRefusedDeletionIsReportedUntilGone(t *testing.T) {
	for name, fault := range map[string]kernelfake.Fault{
		"refused":     {On: kernelfake.OnApply, Kind: kernel.Delete, Times: 2, Errno: 16},
		"answer lost": {On: kernelfake.OnApply, Kind: kernel.Delete, Times: 2, Drop: true},
	} {
		t.Run(name, func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				w := f.want("10.1.0.0/16", "10.200.0.2", 256)
				f.set(w)
				f.k.Inject(fault)
				f.set()
				if s, _, _ := f.status(w); s != routes.Removing || f.last.Generation != f.gen {
					f.Errorf("%v in generation %d of %d", s, f.last.Generation, f.gen)
				}
				time.Sleep(5 * time.Second)
				f.plain()
			})
		})
	}
}

func TestFailingReadsAreRepeated(t *testing.T) {
	broken := errors.New("broken")
	for _, on := range []kernelfake.Point{kernelfake.OnSurvey, kernelfake.OnLinks, kernelfake.OnWatch} {
		fakeTable(t, func(f *faked) {
			f.k.Inject(kernelfake.Fault{On: on, Times: 2, Err: broken})
			f.k.Overrun()
			f.set(f.pair()...)
			time.Sleep(2 * time.Second)
			f.plain(f.pair()...)
		})
	}
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnList, Err: broken})
		time.Sleep(2 * defaultResync)
		f.plain(f.pair()...)
	})
	fakeTable(t, func(f *faked) {
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnMatch, Err: broken})
		f.set(f.pair()...)
		f.plain(f.pair()...)
	})
}

// TestWinnerIsAskedForAgain: what the kernel could not be asked is not taken for
// good until the next comparison.
func TestWinnerIsAskedForAgain(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.k.AskBefore(100)
		f.k.ForeignAdd(kernel.Route{
			FIBEntry: routes.FIBEntry{Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("10.200.0.9"), Link: fakeLink, Metric: 5},
			Protocol: 4, Type: kernel.TypeUnicast, Table: 100,
		})
		f.set()
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnMatch, Times: 2, Err: errors.New("broken")})
		w := f.want("10.1.0.0/16", "10.200.0.2", 256)
		f.set(w)
		time.Sleep(2 * time.Second)
		f.rest()
		if e := f.excs[w.Route.Key()]; e.Condition != routes.Shadowed {
			f.Errorf("%+v", e)
		}
	})
}

func TestLostNotifications(t *testing.T) {
	for name, tell := range map[string]func(*kernelfake.Kernel){
		"overrun":            (*kernelfake.Kernel).Overrun,
		"subscription ended": (*kernelfake.Kernel).EndWatch,
		"no event":           func(*kernelfake.Kernel) { time.Sleep(2 * defaultResync) },
	} {
		t.Run(name, func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				f.set(f.pair()...)
				f.k.Inject(kernelfake.Fault{On: kernelfake.OnEvent, Times: 2})
				f.deleteByHand("10.1.0.0/16")
				f.deleteByHand("2001:db8:1::/48")
				f.holds()
				tell(f.k)
				time.Sleep(100 * time.Millisecond)
				f.plain(f.pair()...)
				f.deleteByHand("10.1.0.0/16") // the subscription is alive
				f.plain(f.pair()...)
				if f.last.Counters.Repairs != 3 {
					f.Errorf("counters %+v", f.last.Counters)
				}
			})
		})
	}
}

func TestIncompleteIPv6DumpRepairsNothing(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		writes := f.last.Counters.Writes
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnList, HideIPv6: true})
		time.Sleep(2 * defaultResync)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnSurvey, HideIPv6: true})
		f.k.Overrun()
		f.plain(f.pair()...)
		if c := f.last.Counters; c.Writes != writes || c.Repairs != 0 {
			f.Errorf("%d writes before, counters %+v", writes, c)
		}
	})
}

func TestFightSlowsDownAndRaisesAnAlarm(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		for range defaultFights {
			f.deleteByHand("10.1.0.0/16")
			f.plain(f.pair()...)
		}
		if len(f.last.Alarms) != 0 {
			f.Errorf("alarms too early: %+v", f.last.Alarms)
		}
		f.deleteByHand("10.1.0.0/16")
		w := f.pair()[0]
		if s, c, d := f.status(w); s != routes.Waiting || c != routes.ForeignConflict || !strings.Contains(d, "4711") {
			f.Errorf("%v %v %q", s, c, d)
		}
		if a := f.last.Alarms; len(a) != 1 || a[0].Losses != defaultFights+1 || a[0].Key != w.Route.Key() {
			f.Errorf("alarms: %+v", a)
		}
		f.holds(f.pair()[1])
		time.Sleep(minRetry + time.Millisecond)
		f.plain(f.pair()...)
		f.deleteByHand("10.1.0.0/16")
		time.Sleep(minRetry + time.Millisecond)
		f.holds(f.pair()[1]) // now after twice the time
		time.Sleep(minRetry)
		f.plain(f.pair()...)
		time.Sleep(3 * defaultResync)
		f.rest()
		if len(f.last.Alarms) != 0 {
			f.Errorf("alarms after peace: %+v", f.last.Alarms)
		}
	})
}

func TestNothingHappensWhenIdle(t *testing.T) {
	fakeTable(t, func(f *faked) {
		f.set(f.pair()...)
		writes, before := f.k.Writes(), f.last.Counters.Resyncs
		time.Sleep(time.Hour)
		f.k.ForeignAdd(kernel.Route{FIBEntry: routes.FIBEntry{Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("10.200.0.9"), Link: fakeLink, Metric: 1}, Protocol: 4})
		f.rest()
		if n := f.last.Counters.Resyncs - before; n < 36 || n > 45 || f.k.Writes() != writes {
			f.Errorf("%d resyncs, %d writes in an hour", n, f.k.Writes()-writes)
		}
	})
}

// TestLongComparisonsComeSeldom proves what comparisons may take at rest.
func TestLongComparisonsComeSeldom(t *testing.T) {
	for _, test := range []struct{ takes, period time.Duration }{
		{40 * time.Millisecond, defaultResync}, {100 * time.Millisecond, 200 * time.Second}, {time.Second, maxStretch * defaultResync},
	} {
		fakeTable(t, func(f *faked) {
			f.set(f.pair()...)
			f.k.Inject(kernelfake.Fault{On: kernelfake.OnList, Times: -1, Delay: test.takes})
			before := f.last.Counters.Resyncs
			time.Sleep(10 * time.Hour)
			f.k.ForeignAdd(kernel.Route{FIBEntry: routes.FIBEntry{Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("10.200.0.9"), Link: fakeLink, Metric: 1}, Protocol: 4})
			f.rest()
			want := float64(10*time.Hour) / float64(test.period)
			if n := float64(f.last.Counters.Resyncs - before); n < 0.95*want || n > 1.05*want {
				f.Errorf("%v comparisons of %v in 10 hours, want about %.0f", n, test.takes, want)
			}
			f.k.Heal()
			f.k.AssertConsumed(f)
		})
	}
}

// TestNothingHappensBeforeTheFirstSet would hang in a loop that does not block.
func TestNothingHappensBeforeTheFirstSet(t *testing.T) {
	fakeTable(t, func(f *faked) {
		synctest.Wait()
		time.Sleep(time.Hour)
		f.Apply(Delta{Generation: 1, Removals: []routes.Key{f.pair()[0].Route.Key()}})
		f.gen = 1
		f.plain()
	})
}
