package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// receive takes the agent's reports until the stream ends.
func (s *session) receive(ctx context.Context) error {
	for {
		msg, err := s.stream.Recv()
		if err != nil {
			return err
		}
		r := msg.GetReport()
		if r == nil {
			return fmt.Errorf("the agent sent a %T after its hello", msg.GetMessage())
		}
		if err := s.take(ctx, r); err != nil {
			return err
		}
	}
}

// parsed is a report in the domain's terms.
type parsed struct {
	*pb.Report
	version    routes.Version
	exceptions map[routes.Key]*exception
	keys       []routes.Key // of exceptions
	resolved   []routes.Key

	place place // judged once: what is sent meanwhile is not what it speaks of
	at    int
}

func parseReport(r *pb.Report) (parsed, error) {
	p := parsed{Report: r, exceptions: make(map[routes.Key]*exception, len(r.Exceptions)), keys: make([]routes.Key, 0, len(r.Exceptions))}
	var err error
	if p.version, err = agentapi.FromVersion(r.Version); err != nil {
		return p, fmt.Errorf("report: %w", err)
	}
	equal := map[exception]*exception{} // a dead port means 100,000 equal ones
	for _, x := range r.Exceptions {
		key, e, err := fromException(x)
		if err != nil {
			return p, fmt.Errorf("report: %w", err)
		}
		shared, ok := equal[e]
		if !ok {
			shared = &e
			equal[e] = shared
		}
		p.exceptions[key] = shared
		p.keys = append(p.keys, key)
	}
	for _, k := range r.Resolved {
		key, err := agentapi.FromKey(k)
		if err != nil {
			return p, fmt.Errorf("report: %w", err)
		}
		p.resolved = append(p.resolved, key)
	}
	return p, nil
}

// take believes a report only for a set that this host sent, or knew the
// agent to have; a full one first. Anything else makes the host send the
// whole set. What it says of routes that are not stored is dropped.
func (s *session) take(ctx context.Context, r *pb.Report) error {
	p, err := parseReport(r)
	if err != nil {
		return err
	}
	if err := s.strip(ctx, &p); err != nil {
		return err
	}
	n, now, limit := s.n, time.Now(), s.limit()
	n.mu.Lock()
	waiting := len(s.pending)
	fresh := n.hear(s, r, now)
	keys, all, moved := n.believe(s, p, now)
	if !s.rate.Spend(now, len(r.Exceptions)+len(r.Resolved), waiting-len(s.pending)) {
		err = excess("sends more than %d reports in a second without cause", agentapi.ReportsPerSecond)
	}
	if len(n.exceptions) > limit {
		err = excess("tells of more than %d routes", limit)
	}
	n.mu.Unlock()
	if err != nil {
		return err
	}
	if r.NicsChanged {
		s.m.facts.forget()
	}
	s.progress.raise()
	if moved {
		s.m.proofDue()
	}
	switch {
	case all, fresh:
		s.m.statusChanged()
	case len(keys) > 0:
		s.m.statusChanged(keys...)
	default:
		s.m.answered.raise()
	}
	return nil
}

// strip finds the report's place, and drops the exceptions of routes that are
// neither stored nor being removed, and counts them. A report that does not count has none.
func (s *session) strip(ctx context.Context, p *parsed) error {
	s.n.mu.Lock()
	p.place, p.at = s.place(p.version)
	s.n.mu.Unlock()
	if p.place != placeKnown {
		p.exceptions, p.keys = nil, nil
	}
	if len(p.keys) == 0 {
		return nil
	}
	slices.SortFunc(p.keys, routes.Key.Compare) // the store finds neighbours five times as fast
	has, err := s.m.opts.Store.Has(ctx, p.keys)
	if err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	dropped := uint64(0)
	for i, key := range p.keys {
		if !has[i] {
			delete(p.exceptions, key)
			dropped++
		}
	}
	if dropped == 0 {
		return nil
	}
	limit := s.limit()
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	s.n.unstored += dropped
	if !s.lapses.add(time.Now(), dropped, limit) {
		return excess("tells of %d routes that are not stored", s.n.unstored)
	}
	return nil
}

// hear takes over what does not depend on a set, and tells whether it ends a
// silence. Needs mu.
func (n *node) hear(s *session, r *pb.Report, now time.Time) (fresh bool) {
	fresh, n.stale = n.stale, false
	s.old.Reset(2 * n.m.timing.ReportEvery)
	n.lastReport = now
	n.alarm = claim(r.Alarm)
	if c := r.Counters; c != nil {
		n.counters = counters{repairs: c.Repairs, writes: c.KernelWrites}
	}
	if r.NicsChanged {
		n.links = fromNICs(n.name, r.Nics)
	}
	return fresh
}

// believe takes over what the report says of routes. Needs mu.
func (n *node) believe(s *session, p parsed, now time.Time) (keys []routes.Key, all, moved bool) {
	if p.place == placeOlder && !p.Resync {
		return nil, false, false
	}
	if p.Resync || p.place == placeWrong || !p.Full && !s.reported {
		s.whole = true
		return nil, false, false
	}
	for _, mk := range s.pending[:p.at] {
		keys, all = append(keys, mk.keys...), all || mk.all
	}
	s.pending = slices.Delete(s.pending, 0, p.at) // with the keys of those marks
	s.base, s.wholes = p.version, 0
	// A session that renews one changes nothing by telling the same again.
	news := !s.reported && (!n.reported || n.carried != p.version)
	s.reported, n.reported, n.adopt = true, true, false
	if n.carried.Epoch != p.version.Epoch || n.carried.StoreID != p.version.StoreID {
		n.acks = ackLog{}
	}
	n.carried = p.version
	n.acks.add(p.version.Revision, now)
	keys = append(keys, n.except(p)...)
	all = all || p.PortsSequence > n.answered
	n.answered = max(n.answered, p.PortsSequence)
	if s.rest(); len(s.pending) > 0 {
		s.silent.Reset(s.m.timing.Answer)
	}
	return keys, all || news || len(keys) > maxFeed, true
}

// except takes over the exceptions and returns the routes whose status that
// may change. Needs mu.
func (n *node) except(p parsed) (keys []routes.Key) {
	if p.Full {
		for k := range n.exceptions {
			keys = append(keys, k)
		}
		n.exceptions = nil
	}
	for _, k := range p.resolved {
		delete(n.exceptions, k)
		keys = append(keys, k)
	}
	if n.exceptions == nil {
		n.exceptions = p.exceptions
	}
	for k, e := range p.exceptions {
		n.exceptions[k] = e
		keys = append(keys, k)
	}
	return keys
}

// place is what a reported version is to this session.
type place int

const (
	placeKnown place = iota // sent, or held from the start
	placeOlder              // before the oldest that is of use
	placeWrong              // never sent, or with another content
)

// place finds a reported version; at is the number of pending marks that it
// answers. A report without version, or of what the agent held before, speaks
// of no set of this session. Needs node.mu.
func (s *session) place(v routes.Version) (p place, at int) {
	if v.StoreID == "" {
		return placeOlder, 0
	}
	for i := len(s.pending) - 1; i >= 0; i-- {
		if s.pending[i].version == v {
			return placeKnown, i + 1
		}
	}
	if v == s.base {
		return placeKnown, 0
	}
	later := func(known routes.Version) bool { return known.StoreID != v.StoreID || known.Newer(v) }
	if v == s.held || s.base.StoreID != "" && later(s.base) || slices.ContainsFunc(s.pending, func(mk mark) bool { return later(mk.version) }) {
		return placeOlder, 0
	}
	return placeWrong, 0
}
