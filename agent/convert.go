package agent

import (
	"net"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/kernel"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// fromPorts reads what is kept of the ports. Of those that the host does not
// see now, what is known stays: that a port is gone for a moment on the host
// takes no NIC from the node.
func fromPorts(p *pb.Ports, known desired.Ports) desired.Ports {
	ports := desired.Ports{AllowOverrideOnLink: p.GetAllowOverrideOnLink()}
	macs := known.MACs()
	told := make(map[string]bool, len(p.GetPorts()))
	for _, port := range p.GetPorts() {
		folded := routes.FoldAlias(port.Interface)
		told[folded] = true
		mac := strings.ToLower(port.Mac)
		if m, err := net.ParseMAC(port.Mac); err == nil {
			mac = m.String()
		}
		if port.Unknown {
			mac = macs[folded]
		}
		ports.List = append(ports.List, desired.Port{Alias: port.Interface, MAC: mac})
	}
	for _, port := range known.List {
		if port.MAC != "" && !told[routes.FoldAlias(port.Alias)] {
			ports.List = append(ports.List, port)
		}
	}
	return ports
}

// toNICs are the links that a host may want to know: those of its ports, and
// those with an address that is more than link-local. Links that belong to
// another (bridge, bond) are not NICs.
func toNICs(links []kernel.Link, ports desired.Ports) []*pb.Nic {
	var nics []*pb.Nic
	for _, l := range links {
		mac := l.MAC
		ours := func(p desired.Port) bool {
			if p.MAC != "" && strings.EqualFold(p.MAC, l.Perm) {
				mac = p.MAC // the host knows it by that
			}
			return p.MAC != "" && strings.EqualFold(p.MAC, mac)
		}
		global := func(a kernel.Address) bool { return !a.Prefix.Addr().IsLinkLocalUnicast() }
		if mac == "" || l.Master != 0 || !slices.ContainsFunc(ports.List, ours) && !slices.ContainsFunc(l.Addresses, global) {
			continue
		}
		nic := &pb.Nic{Mac: mac, Link: l.Name, Index: l.Index, Up: l.Up && l.Lower, Addressing: string(l.Addressing())}
		for _, addr := range l.Addresses {
			nic.Addresses = append(nic.Addresses, addr.Prefix.String())
		}
		for _, c := range l.Connected {
			nic.Connected = append(nic.Connected, &pb.Connected{Prefix: c.Prefix.String(), Metric: c.Metric})
		}
		nics = append(nics, nic)
	}
	return nics
}
