//go:build linux

package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// WatchBuffer is the receive buffer in bytes that a subscription asks for: 16 MiB
// hold a burst of 100,000 changes.
const WatchBuffer = 16 << 20

// Watch is a subscription to changes of routes, links, addresses and next-hop
// objects. One goroutine may call Next, any may call Close.
type Watch struct {
	file   *os.File
	raw    syscall.RawConn
	in     []byte
	buffer Buffer
	closed atomic.Bool
}

// Subscribe opens a subscription in the network namespace of the calling
// thread. Changes made through the command socket with netlink port ignore are
// left out by the kernel; 0 leaves out nothing.
func Subscribe(ignore uint32) (*Watch, error) {
	fd, err := openSocket(unix.SOCK_NONBLOCK)
	if err != nil {
		return nil, err
	}
	w := &Watch{in: make([]byte, receiveLen)}
	if err := w.setup(fd, ignore); err != nil {
		unix.Close(fd)
		return nil, err
	}
	w.file = os.NewFile(uintptr(fd), "rtnetlink")
	if w.raw, err = w.file.SyscallConn(); err != nil {
		w.file.Close()
		return nil, fmt.Errorf("netlink subscription: %w", err)
	}
	return w, nil
}

func (w *Watch) setup(fd int, ignore uint32) (err error) {
	// The buffer and the filter come before the groups: nothing arrives without.
	if w.buffer, err = setReceiveBuffer(fd, WatchBuffer); err != nil {
		return err
	}
	if ignore != 0 {
		if err := ignorePort(fd, ignore); err != nil {
			return err
		}
	}
	for _, group := range []int{
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_LINK,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_NEXTHOP,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE, unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_IPV6_NETCONF,
	} {
		err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
		if err == unix.EINVAL && group == unix.RTNLGRP_NEXTHOP {
			continue // Linux before 5.3 has no next-hop objects
		}
		if err != nil {
			return fmt.Errorf("netlink subscription: join group %d: %w", group, err)
		}
	}
	return nil
}

// ignorePort has the kernel drop notifications of that sender: the agent's own
// writes need no second copy.
func ignorePort(fd int, port uint32) error {
	wire := binary.NativeEndian.AppendUint32(nil, port)
	const portOffset = 12 // nlmsg_pid
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: portOffset},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: binary.BigEndian.Uint32(wire)},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return fmt.Errorf("netlink subscription: attach filter: %w", err)
	}
	return nil
}

// Buffer is the receive buffer that the kernel granted.
func (w *Watch) Buffer() Buffer { return w.buffer }

// SetDeadline makes a Next that waits at t return an error that is
// os.ErrDeadlineExceeded; the zero time means never.
func (w *Watch) SetDeadline(t time.Time) error { return w.file.SetReadDeadline(t) }

// Close ends the subscription; a blocked Next returns os.ErrClosed.
func (w *Watch) Close() error {
	w.closed.Store(true)
	return w.file.Close()
}

// Next waits for changes and appends them to events. What the kernel had to
// drop (ENOBUFS) and what cannot be decoded is an Overrun event, after which
// the subscription goes on. Its error is final: os.ErrClosed after Close.
func (w *Watch) Next(events []Event) ([]Event, error) {
	var n int
	var readErr error
	err := w.raw.Read(func(fd uintptr) bool {
		for {
			n, _, readErr = unix.Recvfrom(int(fd), w.in, 0)
			if readErr != unix.EINTR {
				return readErr != unix.EAGAIN
			}
		}
	})
	switch {
	case w.closed.Load(): // the raw connection's own error is of an internal type
		return events, os.ErrClosed
	case err != nil:
		return events, fmt.Errorf("netlink subscription: %w", err)
	case errors.Is(readErr, unix.ENOBUFS):
		return append(events, Event{Kind: Overrun}), nil
	case readErr != nil:
		return events, fmt.Errorf("netlink subscription: %w", readErr)
	}
	return decodeEvents(w.in[:n], events), nil
}

// decodeEvents appends the events of one datagram.
func decodeEvents(b []byte, events []Event) []Event {
	for m, err := range messages(b) {
		if err == nil {
			events, err = decodeEvent(m, events)
		}
		if err != nil {
			return append(events, Event{Kind: Overrun})
		}
	}
	return events
}

func decodeEvent(m message, events []Event) ([]Event, error) {
	e := Event{Port: m.port}
	switch m.kind {
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		if cloned(m.body) {
			return events, nil
		}
		e.Kind, e.Replaced = RouteAdded, m.flags&unix.NLM_F_REPLACE != 0
		if m.kind == unix.RTM_DELROUTE {
			e.Kind, e.Replaced = RouteDeleted, false
		}
		err := decodeRoute(m.body, func(r Route) {
			if r.Table == unix.RT_TABLE_MAIN {
				if e.Route = r; !r.Plain() {
					e.Route.Object = objectOf(r, m.body)
				}
				events = append(events, e)
				return
			}
			if n := len(events); n == 0 || events[n-1].Kind != OtherTable { // one is as good as many
				events = append(events, Event{Kind: OtherTable})
			}
		})
		return events, err
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if len(m.body) < unix.SizeofIfInfomsg {
			return events, errMalformed
		}
		e.Kind, e.Link = LinkChanged, int32(binary.NativeEndian.Uint32(m.body[4:]))
		mac, err := linkMAC(m.body[unix.SizeofIfInfomsg:])
		e.MAC = mac
		return append(events, e), err
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		if len(m.body) < unix.SizeofIfAddrmsg {
			return events, errMalformed
		}
		e.Kind, e.Link = AddressChanged, int32(binary.NativeEndian.Uint32(m.body[4:]))
		return append(events, e), nil
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		e.Kind = RuleChanged
		return append(events, e), nil
	case unix.RTM_NEWNETCONF, unix.RTM_DELNETCONF:
		link, err := configLink(m.body)
		e.Kind, e.Link = ConfigChanged, link
		return append(events, e), err
	case unix.RTM_NEWNEXTHOP, unix.RTM_DELNEXTHOP:
		e.Kind = NextHopChanged
		return append(events, e), nil
	}
	return events, nil
}

// configLink is the link whose setting a message is about; negative where the
// setting is for all links.
func configLink(body []byte) (int32, error) {
	const header, netconfaIfindex = 4, 1 // struct netconfmsg, padded; NETCONFA_IFINDEX
	if len(body) < header {
		return 0, errMalformed
	}
	for rest := body[header:]; len(rest) > 0; {
		kind, v, next, err := nextAttr(rest)
		if err != nil {
			return 0, err
		}
		if kind == netconfaIfindex && len(v) == 4 {
			return int32(binary.NativeEndian.Uint32(v)), nil
		}
		rest = next
	}
	return 0, nil
}

func linkMAC(b []byte) (string, error) {
	for len(b) > 0 {
		kind, v, rest, err := nextAttr(b)
		if err != nil {
			return "", err
		}
		if kind == unix.IFLA_ADDRESS {
			return net.HardwareAddr(v).String(), nil
		}
		b = rest
	}
	return "", nil
}
