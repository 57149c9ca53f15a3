package linux

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/routes"
)

// Kernels without bonds and VLANs are common in test machines, so these
// listings are made up; TestTeams asks a kernel where it can.
func TestTeamsAtAnyLevel(t *testing.T) {
	link := func(index int, name string, at netlink.LinkAttrs) netlink.LinkAttrs {
		at.Index, at.Name, at.NetNsID = index, name, -1
		return at
	}
	for _, c := range []struct {
		name   string
		links  []netlink.Link
		team   string
		sw     string
		absent bool
	}{
		{name: "plain", links: []netlink.Link{
			&netlink.Device{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{})},
		}},
		{name: "is a bond", team: "Port1", links: []netlink.Link{
			&netlink.Bond{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{})},
		}},
		{name: "member of a team", team: "team0", links: []netlink.Link{
			&netlink.Device{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{MasterIndex: 2})},
			&netlink.GenericLink{LinkAttrs: link(2, "team0", netlink.LinkAttrs{}), LinkType: "team"},
		}},
		{name: "member of a bond on a switch", team: "bond0", sw: "sw", links: []netlink.Link{
			&netlink.Device{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{MasterIndex: 2})},
			&netlink.Bond{LinkAttrs: link(2, "bond0", netlink.LinkAttrs{MasterIndex: 3})},
			&netlink.Bridge{LinkAttrs: link(3, "sw", netlink.LinkAttrs{})},
		}},
		{name: "on a switch with a VLAN over a bond", team: "bond0", sw: "sw", links: []netlink.Link{
			&netlink.Device{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{MasterIndex: 3})},
			&netlink.Bond{LinkAttrs: link(2, "bond0", netlink.LinkAttrs{})},
			&netlink.Bridge{LinkAttrs: link(3, "sw", netlink.LinkAttrs{})},
			&netlink.Vlan{LinkAttrs: link(4, "bond0.7", netlink.LinkAttrs{ParentIndex: 2, MasterIndex: 3})},
		}},
		{name: "on a switch with a tap", sw: "sw", links: []netlink.Link{
			&netlink.Device{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{MasterIndex: 3})},
			&netlink.Bond{LinkAttrs: link(2, "bond0", netlink.LinkAttrs{})},
			&netlink.Bridge{LinkAttrs: link(3, "sw", netlink.LinkAttrs{})},
			&netlink.Tuntap{LinkAttrs: link(4, "vnet0", netlink.LinkAttrs{MasterIndex: 3})},
		}},
		{name: "a VLAN", absent: true, links: []netlink.Link{
			&netlink.Vlan{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{})},
		}},
		{name: "masters in a circle", links: []netlink.Link{
			&netlink.Device{LinkAttrs: link(1, "Port1", netlink.LinkAttrs{MasterIndex: 2})},
			&netlink.Device{LinkAttrs: link(2, "x", netlink.LinkAttrs{MasterIndex: 1})},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			snap := newListing(c.links, nil).snapshot(leases{t.TempDir()})
			p, ok := snap.Port("Port1")
			if !ok || p.Team != c.team || p.Switch != c.sw || (p.Role == routes.PortRoleHost) != c.absent {
				t.Errorf("%+v, found %v", p, ok)
			}
		})
	}
}
