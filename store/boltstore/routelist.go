package boltstore

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/hcsroute/hcsroute/routes"
)

// A list of routes is compact: 10,000 of a batch take about 50 KB. Each starts
// with flags that say what it shares with the one before; of an address only
// the bytes within the prefix are there.
const (
	listSameAlias = 1 << iota
	listSameHop
	listSameMetric
	listIPv6
	listFlags = 1<<iota - 1
)

func appendRouteList(b []byte, list []routes.Route) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	var last routes.Fields
	for _, r := range list {
		f := r.Fields()
		flags := byte(0)
		if f.Interface == last.Interface {
			flags |= listSameAlias
		}
		if f.NextHop == last.NextHop {
			flags |= listSameHop
		}
		if f.Metric == last.Metric {
			flags |= listSameMetric
		}
		if f.Destination.Addr().Is6() {
			flags |= listIPv6
		}
		b = append(b, flags, byte(f.Destination.Bits()))
		addr := f.Destination.Addr().AsSlice()
		b = append(b, addr[:(f.Destination.Bits()+7)/8]...)
		if flags&listSameAlias == 0 {
			b = appendText(b, f.Interface)
		}
		if flags&listSameHop == 0 {
			b = append(b, f.NextHop.AsSlice()...)
		}
		if flags&listSameMetric == 0 {
			b = binary.AppendUvarint(b, uint64(f.Metric))
		}
		last = f
	}
	return b
}

var errList = errors.New("a list of routes is not as it is written")

// routeList reads what appendRouteList wrote, in that one form only.
func (d *decoder) routeList() []routes.Route {
	n := d.count()
	if n == 0 {
		return nil
	}
	list := make([]routes.Route, 0, n)
	var last routes.Fields
	for range n {
		f := d.fields(last)
		r, err := routes.New(f)
		if d.err == nil && err != nil {
			d.fail(err)
		}
		if d.err == nil && r.Fields() != f {
			d.fail(errList)
		}
		if d.err != nil {
			return list
		}
		list = append(list, r)
		last = f
	}
	return list
}

func (d *decoder) fields(last routes.Fields) (f routes.Fields) {
	head := d.take(2)
	if head == nil {
		return f
	}
	flags, bits := head[0], int(head[1])
	size := 4
	if flags&listIPv6 != 0 {
		size = 16
	}
	if flags > listFlags || bits > 8*size {
		d.fail(errList)
		return f
	}
	addr := make([]byte, size)
	copy(addr, d.take(uint64(bits+7)/8))
	ip, _ := netip.AddrFromSlice(addr)
	f = last
	f.Destination = netip.PrefixFrom(ip, bits)
	if flags&listSameAlias == 0 {
		f.Interface = d.text()
	}
	if flags&listSameHop == 0 {
		f.NextHop, _ = netip.AddrFromSlice(d.take(uint64(size)))
	}
	if flags&listSameMetric == 0 {
		f.Metric = uint32(d.uvarint())
	}
	if flags&listSameAlias == 0 && f.Interface == last.Interface || flags&listSameHop == 0 && f.NextHop == last.NextHop ||
		flags&listSameMetric == 0 && f.Metric == last.Metric {
		d.fail(errList)
	}
	return f
}
