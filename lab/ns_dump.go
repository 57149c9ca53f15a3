//go:build linux

package lab

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// RouteDump returns all routes of all tables and both families as sorted text
// that is equal, byte for byte, when the routes are. It leaves out what changes
// by itself: counters, lifetimes and the state of the links.
func (n *NS) RouteDump() (string, error) {
	// An IPv6 dump may lack routes while others change, and does not say so;
	// two equal ones in a row are right.
	last, err := n.dumpOnce()
	for range 10 {
		if err != nil {
			return "", err
		}
		previous := last
		if last, err = n.dumpOnce(); err == nil && last == previous {
			return last, nil
		}
	}
	return "", errors.Join(fmt.Errorf("lab: the routes of %s change all the time; stop what changes them", n.name), err)
}

func (n *NS) dumpOnce() (string, error) {
	links, err := n.linkNames()
	if err != nil {
		return "", err
	}
	var lines []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := n.handle.RouteListFiltered(family, &netlink.Route{}, netlink.RT_FILTER_TABLE)
		if err != nil {
			return "", fmt.Errorf("lab: list the routes of %s: %w", n.name, err)
		}
		for _, r := range list {
			lines = append(lines, dumpLine(family, r, links))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n", nil
}

func (n *NS) linkNames() (map[int]string, error) {
	list, err := n.handle.LinkList()
	if err != nil {
		return nil, fmt.Errorf("lab: list the links of %s: %w", n.name, err)
	}
	names := make(map[int]string, len(list))
	for _, l := range list {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	return names, nil
}

func dumpLine(family int, r netlink.Route, links map[int]string) string {
	var b strings.Builder
	version := 4
	if family == netlink.FAMILY_V6 {
		version = 6
	}
	fmt.Fprintf(&b, "v%d table=%d dst=%v metric=%d tos=%d type=%d scope=%d protocol=%d", version, r.Table, r.Dst, r.Priority, r.Tos, r.Type, r.Scope, r.Protocol)
	dumpHop(&b, links, hop{index: r.LinkIndex, gateway: r.Gw.String(), via: r.Via, flags: r.Flags})
	for _, m := range r.MultiPath {
		b.WriteString(" leg")
		dumpHop(&b, links, hop{index: m.LinkIndex, gateway: m.Gw.String(), via: m.Via, flags: m.Flags})
		fmt.Fprintf(&b, " weight=%d", m.Hops)
	}
	optional(&b, "src", r.Src != nil, r.Src)
	optional(&b, "nexthop", r.NHID != 0, r.NHID)
	optional(&b, "encap", r.Encap != nil, r.Encap)
	optional(&b, "mtu", r.MTU != 0, r.MTU)
	optional(&b, "advmss", r.AdvMSS != 0, r.AdvMSS)
	optional(&b, "hoplimit", r.Hoplimit != 0, r.Hoplimit)
	optional(&b, "window", r.Window != 0, r.Window)
	return b.String()
}

// hop is one way of a route.
type hop struct {
	index   int
	gateway string
	via     netlink.Destination
	flags   int
}

func dumpHop(b *strings.Builder, links map[int]string, h hop) {
	optional(b, "dev", h.index != 0, links[h.index])
	optional(b, "gateway", h.gateway != "<nil>", h.gateway)
	optional(b, "via", h.via != nil, h.via)
	optional(b, "onlink", h.flags&unix.RTNH_F_ONLINK != 0, true)
}

func optional(b *strings.Builder, key string, present bool, value any) {
	if present {
		fmt.Fprintf(b, " %s=%v", key, value)
	}
}
