//go:build linux

package rtnl

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

// encodeReference encodes op with the nl package, attribute by attribute.
func encodeReference(op Op, seq uint32) []byte {
	kind, flags := unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL
	switch op.Kind {
	case Append:
		flags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
	case Delete:
		kind, flags = unix.RTM_DELROUTE, 0
	}
	req := nl.NewNetlinkRequest(kind, flags)
	req.Seq = seq
	msg := nl.NewRtMsg()
	if op.Kind == Delete {
		msg = nl.NewRtDelMsg()
		msg.Table = unix.RT_TABLE_MAIN
	}
	e := op.Entry
	device := e.NextHop.IsUnspecified()
	v4 := e.Destination.Addr().Is4()
	msg.Family, msg.Dst_len, msg.Protocol = unix.AF_INET6, uint8(e.Destination.Bits()), testProtocol
	if v4 {
		msg.Family = unix.AF_INET
	}
	if device && (op.Kind != Delete || v4 && e.Link != 0) {
		msg.Scope = unix.RT_SCOPE_LINK
	}
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.RTA_DST, e.Destination.Addr().AsSlice()))
	req.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(e.Metric)))
	if !device {
		req.AddData(nl.NewRtAttr(unix.RTA_GATEWAY, net.IP(e.NextHop.AsSlice())))
	}
	if e.Link != 0 {
		req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(e.Link))))
	}
	return req.Serialize()
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte{10, 1, 0, 0}, []byte{10, 200, 0, 2}, uint8(16), uint32(256), int32(7), uint8(0))
	f.Add(bytes.Repeat([]byte{0x20}, 16), bytes.Repeat([]byte{0xfd}, 16), uint8(48), uint32(1), int32(0), uint8(2))
	f.Add([]byte{10, 1, 0, 0}, []byte{0, 0, 0, 0}, uint8(32), uint32(65535), int32(3), uint8(2))
	f.Fuzz(func(t *testing.T, dst, hop []byte, bits uint8, metric uint32, link int32, kind uint8) {
		d, okDst := netip.AddrFromSlice(dst)
		h, okHop := netip.AddrFromSlice(hop)
		if !okDst || !okHop || int(bits) > d.BitLen() {
			t.Skip()
		}
		op := Op{Kind: Kind(kind%3) + 1, Entry: routes.FIBEntry{Destination: netip.PrefixFrom(d, int(bits)), NextHop: h, Link: link, Metric: metric}}
		if !validEntry(op.Entry) {
			t.Skip()
		}
		req := request{kind: unix.RTM_NEWROUTE, flags: unix.NLM_F_CREATE | unix.NLM_F_EXCL, seq: 42}
		switch op.Kind {
		case Append:
			req.flags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
		case Delete:
			req.kind, req.flags = unix.RTM_DELROUTE, 0
		}
		got := appendRoute([]byte("before"), req, op, testProtocol)[len("before"):]
		if want := encodeReference(op, 42); !bytes.Equal(got, want) {
			t.Fatalf("%+v\n got %x\nwant %x", op, got, want)
		}
		if len(got) > maxRouteLen {
			t.Errorf("%d bytes, maxRouteLen is %d", len(got), maxRouteLen)
		}
		m, rest, err := nextMessage(got)
		if err != nil || len(rest) > 0 || m.flags&unix.NLM_F_REPLACE != 0 {
			t.Fatal(m, rest, err)
		}
		var back []Route
		if err := decodeRoute(m.body, func(r Route) { back = append(back, r) }); err != nil {
			t.Fatal(err)
		}
		want := op.Entry
		want.Destination = netip.PrefixFrom(d, int(bits))
		if len(back) != 1 || back[0].FIBEntry != want || back[0].Protocol != testProtocol {
			t.Errorf("%+v decodes as %+v", op, back)
		}
	})
}

// FuzzDecode looks for panics and for messages that are read beyond their end.
func FuzzDecode(f *testing.F) {
	for _, op := range ops(Add, entry("10.1.0.0/16", "10.200.0.2", 3, 5), entry("2001:db8::/48", "::", 3, 5)) {
		f.Add(appendRoute(nil, request{kind: unix.RTM_NEWROUTE}, op, testProtocol))
	}
	leg := slices.Concat([]byte{16, 0, 0, 0, 3, 0, 0, 0}, []byte{8, 0, 5, 0, 10, 200, 0, 2})
	route := appendHeader(nil, request{kind: unix.RTM_NEWROUTE})
	route = append(route, 2, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0, byte(4+len(leg)), 0, unix.RTA_MULTIPATH, 0)
	route = append(route, leg...)
	route[0] = byte(len(route))
	f.Add(route)
	f.Add([]byte{36, 0, 0, 0, 2, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 36, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, e := range decodeEvents(b, nil) {
			if e.Kind == 0 {
				t.Errorf("event without a kind: %+v", e)
			}
		}
		for m, err := range messages(b) {
			if err != nil {
				break
			}
			_, _, _ = decodeError(m)
			_, _ = (&Conn{protocol: testProtocol}).lookupAnswer(m, false)
		}
	})
}
