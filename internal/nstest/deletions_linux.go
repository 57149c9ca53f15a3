package nstest

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Deletions records which routes of a protocol leave the namespace's kernel,
// for however short a time, until the returned function is called.
func Deletions(t testing.TB, protocol int) (stop func() []string) {
	t.Helper()
	updates, done := make(chan netlink.RouteUpdate, 1024), make(chan struct{})
	if err := netlink.RouteSubscribe(updates, done); err != nil {
		t.Fatal(err)
	}
	last := netlink.NewIPNet(net.IPv4(192, 0, 2, 1))
	var gone []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for u := range updates {
			switch {
			case u.Type == unix.RTM_DELROUTE && int(u.Protocol) == protocol:
				gone = append(gone, u.Dst.String())
			case u.Type == unix.RTM_NEWROUTE && u.Dst != nil && u.Dst.String() == last.String():
				return
			}
		}
	}()
	end := sync.OnceFunc(func() {
		close(done)
		for range updates { // closed when the subscription has ended
		}
	})
	t.Cleanup(end)
	return func() []string {
		t.Helper()
		// Notifications come in order: after that of this address's own route all
		// before it are known.
		loopback, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.AddrAdd(loopback, &netlink.Addr{IPNet: last})
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("the kernel's notifications do not come")
		}
		end()
		if err := netlink.AddrDel(loopback, &netlink.Addr{IPNet: last}); err != nil {
			t.Fatal(err)
		}
		return gone
	}
}
