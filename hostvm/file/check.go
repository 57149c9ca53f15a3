package file

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/routes"
)

func (p port) check(seen unique) (hostvm.DeclaredPort, error) {
	d := hostvm.DeclaredPort{Up: p.Up, Team: p.Team, Switch: p.Switch}
	alias, err := routes.CheckAlias(p.Alias)
	if err != nil {
		return d, fmt.Errorf("line %d: port: alias %q is not an interface alias", p.line, p.Alias)
	}
	d.Alias = alias
	if err := seen.add(p.line, "port", alias); err != nil {
		return d, err
	}
	if p.MAC != nil {
		mac, err := checkMAC(p.line, *p.MAC)
		if err != nil {
			return d, err
		}
		d.MAC = &mac
	}
	if p.Role != nil {
		role := routes.PortRole(*p.Role)
		if role == "data" {
			role = routes.PortRoleData
		} else if err := oneOf(p.line, choice{"role", *p.Role, []string{"data", "management", "internal", "host"}}); err != nil {
			return d, err
		}
		d.Role = &role
	}
	if p.Addressing != nil {
		if err := oneOf(p.line, choice{"addressing", *p.Addressing, []string{"static", "dhcp", "link-local", "none"}}); err != nil {
			return d, err
		}
		a := routes.Addressing(*p.Addressing)
		d.Addressing = &a
	}
	if p.Addresses != nil {
		if d.Addresses, err = prefixes(p.line, *p.Addresses); err != nil {
			return d, err
		}
	}
	return d, nil
}

func (n node) check(seen unique) (hostvm.Node, error) {
	d := hostvm.Node{ID: n.ID, Name: n.Name, Role: n.Role, State: hostvm.NodeState(n.State), Endpoint: n.Endpoint}
	if d.Name == "" || strings.ContainsAny(d.Name, " \t\n/") {
		return d, fmt.Errorf("line %d: node: a name without blanks and slashes is required, not %q", n.line, n.Name)
	}
	if d.ID == "" {
		d.ID = d.Name
	}
	if d.State == "" {
		d.State = hostvm.NodeAuto
	}
	if d.Role == "" {
		d.Role = "worker"
	}
	for _, err := range []error{
		seen.add(n.line, "node name", d.Name),
		seen.add(n.line, "node id", d.ID),
		oneOf(n.line, choice{"role", d.Role, []string{"master", "worker"}}),
		oneOf(n.line, choice{"state", string(d.State), []string{"running", "stopped", "auto"}}),
		checkEndpoint(n.line, n.Endpoint, seen),
	} {
		if err != nil {
			return d, err
		}
	}
	switches := unique{}
	for _, c := range n.NICs {
		nic, err := c.check(seen)
		if err != nil {
			return d, err
		}
		if err := switches.add(c.line, "switch of a second NIC of node "+d.Name, nic.Switch); err != nil {
			return d, err
		}
		d.NICs = append(d.NICs, nic)
	}
	return d, nil
}

func (c nic) check(seen unique) (hostvm.NIC, error) {
	d := hostvm.NIC{Switch: c.Switch}
	if c.Switch == "" {
		return d, fmt.Errorf("line %d: NIC: a switch is required", c.line)
	}
	var err error
	if d.MAC, err = checkMAC(c.line, c.MAC); err != nil {
		return d, err
	}
	if err := seen.add(c.line, "MAC of a NIC", d.MAC); err != nil {
		return d, err
	}
	if len(c.Addresses) > 0 {
		d.Addresses, err = prefixes(c.line, c.Addresses)
	}
	return d, err
}

func checkMAC(line int, s string) (string, error) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return "", fmt.Errorf("line %d: MAC %q; write six pairs of hexadecimal digits, such as 02:00:00:00:20:11", line, s)
	}
	return mac.String(), nil
}

func checkEndpoint(line int, s string, seen unique) error {
	if s == "" {
		return nil
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || rest == "" {
		return fmt.Errorf("line %d: endpoint %q; write unix:///path, tcp://host:port, hvsock://vm-id:port or vsock://cid:port", line, s)
	}
	return seen.add(line, "endpoint", s)
}

type choice struct {
	what, value string
	of          []string
}

func oneOf(line int, c choice) error {
	if slices.Contains(c.of, c.value) {
		return nil
	}
	return fmt.Errorf("line %d: %s %q; use one of %s", line, c.what, c.value, strings.Join(c.of, ", "))
}
