package routes_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// crowd are live records and tombstones of one destination, on two interfaces.
func crowd(t *testing.T, live, removing int) []routes.Record {
	t.Helper()
	var at []routes.Record
	for i := range live + removing {
		r, err := routes.Parse(routes.Text{
			Interface: fmt.Sprintf("Port%d", 3+i%2), Destination: "192.168.21.0/24", NextHop: fmt.Sprintf("10.0.%d.1", i), Metric: int64(1 + i),
		})
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, routes.Record{Route: r, Revision: 7, Removed: i >= live})
	}
	return at
}

// TestRoom: a destination takes 64 keys, those being removed among them. What puts
// no further key is always carried out.
func TestRoom(t *testing.T) {
	add := func(hop string, metric int64, force bool) func([]routes.Record) (routes.Decision, error) {
		return func(at []routes.Record) (routes.Decision, error) {
			return routes.DecideAdd(at, mustParse(t, "192.168.21.0/24", hop, metric), force)
		}
	}
	first := routes.Selector{Interface: "Port3", Destination: netip.MustParsePrefix("192.168.21.0/24"), NextHop: netip.MustParseAddr("10.0.0.1")}
	set := func(c routes.Change) func([]routes.Record) (routes.Decision, error) {
		return func(at []routes.Record) (routes.Decision, error) { return routes.DecideSet(at, first, c) }
	}
	remove := func(at []routes.Record) (routes.Decision, error) {
		return routes.DecideRemove(at, first, routes.Removal{})
	}
	const hop = "192.168.20.1"
	otherHop := routes.Change{NextHop: netip.MustParseAddr(hop)}
	const remedy, wait = "Remove one of them", "Wait until every node"
	for name, tc := range map[string]struct {
		live, removing int
		decide         func([]routes.Record) (routes.Decision, error)
		proved         bool   // at once: no node is known
		want           string // in the refusal; empty: there is none
		action         string
	}{
		"the last place":                           {63, 0, add(hop, 900, false), false, "", ""},
		"full":                                     {64, 0, add(hop, 900, false), false, "64 routes lead to it, and at most 64 may", remedy},
		"full, forced":                             {64, 0, add(hop, 900, true), false, "64 routes", remedy},
		"the last place beside removals":           {60, 3, add(hop, 900, false), false, "", ""},
		"full of removals":                         {0, 64, add(hop, 900, false), false, "64 routes lead to it (being removed: 64)", wait},
		"one removal":                              {63, 1, add(hop, 900, false), false, "64 routes lead to it (being removed: 1)", wait},
		"more than may be":                         {100, 0, add(hop, 900, false), false, "100 routes lead to it, and at most 64 may", remedy},
		"more than may be, and removals":           {64, 3, add(hop, 900, false), false, "67 routes lead to it (being removed: 3)", remedy},
		"the same again":                           {64, 0, add("10.0.0.1", 1, false), false, "", ""},
		"another metric, forced":                   {100, 0, add("10.0.0.1", 900, true), false, "", ""},
		"over the removal of its own":              {64, 36, add("10.0.64.1", 900, false), false, "", ""},
		"set a metric":                             {100, 0, set(routes.Change{Metric: 900}), false, "", ""},
		"set a next hop, the last place":           {63, 0, set(otherHop), false, "", ""},
		"set a next hop":                           {64, 0, set(otherHop), false, "one whose next hop changes counts until every node has proved it gone", remedy},
		"set a next hop, where no node is known":   {64, 0, set(otherHop), true, "", ""},
		"set a next hop of more, no node is known": {100, 0, set(otherHop), true, "", ""},
		"set a next hop beside removals":           {63, 1, set(otherHop), false, "(being removed: 1)", wait},
		"add where no node is known":               {64, 0, add(hop, 900, false), true, "64 routes", remedy},
		"remove":                                   {100, 0, remove, false, "", ""},
	} {
		at := crowd(t, tc.live, tc.removing)
		d, err := tc.decide(at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		err = d.Room(at, !tc.proved)
		if tc.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: not refused", name)
			continue
		}
		e := routes.AsError(err, "")
		if e.Reason != routes.DestinationFull || e.Value != "192.168.21.0/24" || !strings.Contains(e.Problem, tc.want) || !strings.HasPrefix(e.Remedy(), tc.action) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
