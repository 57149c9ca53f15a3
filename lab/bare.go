//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
)

const (
	// BareWire is the namespace at the other end of all cables of [Bare].
	BareWire = "wire"

	maxBare = 4000
)

// Bare brings up count nodes without anything around them, for benchmarks.
// Each has the NIC eth1 with the same addresses, 192.168.20.11/24 and
// fd00:20::11/64, and a MAC of its own; no one answers on the other side.
func Bare(ctx context.Context, count int) (*Lab, error) {
	if count < 1 || count > maxBare {
		return nil, fmt.Errorf("lab: %d bare nodes; use 1 to %d", count, maxBare)
	}
	l, err := empty()
	if err != nil {
		return nil, err
	}
	p := plan{namespaces: []planNS{{name: BareWire}}}
	for i := range count {
		n := l.bareNode(fmt.Sprintf("bare-%04d", i+1), "worker")
		nic := nodeSpec{n: 1, name: n.Name}.external()
		nic.mac = mac(macNodeExternal, i+1)
		p.namespaces = append(p.namespaces, planNS{name: n.Name})
		p.cables = append(p.cables, cable{nic, planLink{ns: BareWire, name: fmt.Sprintf("to%04d", i+1), mac: mac(macSwitchPort, i+1)}})
		n.NICs = []NIC{{Name: nic.name, MAC: nic.mac, Port: "Port3", Switch: ExternalSwitch, Addresses: bits(nic.addresses)}}
		l.nodes = append(l.nodes, n)
	}
	if err := l.build(ctx, p); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := l.makeNodeDirs(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
