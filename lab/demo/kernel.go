//go:build linux

package demo

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// kernelHas describes our route to a destination in a node's kernel, or
// returns "" where there is none. It reads by netlink, not through the agent.
func (s *show) kernelHas(node, destination string) (string, error) {
	own, err := s.sys.OwnRoutes(node)
	if err != nil {
		return "", err
	}
	for _, r := range own {
		if r.Dst != nil && r.Dst.String() == destination {
			return s.describe(node, r), nil
		}
	}
	return "", nil
}

func (s *show) describe(node string, r netlink.Route) string {
	link := fmt.Sprintf("index %d", r.LinkIndex)
	if l, err := s.sys.Lab.NS(node).Handle().LinkByIndex(r.LinkIndex); err == nil {
		link = l.Attrs().Name
	}
	return fmt.Sprintf("%s via %s dev %s proto %d metric %d", r.Dst, r.Gw, link, r.Protocol, r.Priority)
}

// tables are the routing tables of all namespaces.
func (s *show) tables() map[string]string {
	tables := map[string]string{}
	for _, name := range s.sys.Lab.Names() {
		dump, err := s.sys.Lab.NS(name).RouteDump()
		s.must(err)
		tables[name] = dump
	}
	return tables
}
