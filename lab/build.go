//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// build makes what the plan says. The network is up, without routes over it,
// before the first route is added.
func (l *Lab) build(ctx context.Context, p plan) error {
	if err := l.makeNamespaces(ctx, p.namespaces); err != nil {
		return err
	}
	for _, b := range p.bridges {
		if err := l.makeBridge(b); err != nil {
			return err
		}
	}
	for _, c := range p.cables {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("lab: %w", context.Cause(ctx))
		}
		if err := l.makeCable(c); err != nil {
			return err
		}
	}
	if err := l.WaitReady(ctx); err != nil {
		return err
	}
	return l.addRoutes(p.routes)
}

func (l *Lab) addRoutes(list []planRoute) error {
	for _, r := range list {
		if err := l.ns[r.ns].AddRoute(r.spec); err != nil {
			return err
		}
	}
	return nil
}

// makeNamespaces makes them side by side: the kernel spends most of the time
// waiting for itself.
func (l *Lab) makeNamespaces(ctx context.Context, list []planNS) error {
	dir := filepath.Join(l.StateDir, "netns")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	var (
		mu    sync.Mutex
		first error
		wg    sync.WaitGroup
	)
	for _, spec := range list {
		wg.Go(func() {
			if ctx.Err() != nil {
				return
			}
			ns, err := NewNS(spec.name, dir)
			if err == nil && spec.forward {
				err = ns.Do(func() error { return writeSysctls(forwardingSysctls()) })
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
			if ns != nil {
				l.ns[spec.name] = ns
			}
		})
	}
	wg.Wait()
	return errors.Join(first, ctx.Err())
}

func (l *Lab) makeBridge(b planLink) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = b.name, b.mac
	// Snooping without a querier may hold back neighbour discovery.
	snooping := false
	if err := l.ns[b.ns].handle.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}); err != nil {
		return fmt.Errorf("lab: add bridge %s in %s: %w", b.name, b.ns, err)
	}
	return l.configure(b)
}

func (l *Lab) makeCable(c cable) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = c.a.name, c.a.mac
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerHardwareAddr = c.b.name, c.b.mac
	veth.PeerNamespace = netlink.NsFd(l.ns[c.b.ns].file.Fd())
	if err := l.ns[c.a.ns].handle.LinkAdd(veth); err != nil {
		return fmt.Errorf("lab: add cable %s/%s to %s/%s: %w", c.a.ns, c.a.name, c.b.ns, c.b.name, err)
	}
	return errors.Join(l.configure(c.a), l.configure(c.b))
}

// configure gives a link its master and addresses and sets it up.
func (l *Lab) configure(p planLink) error {
	ns := l.ns[p.ns]
	link, err := ns.Link(p.name)
	if err != nil {
		return err
	}
	if p.alias != "" {
		if err := ns.handle.LinkSetAlias(link, p.alias); err != nil {
			return fmt.Errorf("lab: alias of %s in %s: %w", p.name, p.ns, err)
		}
	}
	if p.master != "" {
		master, err := ns.Link(p.master)
		if err != nil {
			return err
		}
		if err := ns.handle.LinkSetMaster(link, master); err != nil {
			return fmt.Errorf("lab: make %s a member of %s in %s: %w", p.name, p.master, p.ns, err)
		}
	}
	if err := ns.handle.LinkSetUp(link); err != nil {
		return fmt.Errorf("lab: set up %s in %s: %w", p.name, p.ns, err)
	}
	for _, a := range p.addresses {
		if err := ns.handle.AddrAdd(link, a.kernel()); err != nil {
			return fmt.Errorf("lab: add %s to %s in %s: %w", a.Prefix, p.name, p.ns, err)
		}
	}
	return nil
}

// makeTeam bonds Port5 and Port6 and reports whether the kernel can.
func (l *Lab) makeTeam() (bool, error) {
	host := l.ns[Host]
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = team, mac(macPort, 5)
	bond := netlink.NewLinkBond(attrs)
	bond.Mode = netlink.BOND_MODE_ACTIVE_BACKUP
	bond.FailOverMac = netlink.BOND_FAIL_OVER_MAC_ACTIVE // the ports keep their own addresses
	err := host.handle.LinkAdd(bond)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lab: add bond %s: %w", team, err)
	}
	master, err := host.Link(team)
	if err != nil {
		return false, err
	}
	for _, port := range []string{"Port5", "Port6"} {
		// A bond takes only links that are down.
		if err := host.SetDown(port); err != nil {
			return false, err
		}
		enslave := func(link netlink.Link) error { return host.handle.LinkSetMaster(link, master) }
		if err := host.onLink(port, "bond", enslave); err != nil {
			return false, err
		}
		if err := host.SetUp(port); err != nil {
			return false, err
		}
	}
	return true, host.SetUp(team)
}
