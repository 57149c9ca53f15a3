package view

import pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"

// Interface is a port of the device.
type Interface struct {
	Alias      string   `json:"alias"`
	MAC        string   `json:"mac,omitempty"`
	Up         *bool    `json:"up,omitempty"` // nil: not known
	Role       string   `json:"role,omitempty"`
	Addressing string   `json:"addressing,omitempty"`
	Addresses  []string `json:"addresses,omitempty"`
	Carrier    string   `json:"carrier,omitempty"`
	Team       string   `json:"team,omitempty"`
	Switch     string   `json:"switch,omitempty"`
	Eligible   bool     `json:"eligible"`
	Reason     string   `json:"reason,omitempty"`
	Message    string   `json:"message,omitempty"`
	Routes     uint64   `json:"routes"`
}

// FromInterfaces converts ports.
func FromInterfaces(list []*pb.Interface) []Interface {
	out := make([]Interface, 0, len(list))
	for _, p := range list {
		out = append(out, Interface{
			Alias: p.GetAlias(), MAC: p.GetMac(), Up: p.Up, Role: p.GetRole(), Addressing: p.GetAddressing(),
			Addresses: p.GetAddresses(), Carrier: p.GetCarrier(), Team: p.GetTeam(), Switch: p.GetSwitch(),
			Eligible: p.GetEligible(), Reason: p.GetReason(), Message: p.GetMessage(), Routes: p.GetRoutes(),
		})
	}
	return out
}

// NIC is a NIC of a node.
type NIC struct {
	MAC       string   `json:"mac"`
	Switch    string   `json:"switch,omitempty"`
	Interface string   `json:"interface,omitempty"`
	Link      string   `json:"link,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

// Node is a Kubernetes VM and the session with its agent.
type Node struct {
	Name         string `json:"name"`
	ID           string `json:"id"`
	Role         string `json:"role,omitempty"`
	State        string `json:"state,omitempty"`
	Known        bool   `json:"known"`
	Connected    bool   `json:"connected"`
	Endpoint     string `json:"endpoint,omitempty"`
	NICs         []NIC  `json:"nics,omitempty"`
	Revision     uint64 `json:"revision"`
	Programmed   uint64 `json:"programmed"`
	Waiting      uint64 `json:"waiting"`
	Failed       uint64 `json:"failed"`
	LastReport   string `json:"last_report,omitempty"`
	Repairs      uint64 `json:"repairs"`
	KernelWrites uint64 `json:"kernel_writes"`
	Problem      string `json:"problem,omitempty"`
	AgentVersion string `json:"agent_version,omitempty"`
	Kernel       string `json:"kernel,omitempty"`
	Gone         bool   `json:"gone,omitempty"`
	Remedy       string `json:"remedy,omitempty"`

	Certificate *Certificate `json:"certificate,omitempty"` // that its agent has shown
}

// FromNodes converts nodes.
func FromNodes(list []*pb.Node) []Node {
	out := make([]Node, 0, len(list))
	for _, p := range list {
		n := Node{
			Name: p.GetName(), ID: p.GetId(), Role: p.GetRole(), State: p.GetState(), Known: p.GetKnown(), Connected: p.GetConnected(),
			Endpoint: p.GetEndpoint(), Revision: p.GetRevision(), Programmed: p.GetProgrammed(), Waiting: p.GetWaiting(), Failed: p.GetFailed(),
			LastReport: Time(p.GetLastReport()), Repairs: p.GetRepairs(), KernelWrites: p.GetKernelWrites(), Problem: p.GetProblem(),
			AgentVersion: p.GetAgentVersion(), Kernel: p.GetKernel(), Gone: p.GetGone(), Remedy: p.GetRemedy(),
		}
		if p.GetCertificate() != nil {
			c := FromCertificate(p.GetCertificate())
			n.Certificate = &c
		}
		for _, nic := range p.GetNics() {
			n.NICs = append(n.NICs, NIC{MAC: nic.GetMac(), Switch: nic.GetSwitch(), Interface: nic.GetInterface(), Link: nic.GetLink(), Addresses: nic.GetAddresses()})
		}
		out = append(out, n)
	}
	return out
}

// Path is the route that one node's kernel takes to an address.
type Path struct {
	Node        string `json:"node"`
	Destination string `json:"destination,omitempty"`
	NextHop     string `json:"next_hop,omitempty"`
	Link        string `json:"link,omitempty"`
	Interface   string `json:"interface,omitempty"`
	Source      string `json:"source,omitempty"`
	Metric      uint32 `json:"metric"`
	Protocol    string `json:"protocol,omitempty"`
	Ours        bool   `json:"ours"`
	Problem     string `json:"problem,omitempty"`
}

// FromPaths converts paths.
func FromPaths(list []*pb.NodePath) []Path {
	out := make([]Path, 0, len(list))
	for _, p := range list {
		out = append(out, Path{
			Node: p.GetNode(), Destination: p.GetDestination(), NextHop: p.GetNextHop(), Link: p.GetLink(), Interface: p.GetInterface(),
			Source: p.GetSource(), Metric: p.GetMetric(), Protocol: p.GetProtocol(), Ours: p.GetOurs(), Problem: p.GetProblem(),
		})
	}
	return out
}
