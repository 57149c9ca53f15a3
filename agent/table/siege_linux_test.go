package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/nstest"
	"github.com/hcsroute/hcsroute/routes"
)

// siegeDeadline is how long the table may take to come to rest, on a busy
// machine and with retries under way.
const siegeDeadline = 100 * time.Second

// TestSiege lets another manager meddle with the routes of a table over the
// real kernel, as routing daemons, network managers and operators do, while the
// agent is stopped in the middle of its work and loses notifications. Whenever
// all is at rest, what is said of each route is what an independent reader finds.
func TestSiege(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { siege(t, seed, 14) })
	}
}

func siege(t *testing.T, seed uint64, steps int) {
	s := besiege(t, seed)
	s.replace()
	for range steps {
		s.step()
		if s.random.IntN(3) == 0 {
			s.rest()
		}
	}
	s.calm()
	s.rest()
}

// besieged is a table over a real kernel that others write to as well.
type besieged struct {
	*testing.T
	*rig
	gate    *gate
	random  *rand.Rand
	desired map[routes.FIBKey]Want
	foreign map[id]bool // hops of others that are there, by what they were asked to be
	veths   [2]nstest.Veth
	links   [2]int
	down    bool // the NIC
	dark    bool // no carrier
	bare    bool // addresses taken away
	twin    twin // a second link with the NIC's MAC
	unclear bool // the agent was started beside the twin, and nothing showed it which is the NIC
	pause   bool
	history []string
}

func besiege(t *testing.T, seed uint64) *besieged {
	nstest.Require(t)
	s := &besieged{
		T: t, random: rand.New(rand.NewPCG(seed, 9)), desired: map[routes.FIBKey]Want{}, foreign: map[id]bool{},
		veths: [2]nstest.Veth{testVeth(), {Name: "w0", Peer: "w1", MAC: "02:00:00:00:00:09", Addresses: []string{"10.201.0.1/24", "fd00:201::1/64"}}},
	}
	// Without it, each link's own IPv6 address comes to the agent's help a second later.
	sysctl(t, "ipv6/conf/default/accept_dad", "0")
	for i, v := range s.veths {
		s.links[i] = v.Add(t)
	}
	k, err := kernel.Open(testProtocol)
	ok(t, err)
	s.gate = &gate{Linux: k}
	s.rig = &rig{k: k}
	s.start()
	t.Cleanup(func() {
		s.open()
		s.stop()
		k.Close()
		s.clear()
	})
	return s
}

// start starts the agent, which knows only what its host sends.
func (s *besieged) start() {
	s.Table = New(s.gate, Options{ResyncInterval: time.Hour, FightRepairs: 1 << 20})
	s.excs, s.last = map[routes.Key]Exception{}, Report{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Table.Run(ctx) }()
	s.stop = func() {
		cancel()
		<-done
	}
}

// clear takes away what outlives the test's own links.
func (s *besieged) clear() {
	if t0, err := netlink.LinkByName("t0"); err == nil {
		_ = netlink.LinkDel(t0)
	}
	for _, h := range readMain(s) {
		_ = netlink.RouteDel(&netlink.Route{Dst: theirs(h).Dst, Priority: h.metric, Table: unix.RT_TABLE_MAIN, Type: h.kind})
	}
	for _, rule := range s.rules() {
		_ = netlink.RuleDel(&rule)
	}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		rest, _ := netlink.RouteListFiltered(family, &netlink.Route{Table: otherTable}, netlink.RT_FILTER_TABLE)
		for _, r := range rest {
			_ = netlink.RouteDel(&r)
		}
	}
	if nexthops, err := netlink.NexthopList(); err == nil {
		for _, n := range nexthops {
			_ = netlink.NexthopDel(&n)
		}
	}
}

func (s *besieged) note(format string, args ...any) {
	s.history = append(s.history, fmt.Sprintf(format, args...))
}

// close and open are SIGSTOP and SIGCONT.
func (s *besieged) close() {
	if !s.pause {
		s.gate.mu.Lock()
		s.pause = true
		s.note("STOP")
	}
}

func (s *besieged) open() {
	if s.pause {
		s.pause = false
		s.gate.mu.Unlock()
		s.note("CONT")
	}
}

// atomically runs f while the agent cannot act, so that what f finds and does
// is one moment for it.
func (s *besieged) atomically(f func()) {
	if s.pause {
		f()
		return
	}
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	f()
}

// gather takes the reports that are there.
func (s *besieged) gather(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	for {
		r, err := s.Next(ctx)
		if err != nil {
			return
		}
		s.last = r
		for _, e := range r.Changed {
			s.excs[e.Key] = e
			if e.Plain() {
				delete(s.excs, e.Key)
			}
		}
	}
}

// rest waits until what is said is true, and stays so.
func (s *besieged) rest() {
	s.Helper()
	s.open()
	s.setDeaf(false)
	deadline := time.Now().Add(siegeDeadline)
	var wrong []string
	for held := 0; held < 3; {
		s.gather(15 * time.Millisecond)
		if wrong = s.wrong(); len(wrong) == 0 {
			held++
			continue
		}
		held = 0
		if time.Now().After(deadline) {
			s.Fatalf("at rest:\n  %s\nmain:\n  %s\nexceptions %v\nafter:\n  %s", strings.Join(wrong, "\n  "), join(readMain(s)), s.excs, strings.Join(s.history, "\n  "))
		}
	}
	s.note("rest")
}

func join(all []hop) string {
	lines := make([]string, len(all))
	for i, h := range all {
		lines[i] = h.String()
	}
	return strings.Join(lines, "\n  ")
}

// wrong compares what the table says with what is.
func (s *besieged) wrong() (list []string) {
	if s.last.Generation != s.gen {
		return []string{fmt.Sprintf("generation %d of %d", s.last.Generation, s.gen)}
	}
	s.atomically(func() {
		all := readMain(s)
		list = append(s.wrongOthers(all), s.extras(all)...)
		for _, w := range s.desired {
			if text := s.judge(w.Route, all); text != "" {
				list = append(list, w.Route.String()+": "+text)
			}
		}
	})
	return list
}

// wrongOthers finds foreign hops that went without those who made them.
func (s *besieged) wrongOthers(all []hop) (list []string) {
	there := map[id]bool{}
	for _, h := range all {
		there[h.id()] = true
	}
	for f := range s.foreign {
		if !there[f] {
			list = append(list, fmt.Sprintf("the foreign route %v is gone", f))
		}
	}
	return list
}

// extras finds what carries our protocol and is not desired. An IPv6 hop of
// another's in one group with ours is shown with either protocol.
func (s *besieged) extras(all []hop) (list []string) {
	for _, h := range all {
		if h.protocol != testProtocol || s.foreign[h.id()] {
			continue
		}
		if s.standsIn(h) {
			continue
		}
		w, desired := s.desired[routes.FIBKey{Destination: h.dst, Metric: uint32(h.metric)}]
		if !desired || w.Route.NextHop() != h.via || h.kind != unix.RTN_UNICAST || h.extra != "" {
			list = append(list, "not desired, and ours: "+h.String())
		}
	}
	return list
}

// standsIn reports whether a hop of ours is what a desired route was before a
// change that cannot be programmed, and that route's status says so.
func (s *besieged) standsIn(h hop) bool {
	if h.kind != unix.RTN_UNICAST || h.extra != "" {
		return false
	}
	for key, e := range s.excs {
		if key.Destination == h.dst && e.State != routes.Programmed && e.State != routes.Removing {
			via, metric, stays := standInTold(e)
			if stays && int(metric) == h.metric && (via == h.via.String() || via == "" && key.NextHop == h.via) {
				return true
			}
		}
	}
	return false
}

// judge says what is wrong with a route's status, if anything is.
func (s *besieged) judge(r routes.Route, all []hop) string {
	e, exception := s.excs[r.Key()]
	var ours *hop
	blocked, joined := false, false
	for _, h := range all {
		if h.dst != r.Destination() || h.metric != int(r.Metric()) {
			continue
		}
		switch {
		case s.foreign[h.id()]:
			blocked = true
			joined = joined || h.legs > 1
		case h.via == r.NextHop() && h.link == s.links[0] && h.kind == unix.RTN_UNICAST && h.extra == "":
			ours = &h
		}
	}
	if exception && e.State != routes.Programmed {
		if ours != nil && ours.flags&(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) == 0 && !s.bare {
			return fmt.Sprintf("%s %s (%s), and the kernel has it", e.State, e.Cause, e.Detail)
		}
		if !blocked && !s.down && !s.dark && !s.bare && (!s.unclear || e.Cause != routes.NICAmbiguous) {
			return fmt.Sprintf("%s %s (%s), and nothing is in its way", e.State, e.Cause, e.Detail)
		}
		return ""
	}
	if ours == nil {
		return fmt.Sprintf("PROGRAMMED %s, and not in the kernel", e.Condition)
	}
	if ours.flags&(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) != 0 && !exception {
		return "plain PROGRAMMED, and the kernel says dead or linkdown"
	}
	return s.judgeWinner(r, e, joined)
}

// judgeWinner holds the condition to what the kernel answers for an address.
func (s *besieged) judgeWinner(r routes.Route, e Exception, joined bool) string {
	h, table, found := answer(s, r.Destination().Addr().Next())
	wins := found && table == unix.RT_TABLE_MAIN && h.dst == r.Destination() && h.metric == int(r.Metric()) && !s.foreign[h.id()]
	switch {
	case joined && r.Destination().Addr().Is6() && e.Condition == "":
		return "plain PROGRAMMED, and shares its traffic"
	case e.Condition == "" && !wins && !joined:
		return fmt.Sprintf("plain PROGRAMMED, and the kernel takes table %d %s", table, h)
	case (e.Condition == routes.Shadowed || e.Condition == routes.Standby) && wins && !joined:
		return fmt.Sprintf("%s (%s), and the kernel takes it", e.Condition, e.Detail)
	}
	return ""
}

// calm puts the links, rules and tables right again.
func (s *besieged) calm() {
	s.open()
	s.setDeaf(false)
	s.lift()
	for _, rule := range s.rules() {
		ok(s, netlink.RuleDel(&rule))
	}
}

func (s *besieged) setDeaf(deaf bool) {
	s.gate.deaf.Store(deaf)
	if !deaf {
		// Whatever happens next brings the overrun; a link's event is enough.
		ok(s, netlink.LinkSetAlias(link(s, "w1"), fmt.Sprint(s.random.Uint32())))
	}
}

func (s *besieged) rules() (ours []netlink.Rule) {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		list, err := netlink.RuleList(family)
		ok(s, err)
		for _, r := range list {
			if r.Table == otherTable {
				r.Family = family
				ours = append(ours, r)
			}
		}
	}
	return ours
}

// replace gives the table a whole set.
func (s *besieged) replace() {
	clear(s.desired)
	for range s.random.IntN(6) {
		s.put(s.draw())
	}
	s.gen++
	s.note("set %v", slices.Collect(maps.Keys(s.desired)))
	s.SetDesired(Set{Generation: s.gen, Routes: slices.Values(slices.Collect(maps.Values(s.desired)))})
}

// put adds a route to the model as the service would, and returns the keys of
// those that left.
func (s *besieged) put(w Want) (left []routes.Key) {
	for k, old := range s.desired {
		if k == fibKey(w.Route) || old.Route.Key() == w.Route.Key() {
			delete(s.desired, k)
			if old.Route.Key() != w.Route.Key() {
				left = append(left, old.Route.Key())
			}
		}
	}
	s.desired[fibKey(w.Route)] = w
	return left
}

// draw makes a route out of few destinations, metrics and next hops, so that
// kernel keys collide often.
func (s *besieged) draw() Want {
	dst := s.destination()
	via := fmt.Sprintf("10.200.0.%d", 2+s.random.IntN(2))
	if dst.Addr().Is6() {
		via = fmt.Sprintf("fd00:200::%d", 2+s.random.IntN(2))
	}
	return want(s, dst.String(), via, uint32(s.metric()))
}

// try runs a change of the other manager's; what the kernel refuses did not happen.
func (s *besieged) try(what string, err error) bool {
	if err != nil {
		var errno unix.Errno
		if !errors.As(err, &errno) {
			s.Fatal(what, err)
		}
		s.note("%s: %v", what, err)
		return false
	}
	s.note("%s", what)
	return true
}
