package agent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// maxAlarms is how many alarms are spelled out.
const maxAlarms = 3

// flush sends a report where there is one and the sender can take it. What
// happens until then goes into the same report.
func (a *Agent) flush() {
	s := a.current
	if s == nil || !s.dirty || !s.free {
		return
	}
	now := time.Now()
	answers := 0
	if s.answered != a.carriedGen {
		answers = 1 // a host takes any number of these
	}
	if wait := s.spent.Wait(now); wait > 0 && answers == 0 {
		s.flushAt = now.Add(wait)
		return
	}
	s.dirty, s.flushAt, s.answered = false, time.Time{}, a.carriedGen
	r := a.report(s)
	if r == nil {
		return
	}
	s.spent.Spend(now, len(r.Exceptions)+len(r.Resolved), answers)
	s.free = false
	s.spoke()
	s.out <- r // has room: the sender was free
}

// report is what the host is to know now; nil for nothing.
func (a *Agent) report(s *session) *pb.Report {
	alarms := a.alarmed()
	r := &pb.Report{Resync: s.resync, Alarms: alarms, Alarm: onOneLine(alarms), Counters: a.pbCounters()}
	s.resync = false
	if a.carried.StoreID != "" {
		r.Version = agentapi.Version(a.carried)
	}
	if s.nicsDirty {
		s.nicsDirty = false
		if nics := a.reportNICs(s); !slices.EqualFunc(nics, s.nics, func(x, y *pb.Nic) bool { return proto.Equal(x, y) }) {
			s.nics, r.Nics, r.NicsChanged = nics, nics, true
		}
	}
	if !a.read.IsZero() {
		r.Time = timestamppb.New(a.read)
	}
	switch {
	case a.carriedGen == 0 || a.carriedGen < s.fullFrom:
		// The host would take the exceptions of a set that is on its way for those
		// of the one before; only what concerns no set is reported.
		if !r.Resync && !r.NicsChanged && r.Alarm == "" {
			if !s.beat {
				return nil
			}
			r.Version = nil
		}
	case s.full:
		r.Full, s.full, s.fullFrom = true, false, 0
		clear(s.changed)
		for key, e := range a.exceptions {
			r.Exceptions = append(r.Exceptions, toException(key, e))
		}
	default:
		for key := range s.changed {
			if e, ok := a.exceptions[key]; ok {
				r.Exceptions = append(r.Exceptions, toException(key, e))
			} else {
				r.Resolved = append(r.Resolved, agentapi.Key(key))
			}
		}
		clear(s.changed)
	}
	if a.carriedGen >= s.portsAt {
		r.PortsSequence = s.portsSequence
	}
	return r
}

func (a *Agent) pbCounters() *pb.Counters {
	c := a.counters
	return &pb.Counters{Repairs: c.Repairs, Resyncs: c.Resyncs, Overruns: c.Overruns, KernelWrites: c.Writes}
}

// alarmed are what an operator must know of this node, one for each kind.
func (a *Agent) alarmed() (all []*pb.Alarm) {
	add := func(kind routes.AlarmKind, texts ...string) {
		if text := strings.Join(texts, "; "); text != "" {
			all = append(all, &pb.Alarm{Kind: string(kind), Text: agentapi.Cut(text)})
		}
	}
	add(a.kind, a.problem)
	add(routes.AlarmCertificate, a.opts.Problem())
	var withdrawn, fought []string
	for _, w := range a.withdrawn {
		withdrawn = append(withdrawn, fmt.Sprintf("%s: withdrew %d of its routes from the kernel: %s", w.Interface, w.Routes, w.Why))
	}
	add(routes.AlarmWithdrawn, withdrawn...)
	for i, alarm := range a.alarms {
		if i == maxAlarms {
			fought = append(fought, "and other routes are fought for")
			break
		}
		fought = append(fought, alarm.Key.String()+": "+alarm.Message)
	}
	add(routes.AlarmFoughtFor, fought...)
	return all
}

// onOneLine are all alarms, for a host that does not know their kinds.
func onOneLine(alarms []*pb.Alarm) string {
	texts := make([]string, 0, len(alarms))
	for _, alarm := range alarms {
		texts = append(texts, alarm.Text)
	}
	return agentapi.Cut(strings.Join(texts, "; "))
}

func toException(k routes.Key, e exception) *pb.Exception {
	v := e.Value()
	return &pb.Exception{
		Key: agentapi.Key(k), State: string(v.State), Cause: string(v.Cause), Condition: string(v.Condition), Detail: agentapi.Cut(v.Detail),
		Time: timestamppb.New(time.Unix(0, e.since)),
	}
}
