//go:build linux

package lab

import "time"

// Namespaces of the diagram that do not depend on the options. Nodes and pods
// are named by [Lab.Nodes].
const (
	Host          = "host"
	LAN           = "lan"
	Internet      = "internet"
	CameraGateway = "camera-gw"
	Camera21      = "camera-21"
	Camera22      = "camera-22"
)

// Links of the host namespace.
const (
	ExternalSwitch = "vswitch-Port3"
	// InternalSwitch is the kernel's name of the internal switch; its alias
	// is vswitch-internal, which is too long for a name.
	InternalSwitch = "vswitch-int"
	team           = "team56"
)

const (
	podSubnet      = "172.27.0.0/16"
	podSubnet6     = "fd00:172:27::/48"
	internalNet    = "10.0.10.0/24"
	internalNet6   = "fd00:10::/64"
	leaseLifetime  = time.Hour
	calicoProtocol = 80
)

// diagram is the vendor's diagram with the given nodes.
func diagram(nodes []nodeSpec, pods bool) plan {
	p := plan{namespaces: []planNS{{Host, true}, {LAN, false}, {Internet, true}, {CameraGateway, true}, {Camera21, false}, {Camera22, false}}}
	p.addHost()
	p.addInternet()
	p.addCameras()
	for _, n := range nodes {
		p.addNode(n)
		if pods {
			p.addPod(n)
			p.addPodRoutes(n, nodes)
		}
	}
	return p
}

func (p *plan) addHost() {
	p.bridges = append(p.bridges,
		planLink{ns: Host, name: InternalSwitch, alias: "vswitch-internal", mac: mac(macSwitch, 1), addresses: prefixes("10.0.10.1/24", "fd00:10::1/64")},
		// As with a real bridge, the switch has the address of its uplink.
		planLink{ns: Host, name: ExternalSwitch, mac: mac(macPort, 3), addresses: prefixes("192.168.20.10/24", "fd00:20::10/64")},
		planLink{ns: LAN, name: "lan0", mac: mac(macSwitch, 2)},
	)
	leased := prefixes("192.168.40.10/24")
	leased[0].Lease = leaseLifetime
	ports := []planLink{
		{name: "Port1", addresses: prefixes("10.10.1.10/24")},
		{name: "Port2", addresses: prefixes("203.0.113.10/24", "2001:db8:203::10/64")},
		{name: "Port3", master: ExternalSwitch},
		{name: "Port4", addresses: leased},
		{name: "Port5"},
		{name: "Port6"},
	}
	for i, port := range ports {
		port.ns, port.mac = Host, mac(macPort, i+1)
		peer := planLink{ns: LAN, name: "to-" + port.name, mac: mac(macPeer, i+1)}
		switch port.name {
		case "Port2":
			peer.ns, peer.name, peer.addresses = Internet, "eth0", prefixes("203.0.113.1/24", "2001:db8:203::1/64")
		case "Port3":
			peer.master = "lan0"
		}
		p.cables = append(p.cables, cable{port, peer})
	}
	p.routes = append(p.routes, route(Host, "Port2", "0.0.0.0/0", "203.0.113.1"), route(Host, "Port2", "::/0", "2001:db8:203::1"))
	p.nats = append(p.nats,
		nat{ns: Host, source: prefixes(internalNet)[0].Prefix, out: "Port2"},
		nat{ns: Host, source: prefixes(internalNet6)[0].Prefix, out: "Port2"})
}

// addInternet gives the internet side some servers. It has no default route:
// what it does not know is answered with "network unreachable" and counted.
func (p *plan) addInternet() {
	p.bridges = append(p.bridges, planLink{ns: Internet, name: "servers", mac: mac(macSwitch, 3),
		addresses: prefixes("198.51.100.1/24", "198.51.100.53/24", "2001:db8:ffff::1/64")})
	p.returns = append(p.returns, route(Internet, "eth0", internalNet, "203.0.113.10"), route(Internet, "eth0", internalNet6, "2001:db8:203::10"))
}

func (p *plan) addCameras() {
	p.cables = append(p.cables, cable{
		planLink{ns: CameraGateway, name: "eth0", mac: mac(macGateway, 1), addresses: prefixes("192.168.20.1/24", "fd00:20::1/64")},
		planLink{ns: LAN, name: "to-camera-gw", mac: mac(macPeer, 20), master: "lan0"},
	})
	subnets := []struct{ ns, v4, v6 string }{{Camera21, "192.168.21.", "fd00:21::"}, {Camera22, "192.168.22.", "fd00:22::"}}
	for i, s := range subnets {
		p.cables = append(p.cables, cable{
			planLink{ns: CameraGateway, name: s.ns, mac: mac(macGateway, i+2), addresses: prefixes(s.v4+"1/24", s.v6+"1/64")},
			planLink{ns: s.ns, name: "eth0", mac: mac(macCamera, i+1), addresses: prefixes(s.v4+"15/24", s.v6+"15/64")},
		})
		p.routes = append(p.routes, route(s.ns, "eth0", "0.0.0.0/0", s.v4+"1"), route(s.ns, "eth0", "::/0", s.v6+"1"))
	}
}
