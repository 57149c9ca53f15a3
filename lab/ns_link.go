//go:build linux

package lab

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Address is an address of a link with its prefix length.
type Address struct {
	Prefix netip.Prefix
	// Lease is the valid lifetime, as DHCP gives one; zero means for ever.
	Lease time.Duration
}

// Link returns the link of that name.
func (n *NS) Link(name string) (netlink.Link, error) {
	l, err := n.handle.LinkByName(name)
	if err != nil {
		return nil, fmt.Errorf("lab: link %s in %s: %w", name, n.name, err)
	}
	return l, nil
}

// SetUp sets a link up.
func (n *NS) SetUp(link string) error { return n.onLink(link, "set up", n.handle.LinkSetUp) }

// SetDown sets a link down; the kernel drops its routes, in IPv4 silently.
func (n *NS) SetDown(link string) error { return n.onLink(link, "set down", n.handle.LinkSetDown) }

// DelLink deletes a link, and with it the other end of a veth.
func (n *NS) DelLink(link string) error { return n.onLink(link, "delete", n.handle.LinkDel) }

// AddAddress adds an address to a link.
func (n *NS) AddAddress(link string, a Address) error {
	return n.onLink(link, "add "+a.Prefix.String()+" to", func(l netlink.Link) error {
		return n.handle.AddrAdd(l, a.kernel())
	})
}

// DelAddress removes an address from a link; the kernel drops the routes that
// need it.
func (n *NS) DelAddress(link string, p netip.Prefix) error {
	return n.onLink(link, "remove "+p.String()+" from", func(l netlink.Link) error {
		return n.handle.AddrDel(l, Address{Prefix: p}.kernel())
	})
}

func (n *NS) onLink(link, what string, f func(netlink.Link) error) error {
	l, err := n.Link(link)
	if err != nil {
		return err
	}
	if err := f(l); err != nil {
		return fmt.Errorf("lab: %s %s in %s: %w", what, link, n.name, err)
	}
	return nil
}

func (a Address) kernel() *netlink.Addr {
	k := &netlink.Addr{IPNet: ipNet(a.Prefix)}
	if a.Prefix.Addr().Is6() {
		k.Flags = unix.IFA_F_NODAD
	}
	if a.Lease > 0 {
		k.ValidLft, k.PreferedLft = int(a.Lease.Seconds()), int(a.Lease.Seconds())
	}
	return k
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
