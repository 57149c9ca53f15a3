package agent

import (
	"net"
	"slices"
	"strings"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// fromPorts reads what is kept of the ports. What is known of a port that the host
// does not see now stays: a port that is gone on the host for a moment takes no
// NIC from the node.
func fromPorts(p *pb.Ports, known desired.Ports) desired.Ports {
	ports := desired.Ports{AllowOverrideOnLink: p.GetAllowOverrideOnLink()}
	macs := known.MACs()
	named := make(map[string]bool, len(p.GetPorts()))
	for _, port := range p.GetPorts() {
		folded := routes.FoldAlias(port.Interface)
		named[folded] = true
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
		if port.MAC != "" && !named[routes.FoldAlias(port.Alias)] {
			ports.List = append(ports.List, port)
		}
	}
	return ports
}

// toNICs are the links that a host may want to know, no more than it takes: those
// of its ports, by the MACs that it knows, then others with an address that is
// more than link-local.
// inUse has the known links of the ports, by folded alias.
func toNICs(links []kernel.Link, ports desired.Ports, inUse map[string]int32) []*pb.Nic {
	var nics []*pb.Nic
	listed := make(map[int32]bool)
	for _, p := range ports.List {
		l, _ := kernel.FindNIC(links, p.MAC, inUse[routes.FoldAlias(p.Alias)])
		same := func(n *pb.Nic) bool { return n.Mac == p.MAC }
		if l.Index != 0 && len(nics) < agentapi.MaxNICs && !slices.ContainsFunc(nics, same) {
			listed[l.Index] = true
			nics = append(nics, toNIC(l, p.MAC))
		}
	}
	for _, l := range links {
		global := func(a kernel.Address) bool { return !a.Prefix.Addr().IsLinkLocalUnicast() }
		if len(nics) == agentapi.MaxNICs {
			break
		}
		if l.MAC != "" && l.Master == 0 && !listed[l.Index] && slices.ContainsFunc(l.Addresses, global) {
			nics = append(nics, toNIC(l, l.MAC))
		}
	}
	return nics
}

// toNIC is a link as the host gets it, with no more addresses and networks than
// the host reads: a link like kube-ipvs0 has the addresses of all services.
func toNIC(l kernel.Link, mac string) *pb.Nic {
	nic := &pb.Nic{Mac: mac, Link: l.Name, Index: l.Index, Up: l.Up && l.Lower, Addressing: string(l.Addressing())}
	for _, addr := range l.Addresses[:min(len(l.Addresses), agentapi.MaxNetworks)] {
		nic.Addresses = append(nic.Addresses, addr.Prefix.String())
	}
	for _, c := range l.Connected[:min(len(l.Connected), agentapi.MaxNetworks)] {
		nic.Connected = append(nic.Connected, &pb.Connected{Prefix: c.Prefix.String(), Metric: c.Metric})
	}
	return nic
}
