package table

import (
	"context"
	"net/netip"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

// program decides the next chunk of due routes and writes what they need.
func (t *Table) program(ctx context.Context) {
	t.ops, t.which = t.ops[:0], t.which[:0]
	var touched []int32
	t.arrange()
	t.urgent = t.takeDue(t.urgent, &touched)
	t.due = t.takeDue(t.due, &touched)
	if len(t.ops) > 0 {
		t.write(ctx)
	}
	t.judge(ctx, touched)
}

// takeDue decides the routes at the head of a queue, as many as fit into the
// chunk, and returns the rest.
func (t *Table) takeDue(queue []int32, touched *[]int32) []int32 {
	n := min(len(queue), chunk-len(t.ops))
	for _, i := range queue[:n] {
		s := &t.slots[i]
		if !s.has(flagQueued) {
			continue
		}
		s.clear(flagQueued)
		if op := t.decide(i); op.Kind != 0 {
			t.ops, t.which = append(t.ops, op), append(t.which, i)
		}
		*touched = append(*touched, i)
	}
	if n == len(queue) {
		return queue[:0]
	}
	return queue[n:]
}

// apply sends t.ops; its results are in t.results, one for each.
func (t *Table) apply(ctx context.Context) {
	var err error
	t.results, err = t.kernel.Apply(ctx, t.ops, t.results[:0])
	for len(t.results) < len(t.ops) {
		t.results = append(t.results, kernel.Result{})
	}
	t.counters.Writes += uint64(len(t.ops))
	if err != nil && ctx.Err() == nil {
		t.opts.Log.Error("write routes", "routes", len(t.ops), "error", err)
	}
}

func (t *Table) write(ctx context.Context) {
	t.apply(ctx)
	var added []int32
	for k, r := range t.results {
		i, op := t.which[k], t.ops[k]
		if i < 0 { // what had to go first
			t.tookAway(object{pack(op.Entry), op.Object, op.Protocol}, r)
			continue
		}
		s := &t.slots[i]
		switch {
		case r.State == kernel.Failed:
			t.counters.Failures++
			t.refused(i, r.Err)
		case r.State == kernel.Done && r.ReadBack:
			if !s.has(flagLost) {
				added = append(added, i)
			}
			t.programmed(i, op.Entry.Link)
			t.noteFlags(i, r.Flags)
		default: // Done in bulk, or Unknown: a survey decides
			t.written(i, op.Entry.Link)
		}
	}
	if len(added) > 0 && len(added) <= matchLimit {
		t.learn(ctx, added)
	}
}

// programmed notes that the kernel itself has described the route.
func (t *Table) programmed(i, link int32) {
	s := &t.slots[i]
	t.read(i)
	s.link = link
	delete(t.leaving, i)
	if s.has(flagLost) {
		t.counters.Repairs++
		t.dirty = true
	}
	s.clear(flagLost | flagTried | flagChecked | flagTaken | flagLeft)
	delete(t.retries, i)
	t.arrived(i)
}

// match looks up the destinations of slots; a failed look-up is an empty one.
func (t *Table) match(ctx context.Context, which []int32) [][]kernel.Route {
	addrs := make([]netip.Addr, len(which))
	for k, i := range which {
		d := t.slots[i].key()
		addrs[k] = d.address(d.addr)
	}
	got, err := t.kernel.Match(ctx, addrs)
	if err != nil {
		t.opts.Log.Error("look up routes", "error", err)
	}
	for len(got) < len(which) {
		got = append(got, nil)
	}
	return got
}

// learn looks for foreign routes with a better metric than routes just added.
func (t *Table) learn(ctx context.Context, added []int32) {
	for k, legs := range t.match(ctx, added) {
		d := t.slots[added[k]].key()
		if len(legs) == 0 || packDst(legs[0].Destination) != d || legs[0].Table != kernel.TableMain {
			// A more specific route covers the address that was looked up.
			t.needSurvey()
			continue
		}
		for _, r := range legs {
			if r.Joined || r.Protocol != t.kernel.Protocol() {
				t.saw(r)
			}
		}
	}
}

// check makes sure that no foreign route holds the keys to be appended to: an
// IPv6 one would be joined to a multipath route with ours.
func (t *Table) check(ctx context.Context) {
	n := min(len(t.unchecked), matchLimit)
	batch := t.unchecked[:n]
	t.unchecked = t.unchecked[n:]
	for k, legs := range t.match(ctx, batch) {
		i := batch[k]
		s := &t.slots[i]
		switch {
		case !s.has(flagUsed):
		case len(legs) == 0 || pack(legs[0].FIBEntry).kernelKey != s.entry(0).kernelKey || legs[0].Table != kernel.TableMain:
			t.unclear = append(t.unclear, i)
		default:
			for _, r := range legs {
				t.saw(r)
			}
			s.set(flagChecked)
			t.queue(i)
		}
	}
	if len(t.unchecked) == 0 && len(t.unclear) > 0 {
		t.surveyAt = t.now()
	}
}

// resolve finds out who holds the keys of routes that the kernel has answered
// with EEXIST.
func (t *Table) resolve(ctx context.Context) {
	if len(t.blocked) > matchLimit {
		t.surveyAt = t.now()
		return
	}
	unclear := t.blocked[:0]
	for k, legs := range t.match(ctx, t.blocked) {
		i := t.blocked[k]
		if !t.slots[i].has(flagUsed) {
			continue
		}
		key := t.slots[i].entry(0).kernelKey
		if len(legs) == 0 || pack(legs[0].FIBEntry).kernelKey != key || legs[0].Table != kernel.TableMain {
			unclear = append(unclear, i)
			continue
		}
		for _, r := range legs {
			t.saw(r)
		}
		t.slots[i].set(flagTried)
		t.queue(i)
	}
	if t.blocked = unclear; len(unclear) > 0 {
		t.surveyAt = t.now()
	}
}
