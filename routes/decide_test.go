package routes_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

func record(t *testing.T, hop string, metric int64, removed bool) routes.Record {
	return routes.Record{Route: mustParse(t, "192.168.21.0/24", hop, metric), Revision: 7, Removed: removed}
}

// heeded adds to a decision that it heeds conflicts among at.
func heeded(at []routes.Record) func(routes.Decision, error) (routes.Decision, error) {
	return func(d routes.Decision, err error) (routes.Decision, error) {
		if err == nil {
			err = d.Conflict(at)
		}
		if err != nil {
			return routes.Decision{}, err
		}
		return d, nil
	}
}

func TestDecideAdd(t *testing.T) {
	at := []routes.Record{record(t, "192.168.20.1", 100, false), record(t, "192.168.20.3", 300, true)}
	for name, tc := range map[string]struct {
		hop     string
		metric  int64
		force   bool
		outcome routes.Outcome
		reason  routes.Reason
	}{
		"new":                  {hop: "192.168.20.2", metric: 200, outcome: routes.Created},
		"same":                 {hop: "192.168.20.1", metric: 100, outcome: routes.Unchanged},
		"other metric":         {hop: "192.168.20.1", metric: 200, reason: routes.AlreadyExists},
		"other metric, forced": {hop: "192.168.20.1", metric: 200, force: true, outcome: routes.Updated},
		"kernel key taken":     {hop: "192.168.20.2", metric: 100, reason: routes.MetricConflict},
		"never forced":         {hop: "192.168.20.2", metric: 100, force: true, reason: routes.MetricConflict},
		"tombstone superseded": {hop: "192.168.20.3", metric: 300, outcome: routes.Created},
		"tombstone's metric":   {hop: "192.168.20.4", metric: 300, outcome: routes.Created},
	} {
		d, err := heeded(at)(routes.DecideAdd(at, mustParse(t, "192.168.21.0/24", tc.hop, tc.metric), tc.force))
		if d.Outcome != tc.outcome || routes.ReasonOf(err) != tc.reason {
			t.Errorf("%s: %s %v", name, d.Outcome, err)
		}
	}
}

func TestDecideSet(t *testing.T) {
	at := []routes.Record{record(t, "192.168.20.1", 100, false), record(t, "192.168.20.2", 200, false)}
	hop := netip.MustParseAddr
	sel := routes.Selector{Interface: "PORT3", Destination: netip.MustParsePrefix("192.168.21.0/24")}
	first := sel
	first.NextHop = hop("192.168.20.1")
	for name, tc := range map[string]struct {
		sel     routes.Selector
		change  routes.Change
		outcome routes.Outcome
		reason  routes.Reason
	}{
		"metric":             {first, routes.Change{Metric: 50}, routes.Updated, ""},
		"next hop":           {first, routes.Change{NextHop: hop("192.168.20.9")}, routes.Updated, ""},
		"nothing":            {first, routes.Change{Metric: 100}, routes.Unchanged, ""},
		"ambiguous":          {sel, routes.Change{Metric: 50}, "", routes.Ambiguous},
		"absent":             {routes.Selector{Interface: "Port4", Destination: sel.Destination}, routes.Change{Metric: 50}, "", routes.NotFound},
		"onto another":       {first, routes.Change{NextHop: hop("192.168.20.2")}, "", routes.AlreadyExists},
		"another's metric":   {first, routes.Change{Metric: 200}, "", routes.MetricConflict},
		"metric too large":   {first, routes.Change{Metric: 70000}, "", routes.MetricOutOfRange},
		"wrong revision":     {first, routes.Change{Metric: 50, ExpectedRevision: 6}, "", routes.RevisionMismatch},
		"the right revision": {first, routes.Change{Metric: 50, ExpectedRevision: 7}, routes.Updated, ""},
	} {
		d, err := heeded(at)(routes.DecideSet(at, tc.sel, tc.change))
		if d.Outcome != tc.outcome || routes.ReasonOf(err) != tc.reason {
			t.Errorf("%s: %s %v", name, d.Outcome, err)
		}
		if err != nil && strings.Contains(err.Error(), "--") {
			t.Errorf("%s: set has no such flag: %v", name, err)
		}
	}
}

func TestDecideRemove(t *testing.T) {
	live := []routes.Record{record(t, "192.168.20.1", 100, false), record(t, "192.168.20.2", 200, false)}
	sel := routes.Selector{Interface: "port3", Destination: netip.MustParsePrefix("192.168.21.0/24")}
	all := routes.Removal{All: true}
	if _, err := routes.DecideRemove(live, sel, routes.Removal{}); routes.ReasonOf(err) != routes.Ambiguous || !strings.Contains(err.Error(), "192.168.20.2") {
		t.Errorf("two matches: %v", err)
	}
	if d, err := routes.DecideRemove(live, sel, all); err != nil || len(d.Remove) != 2 {
		t.Errorf("all: %+v %v", d, err)
	}
	if _, err := routes.DecideRemove(live, sel, routes.Removal{All: true, ExpectedRevision: 6}); routes.ReasonOf(err) != routes.RevisionMismatch {
		t.Errorf("wrong revision: %v", err)
	}
	if _, err := routes.DecideRemove(nil, sel, routes.Removal{}); routes.ReasonOf(err) != routes.NotFound || strings.Contains(err.Error(), "removed already") {
		t.Errorf("absent: %v", err)
	}
	gone := []routes.Record{record(t, "192.168.20.1", 100, true)}
	for _, how := range []routes.Removal{{}, {All: true}} {
		if _, err := routes.DecideRemove(gone, sel, how); routes.ReasonOf(err) != routes.NotFound || !strings.Contains(err.Error(), "yet to prove it gone: "+gone[0].Route.String()) {
			t.Errorf("being removed: %v", err)
		}
	}
	for _, at := range [][]routes.Record{nil, gone} {
		if d, err := routes.DecideRemove(at, sel, routes.Removal{IfExists: true}); err != nil || d.Outcome != routes.Unchanged {
			t.Errorf("if it exists: %+v %v", d, err)
		}
	}
}

func TestWorst(t *testing.T) {
	n := func(s routes.State, c routes.Condition) routes.NodeStatus {
		return routes.NodeStatus{State: s, Condition: c}
	}
	for _, tc := range []struct {
		nodes []routes.NodeStatus
		want  routes.NodeStatus
	}{
		{[]routes.NodeStatus{n(routes.Programmed, ""), n(routes.Waiting, "")}, n(routes.Waiting, "")},
		{[]routes.NodeStatus{n(routes.Removing, ""), n(routes.Waiting, "")}, n(routes.Removing, "")},
		{[]routes.NodeStatus{n(routes.Failed, ""), n(routes.Removing, "")}, n(routes.Failed, "")},
		{[]routes.NodeStatus{n(routes.Programmed, ""), n(routes.Programmed, routes.Shadowed)}, n(routes.Programmed, routes.Shadowed)},
		{[]routes.NodeStatus{n(routes.Programmed, routes.Standby), n(routes.Programmed, routes.Shadowed)}, n(routes.Programmed, routes.Shadowed)},
		{[]routes.NodeStatus{n(routes.Programmed, routes.Standby), n(routes.Programmed, routes.Shared)}, n(routes.Programmed, routes.Shared)},
		{[]routes.NodeStatus{n(routes.Programmed, routes.Shadowed), n(routes.Waiting, ""), n(routes.Programmed, routes.Shared)}, n(routes.Waiting, "")},
	} {
		if got := routes.Worst(tc.nodes); got != tc.want {
			t.Errorf("%v: %v", tc.nodes, got)
		}
	}
	if got := routes.Worst(nil); got.State != routes.Waiting || got.Cause != routes.NoNodeNIC {
		t.Errorf("no nodes: %v", got)
	}
}

func TestReasonTable(t *testing.T) {
	seen := map[routes.Reason]bool{}
	ids := map[string]bool{}
	for _, row := range routes.Reasons() {
		if seen[row.Reason] || ids[row.Reason.ErrorID()] {
			t.Errorf("%s twice", row.Reason)
		}
		seen[row.Reason], ids[row.Reason.ErrorID()] = true, true
		if row.Code == 0 || row.Exit < routes.ExitUsage || row.Category == "" || row.Meaning == "" || row.Action == "" {
			t.Errorf("%s: an empty cell", row.Reason)
		}
	}
	if got := routes.DestinationHostBits.ErrorID(); got != "DestinationHostBits" {
		t.Errorf("error id %s", got)
	}
	if info, ok := routes.Reason("NEW_ONE").Info(); ok || info.Exit != routes.ExitInternal {
		t.Errorf("an unknown reason: %+v", info)
	}
}
