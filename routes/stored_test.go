package routes_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestStoredRoutesAreToldWhatRefusesThemNow: the route stays, whatever changed
// after it was added, and each thing is said once.
func TestStoredRoutesAreToldWhatRefusesThemNow(t *testing.T) {
	type change = func(*routes.Facts, *routes.Policy)
	gone := func(f *routes.Facts, _ *routes.Policy) { f.Found, f.Port, f.NICs = false, routes.Port{}, nil }
	// As after a start of the service, while one node has not reported yet.
	untold := func(f *routes.Facts, _ *routes.Policy) {
		f.Port.Addressing, f.Port.Addresses = routes.AddressingNone, nil
		f.NICs = append(f.NICs, routes.NodeNIC{Node: "k8s-worker"})
	}
	for name, c := range map[string]struct {
		destination, hop string
		metric           int64
		change           change
		want             []string // codes; of NO_LONGER_ALLOWED the reason
	}{
		"nothing changed":    {"192.168.21.0/24", "192.168.20.1", 100, func(*routes.Facts, *routes.Policy) {}, nil},
		"single addresses":   {"192.168.21.7/32", "192.168.20.1", 100, func(_ *routes.Facts, p *routes.Policy) { p.HostDestinations = routes.Refuse }, []string{"HOST_DESTINATION"}},
		"default route":      {"0.0.0.0/1", "192.168.20.1", 100, func(f *routes.Facts, p *routes.Policy) { f.Protected, p.Protected = nil, nil }, []string{"DEFAULT_ROUTE"}},
		"protected":          {"192.168.21.0/24", "192.168.20.1", 100, guard("192.168.21.0/24"), []string{"PROTECTED_PREFIX"}},
		"covers, no proof":   {"192.168.0.0/16", "192.168.20.1", 100, func(f *routes.Facts, _ *routes.Policy) { f.Tables = nil }, []string{"COVERS_PROTECTED"}},
		"hop off the link":   {"192.168.21.0/24", "192.168.99.1", 100, func(*routes.Facts, *routes.Policy) {}, []string{"NEXT_HOP_NOT_ON_LINK"}},
		"a node is untold":   {"192.168.21.0/24", "192.168.99.1", 100, untold, nil},
		"on-link":            {"192.168.20.0/25", "192.168.20.1", 100, func(*routes.Facts, *routes.Policy) {}, []string{"OVERRIDES_ON_LINK"}},
		"two at once":        {"192.168.21.7/32", "192.168.99.1", 100, func(_ *routes.Facts, p *routes.Policy) { p.HostDestinations = routes.Refuse }, []string{"HOST_DESTINATION", "NEXT_HOP_NOT_ON_LINK"}},
		"gone":               {"192.168.21.0/24", "192.168.20.1", 100, gone, []string{"INTERFACE_GONE"}},
		"gone and forbidden": {"172.28.1.0/24", "192.168.20.1", 100, gone, []string{"INTERFACE_GONE", "PROTECTED_PREFIX"}},
		"teamed":             {"192.168.21.0/24", "192.168.20.1", 100, func(f *routes.Facts, _ *routes.Policy) { f.Port.Team = "Team1" }, []string{"INTERFACE_TEAMED"}},
		"no link, forbidden": {"192.168.21.7/32", "192.168.20.1", 100, func(f *routes.Facts, p *routes.Policy) {
			f.Port.Link, p.HostDestinations = routes.LinkStateDown, routes.Refuse
		}, []string{"INTERFACE_DOWN", "HOST_DESTINATION"}},
		"shadowed besides": {"192.168.20.0/24", "192.168.99.1", 100, func(*routes.Facts, *routes.Policy) {}, []string{"NEXT_HOP_NOT_ON_LINK", "SHADOWED"}},
		"nothing is known": {"192.168.21.7/32", "192.168.20.1", 100, func(f *routes.Facts, p *routes.Policy) { f.Known, p.HostDestinations = false, routes.Refuse }, []string{"HOST_DESTINATION"}},
	} {
		facts, policy := device()
		c.change(&facts, &policy)
		r := mustParse(t, c.destination, c.hop, c.metric)
		var got []string
		for _, w := range routes.NewRules(facts, policy).Stored(r) {
			code := string(w.Code)
			if w.Code == routes.WarnNoLongerAllowed {
				code = w.Params["reason"]
				if !strings.Contains(w.Message, "would be refused now") || !strings.Contains(w.Message, "it stays stored") {
					t.Errorf("%s: %s", name, w.Message)
				}
			}
			got = append(got, code)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestOnLinkIsNoQuestionOfTheMetric: for a destination inside a connected
// network no metric helps, so that the table advises none.
func TestOnLinkIsNoQuestionOfTheMetric(t *testing.T) {
	info, _ := routes.OverridesOnLink.Info()
	if strings.Contains(strings.ToLower(info.Action), "metric") || !strings.Contains(info.Action, "override_on_link") {
		t.Errorf("the table's advice: %s", info.Action)
	}
}
