//go:build linux

package lab

import (
	"fmt"
	"net/netip"
	"strconv"
)

// maxWorkers keeps the nodes' addresses inside their /24.
const maxWorkers = 200

// nodeSpec is a node of the diagram; n counts from 1, the master.
type nodeSpec struct {
	n    int
	name string
	role string
	pod  string
}

func nodeSpecs(workers int) []nodeSpec {
	list := []nodeSpec{{n: 1, name: "k8s-master", role: "master", pod: "pod-master-1"}}
	for w := range workers {
		s := nodeSpec{n: w + 2, name: "k8s-worker", role: "worker", pod: fmt.Sprintf("pod-worker-%d", w+1)}
		if w > 0 {
			s.name = fmt.Sprintf("k8s-worker-%d", w+1)
		}
		list = append(list, s)
	}
	return list
}

// host is the last part of the node's addresses, in both families: 11, 12, …
func (s nodeSpec) host() string { return strconv.Itoa(10 + s.n) }

func (s nodeSpec) internal() planLink {
	return planLink{ns: s.name, name: "eth0", mac: mac(macNodeInternal, s.n), addresses: prefixes("10.0.10."+s.host()+"/24", "fd00:10::"+s.host()+"/64")}
}

func (s nodeSpec) external() planLink {
	return planLink{ns: s.name, name: "eth1", mac: mac(macNodeExternal, s.n), addresses: prefixes("192.168.20."+s.host()+"/24", "fd00:20::"+s.host()+"/64")}
}

// pods4 and pods6 are the node's share of the pod subnets.
func (s nodeSpec) pods4() string { return fmt.Sprintf("172.27.%d.", s.n) }
func (s nodeSpec) pods6() string { return fmt.Sprintf("fd00:172:27:%d::", s.n) }

func (p *plan) addNode(s nodeSpec) {
	p.namespaces = append(p.namespaces, planNS{s.name, true})
	vm := fmt.Sprintf("vm%d", s.n)
	p.cables = append(p.cables,
		cable{s.internal(), planLink{ns: Host, name: vm + "-int", mac: mac(macSwitchPort, 2*s.n), master: InternalSwitch}},
		cable{s.external(), planLink{ns: Host, name: vm + "-Port3", mac: mac(macSwitchPort, 2*s.n+1), master: ExternalSwitch}})
	p.routes = append(p.routes, route(s.name, "eth0", "0.0.0.0/0", "10.0.10.1"), route(s.name, "eth0", "::/0", "fd00:10::1"))
}

func (p *plan) addPod(s nodeSpec) {
	p.namespaces = append(p.namespaces, planNS{s.pod, false})
	p.bridges = append(p.bridges, planLink{ns: s.name, name: "cali0", mac: mac(macSwitch, 0x100+s.n),
		addresses: prefixes(s.pods4()+"1/24", s.pods6()+"1/64")})
	p.cables = append(p.cables, cable{
		planLink{ns: s.pod, name: "eth0", mac: mac(macPod, s.n), addresses: prefixes(s.pods4()+"10/24", s.pods6()+"10/64")},
		planLink{ns: s.name, name: "cali1", mac: mac(macPeer, 0x100+s.n), master: "cali0"},
	})
	p.routes = append(p.routes, route(s.pod, "eth0", "0.0.0.0/0", s.pods4()+"1"), route(s.pod, "eth0", "::/0", s.pods6()+"1"))
	for _, subnet := range []string{podSubnet, podSubnet6} {
		all := netip.MustParsePrefix(subnet)
		p.nats = append(p.nats, nat{ns: s.name, source: all, except: all})
	}
	p.returns = append(p.returns,
		route(Host, InternalSwitch, s.pods4()+"0/24", "10.0.10."+s.host()), route(Host, InternalSwitch, s.pods6()+"/64", "fd00:10::"+s.host()),
		route(Internet, "eth0", s.pods4()+"0/24", "203.0.113.10"), route(Internet, "eth0", s.pods6()+"/64", "2001:db8:203::10"),
		route(CameraGateway, "eth0", s.pods4()+"0/24", "192.168.20."+s.host()), route(CameraGateway, "eth0", s.pods6()+"/64", "fd00:20::"+s.host()))
}

// addPodRoutes adds the ways to the pods of the other nodes, as Calico does.
func (p *plan) addPodRoutes(s nodeSpec, all []nodeSpec) {
	for _, other := range all {
		if other.n == s.n {
			continue
		}
		for _, r := range []planRoute{
			route(s.name, "eth0", other.pods4()+"0/24", "10.0.10."+other.host()),
			route(s.name, "eth0", other.pods6()+"/64", "fd00:10::"+other.host()),
		} {
			r.spec.Protocol = calicoProtocol
			p.routes = append(p.routes, r)
		}
	}
}
