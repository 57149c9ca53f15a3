package linux

import (
	"context"
	"reflect"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/internal/latest"
	"github.com/hcsroute/hcsroute/internal/netlist"
)

// debounce is how long after the first notification the links are listed, so
// that one list serves a burst of them; recheck is how often without any.
const (
	debounce = 50 * time.Millisecond
	recheck  = time.Minute
)

// Provider follows the kernel's links and addresses.
type Provider struct {
	latest.Value[hostvm.Snapshot]
	root string
}

// New lists the links and addresses once; Run follows them. It needs no privilege.
func New(o Options) (hostvm.Inventory, error) {
	if o.Root == "" {
		o.Root = "/"
	}
	p := &Provider{root: o.Root}
	p.renew()
	return p, nil
}

// Run implements hostvm.Inventory. Whatever the kernel
// sends, also that messages were lost, has the links listed again.
func (p *Provider) Run(ctx context.Context) error {
	watch, err := subscribe(ctx)
	if err != nil {
		return err
	}
	due := time.NewTimer(0) // what changed before the subscription
	defer due.Stop()
	waiting := false
	for {
		select {
		case _, open := <-watch.c:
			if !open {
				if ctx.Err() != nil {
					return nil
				}
				return watch.err
			}
			if !waiting {
				waiting = true
				due.Reset(debounce)
			}
		case <-due.C:
			waiting = false
			p.renew()
			due.Reset(recheck)
		}
	}
}

// renew lists everything. Where that fails, the facts count as unknown.
func (p *Provider) renew() {
	snap, err := p.list()
	if err != nil {
		snap = &hostvm.Snapshot{Problem: "the kernel's links could not be read: " + err.Error()}
	}
	if old := p.Current(); old == nil || !reflect.DeepEqual(old, snap) {
		p.Set(snap)
	}
}

func (p *Provider) list() (*hostvm.Snapshot, error) {
	links, err := netlist.Whole(netlink.LinkList)
	if err != nil {
		return nil, err
	}
	addrs, err := netlist.Whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, err
	}
	return newListing(links, addrs).snapshot(leases{p.root}), nil
}
