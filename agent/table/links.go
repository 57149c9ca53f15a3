package table

import (
	"context"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// factsRetry is the wait before links are read again after an error.
const factsRetry = 200 * time.Millisecond

// refreshLinks reads the links anew and finds each port's NIC by its MAC.
func (t *Table) refreshLinks(ctx context.Context) {
	links, err := t.kernel.Links(ctx)
	if err != nil {
		t.linksAt = t.now().Add(factsRetry)
		t.opts.Log.Error("read links", "error", err, "retry", factsRetry)
		return
	}
	t.linksAt, t.linkNames = time.Time{}, make(map[int32]string, len(links))
	for _, l := range links {
		t.linkNames[l.Index] = l.Name
	}
	changed := make(map[uint16]bool)
	for i := range t.ports {
		p := &t.ports[i]
		nic := findNIC(p, links)
		if !reflect.DeepEqual(nic, p.nic) {
			p.nic, changed[uint16(i)] = nic, true
		}
	}
	if len(changed) > 0 {
		for i := range t.slots {
			if s := &t.slots[i]; s.has(flagUsed) && changed[s.port] {
				t.queue(int32(i))
			}
		}
		t.reportNICs()
	}
	// Facts may be the same again after an event and the kernel's answer not.
	for i, e := range t.excs {
		if e.State != routes.Programmed && e.Cause != routes.KernelRejected {
			t.queue(i)
		}
	}
}

// findNIC is the one link with the port's MAC that belongs to no other: the
// slave of a bond has its master's MAC.
func findNIC(p *port, links []kernel.Link) NIC {
	nic := NIC{Interface: p.alias, MAC: p.mac, Cause: routes.NoNodeNIC}
	for _, l := range links {
		if p.mac == "" || l.Master != 0 || !strings.EqualFold(l.MAC, p.mac) && !strings.EqualFold(l.Perm, p.mac) {
			continue
		}
		if nic.Link != 0 {
			return NIC{Interface: p.alias, MAC: p.mac, Cause: routes.NICAmbiguous, Name: nic.Name + ", " + l.Name}
		}
		addrs := make([]netip.Prefix, len(l.Addresses))
		for i, a := range l.Addresses {
			addrs[i] = a.Prefix
		}
		nic = NIC{
			Interface: p.alias, MAC: p.mac, Link: l.Index, Name: l.Name, Up: l.Up, Lower: l.Lower,
			Addressing: l.Addressing(), Addresses: addrs, Connected: l.Connected,
		}
	}
	return nic
}

// concerns tells whether a link event is about a NIC of ours, or may be.
func (t *Table) concerns(e kernel.Event) bool {
	for i := range t.ports {
		p := &t.ports[i]
		if p.nic.Link == e.Link || e.MAC != "" && strings.EqualFold(e.MAC, p.mac) || p.nic.Cause != "" {
			return true
		}
	}
	return false
}
