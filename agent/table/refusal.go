package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"syscall"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// refused judges the kernel's refusal of a slot's route.
func (t *Table) refused(i int32, err error) {
	s := &t.slots[i]
	if errnoOf(err) == kernel.EEXIST && !s.has(flagTried) {
		t.blocked = append(t.blocked, i)
		return
	}
	e := t.refusal(s, err)
	if contradicts(e, t.excs[i]) {
		t.needLinks()
	}
	t.setException(i, e)
	if e.State == routes.Failed {
		t.backOff(i)
	} // else tried again with the next event of the link, and periodically
}

// contradicts is true, once, for a refusal that does not agree with the links as
// they were read. If they still say the same when read again, the next event or
// comparison decides.
func contradicts(e, before Exception) bool {
	return e.Cause == routes.InProgress && before.Cause != routes.InProgress
}

// errnoOf is the kernel's errno in an error; 0 for none.
func errnoOf(err error) syscall.Errno {
	var oe *kernel.OpError
	if errors.As(err, &oe) {
		return oe.Errno
	}
	return 0
}

// refusal is the status that an error of the kernel's comes to: what passes
// when a link or an address comes is no failure. Where the error contradicts the
// links as they were read it is IN_PROGRESS: which of both is old will show.
func (t *Table) refusal(s *slot, err error) Exception {
	var oe *kernel.OpError
	if !errors.As(err, &oe) {
		return Exception{State: routes.Failed, Cause: routes.KernelRejected, Detail: err.Error()}
	}
	e := Exception{State: routes.Waiting, Detail: words(oe)}
	nic := &t.ports[s.port].nic
	switch oe.Errno {
	case kernel.ENETDOWN, kernel.ENODEV, kernel.ENETUNREACH, kernel.EHOSTUNREACH, kernel.EACCES:
		switch {
		case oe.Errno == kernel.ENETDOWN && !nic.Up:
			e.Cause = routes.LinkDown
		case oe.Errno == kernel.ENETDOWN:
			e.Cause = routes.InProgress
		case !s.v4 && nic.NoIPv6:
			e.Cause, e.Detail = routes.IPv6Disabled, nic.withoutIPv6()+": "+e.Detail
		case oe.Errno == kernel.ENODEV:
			e.Cause = routes.InProgress
		case oe.Errno == kernel.EACCES:
			e.State, e.Cause = routes.Failed, routes.KernelRejected
		case !nic.on(s.v4):
			e.Cause, e.Detail = routes.NICNoAddress, fmt.Sprintf("%s has no %s address: %s", nic.Name, family(s.v4), e.Detail)
		default:
			e.Cause = routes.NextHopUnreachable
		}
	default:
		e.State, e.Cause = routes.Failed, routes.KernelRejected
	}
	return e
}

// on says that the NIC has a network of a family, by an address or a route; what is
// link-local is none.
func (n *NIC) on(v4 bool) bool {
	ours := func(p netip.Prefix) bool { return p.Addr().Is4() == v4 && !p.Addr().IsLinkLocalUnicast() }
	return slices.ContainsFunc(n.Addresses, ours) || slices.ContainsFunc(n.Connected, func(c routes.ConnectedRoute) bool { return ours(c.Prefix) })
}

func family(v4 bool) string {
	if v4 {
		return "IPv4"
	}
	return "IPv6"
}

// minMTUOfIPv6 is the smallest MTU of a link with IPv6.
const minMTUOfIPv6 = 1280

// withoutIPv6 says why the NIC has no IPv6.
func (n *NIC) withoutIPv6() string {
	if n.MTU > 0 && n.MTU < minMTUOfIPv6 {
		return fmt.Sprintf("%s has no IPv6, as its MTU is %d and IPv6 needs %d", n.Name, n.MTU, minMTUOfIPv6)
	}
	return "IPv6 is switched off on " + n.Name
}

// words are the errno and the kernel's own text.
func words(e *kernel.OpError) string {
	s := fmt.Sprintf("errno %d, %s", int(e.Errno), e.Errno.Error())
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// noteFlags notes what the kernel marks a route with.
func (t *Table) noteFlags(i int32, flags kernel.Flags) {
	if t.slots[i].setFlags(flags) {
		t.queue(i)
	}
}

// setFlags takes over the kernel's flags and reports whether they changed.
func (s *slot) setFlags(flags kernel.Flags) (changed bool) {
	was := s.flags
	s.clear(flagDown | flagRejected)
	if flags&(kernel.Dead|kernel.LinkDown) != 0 {
		s.set(flagDown)
	}
	if flags&kernel.OffloadFailed != 0 {
		s.set(flagRejected)
	}
	return s.flags != was
}

// nextHop is a next hop of a port's routes.
type nextHop struct {
	port uint16
	addr [16]byte
}

// checkHops asks the kernel whether it would still take our next hops, after
// addresses changed: routes stay when the network of their next hop goes. Adding
// a route that is there shows it, as Linux judges the next hop before it looks
// at the key; one that is not there is added, which is wanted.
//
// The answer is of this moment. What changed since has its event in the queue,
// and has the question put again, also where the links look as before.
func (t *Table) checkHops(ctx context.Context) {
	asked := make(map[nextHop]struct{})
	var ops []kernel.Op
	var which []int32
	for i := range t.slots {
		s := &t.slots[i]
		if !s.has(flagUsed) || s.link == 0 || s.has(flagUnread) {
			continue
		}
		h := nextHop{s.port, s.hop}
		if _, twice := asked[h]; !twice {
			asked[h] = struct{}{}
			ops, which = append(ops, kernel.Op{Kind: kernel.Add, Entry: s.entry(s.link).unpack()}), append(which, int32(i))
		}
	}
	t.hopsDue = false
	results, err := t.kernel.Apply(ctx, ops, nil)
	old := t.refusedHops
	t.refusedHops = make(map[nextHop]Exception)
	for k, i := range which {
		s := &t.slots[i]
		h := nextHop{s.port, s.hop}
		var result kernel.Result
		if k < len(results) {
			result = results[k]
		}
		errno := errnoOf(result.Err)
		switch before, was := old[h]; {
		case result.State == kernel.Unknown || errno == kernel.ENOBUFS || errno == kernel.ENOMEM:
			if err = cmp.Or(err, errors.New("the kernel did not say")); was {
				t.refusedHops[h] = before
			}
		case !s.v4 && errno == kernel.EHOSTUNREACH && t.ports[s.port].nic.reaches(s.key().nextHop(s.hop)):
			// Where a route leads to the next hop's own network, IPv6 refuses to add
			// another over it; the one that is there goes on working.
		case result.State == kernel.Failed && errno != kernel.EEXIST:
			e := t.refusal(s, result.Err)
			t.refusedHops[h] = e
			if contradicts(e, before) {
				t.readdressed = true // ask again, when the links have been read
				t.needLinks()
			}
		}
	}
	if err != nil {
		t.opts.Log.Error("check next hops", "error", err, "retry", factsRetry)
		t.readdressed = true
		earlier(&t.linksAt, t.now().Add(factsRetry))
	}
	if maps.Equal(old, t.refusedHops) {
		return
	}
	for i := range t.slots {
		h := nextHop{t.slots[i].port, t.slots[i].hop}
		if old[h] != t.refusedHops[h] {
			t.queue(int32(i))
		}
	}
}
