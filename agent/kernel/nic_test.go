package kernel

import (
	"net/netip"
	"testing"
)

func TestFindNIC(t *testing.T) {
	const mac, other = "02:00:00:00:20:11", "02:00:00:00:20:99"
	static := []Address{{Prefix: netip.MustParsePrefix("192.168.20.11/24")}}
	linkLocal := []Address{{Prefix: netip.MustParsePrefix("fe80::11/64")}}
	eth := Link{Index: 2, Name: "eth1", MAC: mac, Kind: "device", Up: true, Addresses: static}
	with := func(l Link, change func(*Link)) Link { change(&l); return l }
	slave := with(eth, func(l *Link) { l.Master, l.Addresses = 3, nil })
	over := func(kind string, parent int32, up bool) Link {
		return Link{Index: 3, Name: "over", MAC: mac, Kind: kind, Parent: parent, Up: up, Addresses: static}
	}
	for name, c := range map[string]struct {
		links []Link
		inUse int32
		want  string // of the NIC; empty for none
		left  int    // candidates
	}{
		"none":                      {[]Link{with(eth, func(l *Link) { l.MAC = other })}, 0, "", 0},
		"one":                       {[]Link{eth}, 0, "eth1", 1},
		"permanent MAC":             {[]Link{with(eth, func(l *Link) { l.MAC, l.Perm = other, mac })}, 0, "eth1", 1},
		"VLAN":                      {[]Link{eth, over("vlan", 2, true)}, 0, "eth1", 1},
		"VLAN with the address":     {[]Link{with(eth, func(l *Link) { l.Addresses = nil }), over("vlan", 2, true)}, 0, "eth1", 1},
		"VLAN of a VLAN":            {[]Link{eth, over("vlan", 2, true), with(over("vlan", 3, true), func(l *Link) { l.Index = 4 })}, 0, "eth1", 1},
		"macvlan before its parent": {[]Link{over("macvlan", 2, false), eth}, 0, "eth1", 1},
		"VF, not yet enslaved":      {[]Link{with(eth, func(l *Link) { l.Bus = "vmbus" }), {Index: 9, Name: "vf", MAC: mac, Bus: "pci", Up: true, Addresses: linkLocal}}, 0, "eth1", 1},
		"VF beside a NIC without address": {[]Link{
			with(eth, func(l *Link) { l.Bus, l.Addresses, l.Up = "vmbus", nil, false }),
			{Index: 9, Name: "vf", MAC: mac, Bus: "pci", Up: true, Addresses: static},
		}, 0, "eth1", 1},
		"VF, enslaved":              {[]Link{eth, {Index: 9, Name: "vf", MAC: mac, Master: 2}}, 0, "eth1", 1},
		"bridge with the NIC's MAC": {[]Link{slave, {Index: 3, Name: "br0", MAC: mac, Kind: "bridge", Addresses: static}}, 0, "br0", 1},
		"bridge with its own MAC":   {[]Link{slave, {Index: 3, Name: "br0", MAC: other, Kind: "bridge"}}, 0, "br0", 1},
		"bridge over a bond": {[]Link{
			slave, {Index: 3, Name: "bond0", MAC: mac, Kind: "bond", Master: 4}, {Index: 4, Name: "br0", MAC: other, Kind: "bridge"},
		}, 0, "br0", 1},
		"in a VRF":              {[]Link{with(eth, func(l *Link) { l.Master = 3 }), {Index: 3, Name: "blue", MAC: other, Kind: "vrf"}}, 0, "eth1", 1},
		"in Open vSwitch":       {[]Link{slave, {Index: 3, Name: "ovs-system", MAC: other, Kind: "openvswitch"}, {Index: 4, Name: "br-ex", MAC: mac, Kind: "openvswitch", Addresses: static}}, 0, "br-ex", 1},
		"twin without address":  {[]Link{eth, over("veth", 0, true), with(over("veth", 0, true), func(l *Link) { l.Index, l.Addresses = 4, linkLocal })}, 3, "over", 1},
		"twin, one in use":      {[]Link{eth, over("veth", 0, true)}, 2, "eth1", 1},
		"twin that is down":     {[]Link{eth, over("veth", 0, false)}, 0, "eth1", 1},
		"twins":                 {[]Link{eth, over("veth", 0, true)}, 0, "", 2},
		"twins, another in use": {[]Link{eth, over("veth", 0, true)}, 7, "", 2},
		"no MAC":                {[]Link{{Index: 1, Name: "lo", Up: true}}, 0, "", 0},
	} {
		wanted := mac
		if name == "no MAC" {
			wanted = ""
		}
		nic, candidates := FindNIC(c.links, wanted, c.inUse)
		if nic.Name != c.want || len(candidates) != c.left {
			t.Errorf("%s: %q of %d candidates, want %q of %d", name, nic.Name, len(candidates), c.want, c.left)
		}
	}
}
