package table

import (
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
)

// counts are the numbers of routes in the lines that begin with a message.
func (l *lines) counts(message string) (all []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range regexp.MustCompile(`msg="`+message+`" routes=(\d+) `).FindAllStringSubmatch(l.all.String(), -1) {
		n, _ := strconv.Atoi(m[1]) // digits
		all = append(all, n)
	}
	return all
}

func (f *faked) many(n int) (all []Want) {
	for i := range n {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{20 + byte(i>>16), byte(i >> 8), byte(i), 0}), 24)
		all = append(all, f.want(p.String(), "10.200.0.2", 256))
	}
	return all
}

func (f *faked) flush() {
	f.k.ForeignDelete(func(r kernel.Route) bool { return r.Protocol == 157 })
}

const flushed, fought = "routes were taken away", "another manager fights for routes"

// TestAFlushIsOneLine: ten flushes are ten lines of the log, and the eleventh,
// with which it is a fight, is one as well.
func TestAFlushIsOneLine(t *testing.T) {
	const many = 500
	var log lines
	opts := log.options()
	opts.FightWindow = time.Hour
	fakeTableWith(t, opts, func(f *faked) {
		wants := f.many(many)
		f.set(wants...)
		for n := range defaultFights {
			f.flush()
			time.Sleep(2 * lossesQuiet)
			f.rest()
			if got := log.counts(flushed); len(got) != n+1 || got[n] != many || f.last.Programmed != many {
				t.Fatalf("flush %d: lines for %v routes, %d programmed", n+1, got, f.last.Programmed)
			}
		}
		f.flush()
		time.Sleep(2 * lossesQuiet)
		f.rest()
		if got := log.counts(fought); len(got) != 1 || got[0] != many || len(f.last.Alarms) != many {
			t.Errorf("the fight: lines for %v routes, %d alarms", got, len(f.last.Alarms))
		}
	})
	if all := log.count("level="); all > defaultFights+2 { // that of the NIC
		t.Errorf("%d lines in all", all)
	}
	for _, want := range []string{`by="the process with netlink port 4711" first="20.0.0.0/24 `, `detail="taken away 11 times since `} {
		if log.count(want) == 0 {
			t.Errorf("no %s", want)
		}
	}
}

// TestALossThatNobodyNoticed: what a flush took whose notifications were lost is
// found missing, and is said.
func TestALossThatNobodyNoticed(t *testing.T) {
	var log lines
	fakeTableWith(t, log.options(), func(f *faked) {
		f.set(f.many(100)...)
		f.k.Inject(kernelfake.Fault{On: kernelfake.OnEvent, Times: 60})
		f.flush()
		f.k.Overrun()
		time.Sleep(2 * lossesQuiet)
		f.rest()
		if got := log.counts(flushed); len(got) != 1 || got[0] != 100 || f.last.Programmed != 100 {
			t.Errorf("lines for %v routes, %d programmed", got, f.last.Programmed)
		}
	})
}

// TestLossesThatDoNotEnd are said meanwhile, but not each of them; those at the
// end of the agent, too.
func TestLossesThatDoNotEnd(t *testing.T) {
	var log lines
	opts := log.options()
	opts.FightRepairs = 1000
	fakeTableWith(t, opts, func(f *faked) {
		f.set(f.pair()...)
		for range 100 {
			f.deleteByHand("10.1.0.0/16")
			time.Sleep(lossesQuiet / 4)
		}
		if got := log.counts(flushed); len(got) != 2 {
			t.Errorf("lines in 25 s for %v routes", got)
		}
	})
	sum := 0
	for _, n := range log.counts(flushed) {
		sum += n
	}
	if sum != 100 {
		t.Errorf("lines for %d routes in all, want 100", sum)
	}
}
