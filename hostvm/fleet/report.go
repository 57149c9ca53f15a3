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

	class versionClass // judged once: a version that is sent later is not what the report is about
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
	now, limit := time.Now(), s.limit()
	l, x := s.lock()
	waiting := len(x.pending)
	s.old.Reset(2 * s.m.timing.ReportEvery)
	fresh := l.hear(r, now)
	keys, all, moved := l.believe(x, p, now)
	if moved {
		if s.rest(l, x); len(x.pending) > 0 {
			s.silent.Reset(s.m.timing.Answer)
		}
	}
	if !x.rate.Spend(now, len(r.Exceptions)+len(r.Resolved), waiting-len(x.pending)) {
		err = excess("sends more than %d reports in a second without cause", agentapi.ReportsPerSecond)
	}
	if len(l.exceptions) > limit {
		err = excess("reports more than %d routes", limit)
	}
	s.unlock()
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

// strip classifies the version of the report, and drops the exceptions of routes that are
// neither stored nor being removed, and counts them. A report that does not count has none.
func (s *session) strip(ctx context.Context, p *parsed) error {
	_, x := s.lock()
	p.class, p.at = x.classify(p.version)
	s.unlock()
	if p.class != versionKnown {
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
	l, x := s.lock()
	defer s.unlock()
	l.unstored += dropped
	if !x.lapses.add(time.Now(), dropped, limit) {
		return excess("reports %d routes that are not stored", l.unstored)
	}
	return nil
}

// hear takes over what does not depend on a set, and reports whether it ends a
// silence, or changes why something is not carried out.
func (l *ledger) hear(r *pb.Report, now time.Time) (fresh bool) {
	before := l.unsaved()
	l.alarms = fromAlarms(r)
	fresh, l.stale = l.stale || l.unsaved() != before, false
	l.lastReport = now
	if c := r.Counters; c != nil {
		l.counters = counters{repairs: c.Repairs, writes: c.KernelWrites}
	}
	if r.NicsChanged {
		l.links = fromNICs(l.name, r.Nics)
	}
	return fresh
}

// believe takes over what the report says of routes.
func (l *ledger) believe(x *exchange, p parsed, now time.Time) (keys []routes.Key, all, moved bool) {
	if p.class == versionOlder && !p.Resync {
		return nil, false, false
	}
	if p.Resync || p.class == versionWrong || !p.Full && !x.reported {
		x.whole = true
		return nil, false, false
	}
	for _, sent := range x.pending[:p.at] {
		keys, all = append(keys, sent.keys...), all || sent.all
	}
	x.pending = slices.Delete(x.pending, 0, p.at) // with their keys
	x.base, x.wholes = p.version, 0
	// A session that renews one changes nothing by reporting the same again.
	news := !x.reported && (!l.reported || l.carried != p.version)
	x.reported, l.reported, l.adopt = true, true, false
	if l.carried.Epoch != p.version.Epoch || l.carried.StoreID != p.version.StoreID {
		l.acks = ackLog{}
	}
	l.carried = p.version
	l.acks.add(p.version.Revision, now)
	keys = append(keys, l.except(p)...)
	all = all || p.PortsSequence > l.answered
	l.answered = max(l.answered, p.PortsSequence)
	return keys, all || news || len(keys) > maxFeed, true
}

// except takes over the exceptions and returns the routes whose status that
// may change.
func (l *ledger) except(p parsed) (keys []routes.Key) {
	if p.Full {
		for k := range l.exceptions {
			keys = append(keys, k)
		}
		l.exceptions = nil
	}
	for _, k := range p.resolved {
		delete(l.exceptions, k)
		keys = append(keys, k)
	}
	if l.exceptions == nil {
		l.exceptions = p.exceptions
	}
	for k, e := range p.exceptions {
		l.exceptions[k] = e
		keys = append(keys, k)
	}
	return keys
}
