package journal

import (
	"encoding/binary"
	"iter"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/routes"
)

// format is the version of the layout. Format 1, which had no authenticators,
// is read too; another one is refused, never guessed.
const (
	format      = 2
	formatPlain = 1
)

// routeMin is the least number of bytes of a route: alias, family, address,
// length, next hop.
const routeMin = 11

type header struct {
	node, storeID string
	epoch         uint64
	count         uint64 // of the set, to make room for
	plain         bool   // as read: of format 1
}

func appendHeader(b []byte, h header) []byte {
	b, start := beginRecord(b, kindHeader)
	b = append(b, format)
	b = appendString(b, h.node)
	b = appendString(b, h.storeID)
	b = binary.AppendUvarint(b, h.epoch)
	return endRecord(binary.AppendUvarint(b, h.count), start)
}

// appendSet appends the whole state as records of at most chunk routes.
func appendSet(b []byte, s *desired.State) []byte {
	const chunk = 4096
	next, stop := iter.Pull(s.Set.All())
	defer stop()
	for left := s.Set.Len(); left > 0; {
		n := min(left, chunk)
		left -= n
		var start int
		b, start = beginRecord(b, kindRoutes)
		b = binary.AppendUvarint(b, uint64(n))
		aliases := map[string]uint64{}
		for range n {
			r, _ := next()
			b = appendRoute(b, aliases, r)
		}
		b = endRecord(b, start)
	}
	b, start := beginRecord(b, kindSet)
	b = appendVersion(b, s.Version, s.Authenticator)
	return endRecord(appendPorts(b, s.Ports), start)
}

func appendChange(b []byte, c desired.Change) []byte {
	b, start := beginRecord(b, kindChange)
	b = binary.AppendUvarint(b, uint64(c.From))
	b = appendVersion(b, c.Version, c.Authenticator)
	aliases := map[string]uint64{}
	b = binary.AppendUvarint(b, uint64(len(c.Removals)))
	for _, k := range c.Removals {
		b = appendKey(b, aliases, k)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Upserts)))
	for _, r := range c.Upserts {
		b = appendRoute(b, aliases, r)
	}
	if c.Ports == nil {
		return endRecord(append(b, 0), start)
	}
	return endRecord(appendPorts(append(b, 1), *c.Ports), start)
}

// appendKey appends a key. Aliases are written once and numbered from 1 in
// order of appearance.
func appendKey(b []byte, aliases map[string]uint64, k routes.Key) []byte {
	if n, ok := aliases[k.Interface]; ok {
		b = binary.AppendUvarint(b, n)
	} else {
		aliases[k.Interface] = uint64(len(aliases) + 1)
		b = appendString(append(b, 0), k.Interface)
	}
	family := byte(6)
	if k.Destination.Addr().Is4() {
		family = 4
	}
	b = append(b, family, byte(k.Destination.Bits()))
	b = append(b, k.Destination.Addr().AsSlice()...)
	return append(b, k.NextHop.AsSlice()...)
}

func appendRoute(b []byte, aliases map[string]uint64, r routes.Route) []byte {
	// Not r.Key(): the alias keeps its spelling.
	b = appendKey(b, aliases, routes.Key{Interface: r.Interface(), Destination: r.Destination(), NextHop: r.NextHop()})
	return binary.LittleEndian.AppendUint16(b, r.Metric())
}

func appendVersion(b []byte, v routes.Version, authenticator []byte) []byte {
	b = binary.AppendUvarint(b, uint64(v.Revision))
	b = binary.AppendUvarint(b, v.Count)
	return appendString(append(b, v.Digest.Bytes()...), string(authenticator))
}

func appendPorts(b []byte, p desired.Ports) []byte {
	var flags byte
	if p.AllowOverrideOnLink {
		flags = 1
	}
	b = binary.AppendUvarint(append(b, flags), uint64(len(p.List)))
	for _, port := range p.List {
		b = appendString(appendString(b, port.Alias), port.MAC)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
