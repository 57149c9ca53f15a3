//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
)

// maxSocketPath is the kernel's limit for the path of a unix socket.
const maxSocketPath = 107

// Port is a port of the device as the lab made it.
type Port struct {
	Alias string
	MAC   net.HardwareAddr
	// Role is management, or empty.
	Role string
	// Addressing is static, dhcp or none, of the link that carries the
	// port's addresses: the port, or the switch over it.
	Addressing string
	Addresses  []netip.Prefix
	// Switch is the external switch over the port, if any.
	Switch string
	// Team is the team that the port is a member of, if any.
	Team string
}

// NIC is a network interface of a node.
type NIC struct {
	Name string
	MAC  net.HardwareAddr
	// Port is the port behind the NIC's switch; empty for the internal one.
	Port      string
	Switch    string
	Addresses []netip.Prefix
}

// Node is a Kubernetes VM.
type Node struct {
	Name, Role string
	NICs       []NIC
	// Pod is the name of the namespace of its pod, if there is one.
	Pod string
	// StateDir is where its agent may keep its files, Socket where it is to
	// listen.
	StateDir, Socket string
}

// Ports returns the ports of the device.
func (l *Lab) Ports() []Port { return l.ports }

// Nodes returns the nodes: the master first, or the bare ones of [Bare].
func (l *Lab) Nodes() []Node { return l.nodes }

func (l *Lab) describePorts() []Port {
	list := []Port{
		{Role: "management", Addressing: "static", Addresses: bits(prefixes("10.10.1.10/24"))},
		{Addressing: "static", Addresses: bits(prefixes("203.0.113.10/24", "2001:db8:203::10/64"))},
		{Addressing: "static", Addresses: bits(prefixes("192.168.20.10/24", "fd00:20::10/64")), Switch: ExternalSwitch},
		{Addressing: "dhcp", Addresses: bits(prefixes("192.168.40.10/24"))},
		{Addressing: "none", Team: team},
		{Addressing: "none", Team: team},
	}
	for i := range list {
		list[i].Alias, list[i].MAC = fmt.Sprintf("Port%d", i+1), mac(macPort, i+1)
	}
	return list
}

func (l *Lab) describeNode(s nodeSpec, pods bool) Node {
	in, ex := s.internal(), s.external()
	n := l.bareNode(s.name, s.role)
	n.NICs = []NIC{
		{Name: in.name, MAC: in.mac, Switch: InternalSwitch, Addresses: bits(in.addresses)},
		{Name: ex.name, MAC: ex.mac, Switch: ExternalSwitch, Port: "Port3", Addresses: bits(ex.addresses)},
	}
	if pods {
		n.Pod = s.pod
	}
	return n
}

func (l *Lab) bareNode(name, role string) Node {
	dir := filepath.Join(l.StateDir, "agents", name)
	return Node{Name: name, Role: role, StateDir: dir, Socket: filepath.Join(dir, "agent.sock")}
}

func (l *Lab) makeNodeDirs() error {
	for _, n := range l.nodes {
		if len(n.Socket) > maxSocketPath {
			return fmt.Errorf("lab: socket path %s is %d bytes long, at most %d work; set TMPDIR to a shorter path", n.Socket, len(n.Socket), maxSocketPath)
		}
		if err := os.MkdirAll(n.StateDir, 0o700); err != nil {
			return fmt.Errorf("lab: %w", err)
		}
	}
	return nil
}

func bits(list []Address) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(list))
	for _, a := range list {
		out = append(out, a.Prefix)
	}
	return out
}
