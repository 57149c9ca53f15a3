//go:build linux

package system

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Protocol is the rtm_protocol of our routes, the agent's default.
const Protocol = 157

// OwnRoutes are our routes in a node's kernel, read by netlink and not by the agent.
func (s *System) OwnRoutes(node string) ([]netlink.Route, error) {
	ns := s.Lab.NS(node)
	if ns == nil {
		return nil, fmt.Errorf("the lab has no node %s", node)
	}
	var own []netlink.Route
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		list, err := ns.Routes(family)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if r.Protocol == Protocol {
				own = append(own, r)
			}
		}
	}
	return own, nil
}
