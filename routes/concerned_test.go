package routes_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestWhoIsConcerned: a text names the nodes that it speaks of, and none of them
// where it speaks of all.
func TestWhoIsConcerned(t *testing.T) {
	second := netip.MustParsePrefix("fd00:20::/64")
	nic := func(node string, change func(*routes.NodeNIC)) routes.NodeNIC {
		n := routes.NodeNIC{
			Node: node, Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.20.12/24"),
			Connected: []routes.ConnectedRoute{{Prefix: netip.MustParsePrefix("192.168.20.0/24")}},
		}
		change(&n)
		return n
	}
	dhcp := func(n *routes.NodeNIC) { n.Addressing = routes.AddressingDHCP }
	apipa := func(n *routes.NodeNIC) { n.Addressing = routes.AddressingLinkLocal }
	claims := func(n *routes.NodeNIC) { n.Claimed = prefixes("192.168.20.1/24") }
	metric := func(m uint32) func(*routes.NodeNIC) {
		return func(n *routes.NodeNIC) { n.Connected = []routes.ConnectedRoute{{Prefix: second, Metric: m}} }
	}
	nothing := func(*routes.NodeNIC) {}
	for name, c := range map[string]struct {
		destination, hop    string
		first, second, last func(*routes.NodeNIC)
		says                string
	}{
		"one leased":         {first: dhcp, second: nothing, last: nothing, says: "node n1 has a dhcp address on it"},
		"two leased":         {first: dhcp, second: nothing, last: dhcp, says: "the nodes n1, n3 have a dhcp address on it"},
		"all leased":         {first: dhcp, second: dhcp, last: dhcp, says: "the nodes have a dhcp address on it"},
		"two kinds":          {first: dhcp, second: nothing, last: apipa, says: "node n1 has a dhcp address on it, node n3 has a link-local address on it"},
		"one claims":         {first: nothing, second: claims, last: nothing, says: "node n2 has reported the next hop 192.168.20.1 as an address of its own"},
		"all claim":          {first: claims, second: claims, last: claims, says: "the nodes have reported the next hop 192.168.20.1 as an address of their own"},
		"one wins":           {destination: "fd00:20::/64", hop: "fe80::1", first: metric(256), second: nothing, last: nothing, says: "metric 256 wins on n1"},
		"two win":            {destination: "fd00:20::/64", hop: "fe80::1", first: metric(256), second: nothing, last: metric(256), says: "metric 256 wins on n1, n3"},
		"all win":            {destination: "fd00:20::/64", hop: "fe80::1", first: metric(256), second: metric(256), last: metric(256), says: "metric 256 wins in the nodes"},
		"several winners":    {destination: "fd00:20::/64", hop: "fe80::1", first: metric(256), second: metric(200), last: metric(256), says: "metric 200 wins on n2"},
		"below one's metric": {destination: "fd00:20::/64", hop: "fe80::1", first: metric(512), second: metric(256), last: nothing, says: "metric 300 is below the connected route's 512 on n1"},
		"below all":          {destination: "fd00:20::/64", hop: "fe80::1", first: metric(512), second: metric(1024), last: metric(512), says: "metric 300 is below the connected route's 1024"},
	} {
		t.Run(name, func(t *testing.T) {
			facts, policy := device()
			facts.NICs = []routes.NodeNIC{nic("n1", c.first), nic("n2", c.second), nic("n3", c.last)}
			if strings.Contains(name, "leased") || strings.Contains(name, "kinds") {
				facts.Port.Addressing, facts.Port.Addresses = routes.AddressingNone, nil
			}
			destination, hop := c.destination, c.hop
			if destination == "" {
				destination, hop = "192.168.21.0/24", "192.168.20.1"
			}
			warnings, err := routes.Check(mustParse(t, destination, hop, 300), facts, policy)
			said := ""
			if err != nil {
				said = err.Error()
			}
			for _, w := range warnings {
				said += "\n" + w.Message
			}
			if !strings.Contains(said+"\n", c.says) || strings.HasPrefix(name, "all") && strings.Contains(said, "n1") {
				t.Errorf("%s\nis to say %q", said, c.says)
			}
		})
	}
}

// TestANodeOfTwoNICsIsOneNode: a node is concerned where one of its NICs is, and
// all nodes are where each has such a NIC, in whatever order the facts have them.
func TestANodeOfTwoNICsIsOneNode(t *testing.T) {
	nic := func(node string, claimed ...string) routes.NodeNIC {
		return routes.NodeNIC{Node: node, Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.20.12/24"), Claimed: prefixes(claimed...)}
	}
	const hop = "192.168.20.1/24"
	for says, nics := range map[string][]routes.NodeNIC{
		"the nodes have":        {nic("n1"), nic("n1", hop), nic("n2", hop), nic("n2")},
		"the nodes n1, n3 have": {nic("n1"), nic("n1", hop), nic("n2"), nic("n2"), nic("n3", hop)},
		"node n1 has":           {nic("n1"), nic("n1", hop)},
	} {
		facts, policy := device()
		facts.NICs = nics
		warnings, err := routes.Check(mustParse(t, "192.168.21.0/24", "192.168.20.1", 300), facts, policy)
		if err != nil || !slices.ContainsFunc(warnings, func(w routes.Warning) bool { return strings.HasPrefix(w.Message, says+" reported ") }) {
			t.Errorf("%v %v\nis to say %q", err, warnings, says)
		}
	}
}

// TestTextsNameFewNodes: a hundred names are no text; the parameters have them all.
func TestTextsNameFewNodes(t *testing.T) {
	facts, policy := device()
	facts.NICs = nil
	for i := range 100 {
		n := routes.NodeNIC{Node: fmt.Sprintf("n%d", 1+i), Addressing: routes.AddressingStatic, Addresses: prefixes("192.168.20.12/24"), Claimed: prefixes("192.168.20.1/24")}
		if i == 99 {
			n.Claimed = nil
		}
		facts.NICs = append(facts.NICs, n)
	}
	warnings, err := routes.Check(mustParse(t, "192.168.21.0/24", "192.168.20.1", 300), facts, policy)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 99)
	for i := range names {
		names[i] = facts.NICs[i].Node
	}
	warnings = append(warnings, routes.ShadowedBy(mustParse(t, "192.168.21.0/24", "192.168.20.1", 300), "the connected route", names...))
	said := 0
	for _, w := range warnings {
		if all := w.Params["node"]; all != "" {
			said++
			if !strings.Contains(w.Message, "n1, n2, n3 and 96 more") || strings.Contains(w.Message, "n4") || strings.Count(all, ",") != 98 {
				t.Errorf("%s\n%s", w.Message, all)
			}
		}
	}
	if lost := routes.LostChanges(names); said != 2 || !strings.Contains(lost, "n1, n2, n3 and 96 more still hold;") {
		t.Errorf("%d warnings, %s", said, lost)
	}
	for n, want := range []string{"", "n1", "n1, n2", "n1, n2, n3", "n1, n2, n3 and 1 more"} {
		if got := routes.Few(names[:n]); got != want {
			t.Errorf("%d names: %q", n, got)
		}
	}
}

// TestMetricAdviceThatHelps: a metric is advised where one is taken, and one that
// is taken.
func TestMetricAdviceThatHelps(t *testing.T) {
	facts, policy := device()
	refusal := func(destination string, metric int64) *routes.Error {
		_, err := routes.Check(mustParse(t, destination, "fe80::1", metric), facts, policy)
		return routes.AsError(err, routes.BadRequest)
	}
	facts.NICs[0].Connected = []routes.ConnectedRoute{{Prefix: netip.MustParsePrefix("fd00:20::/64"), Metric: 512}}
	e := refusal("fd00:20::/64", 100)
	if e == nil || !strings.Contains(e.Remedy(), "metric of 512") || !strings.Contains(e.Remedy(), "override_on_link") {
		t.Fatalf("%+v", e)
	}
	if _, err := routes.Check(mustParse(t, "fd00:20::/64", "fe80::1", 512), facts, policy); err != nil {
		t.Errorf("the metric that is advised: %v", err)
	}
	if e := refusal("fd00:20::1:0/112", 100); e == nil || strings.Contains(strings.ToLower(e.Remedy()), "metric") {
		t.Errorf("inside the network: %+v", e)
	}
	facts.NICs[0].Connected[0].Metric = 1 << 31
	if e := refusal("fd00:20::/64", 100); e == nil || strings.Contains(strings.ToLower(e.Remedy()), "metric") {
		t.Errorf("no metric of ours is as high: %+v", e)
	}
}
