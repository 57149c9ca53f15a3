package boltstore

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hcsroute/hcsroute/routes"
)

const recordFormat = 1

// appendRecord appends the value of a record; the key holds the rest of it.
func appendRecord(b []byte, rec routes.Record) []byte {
	b = append(b, recordFormat)
	b = appendText(b, rec.Route.Interface())
	b = binary.BigEndian.AppendUint16(b, rec.Route.Metric())
	b = binary.AppendUvarint(b, uint64(rec.Revision))
	b = binary.AppendUvarint(b, uint64(rec.Created))
	b = binary.BigEndian.AppendUint64(b, uint64(rec.CreatedTime))
	b = binary.BigEndian.AppendUint64(b, uint64(rec.ChangedTime))
	return appendText(b, rec.CreatedBy)
}

// appendTombstone appends the value of a tombstone: the record, and the nodes
// that have yet to prove it gone.
func appendTombstone(b []byte, rec routes.Record, waiting []string) []byte {
	b = appendRecord(b, rec)
	b = binary.AppendUvarint(b, uint64(len(waiting)))
	for _, node := range waiting {
		b = appendText(b, node)
	}
	return b
}

// reader decodes records. It reuses the strings that neighbours share.
type reader struct {
	alias, folded, by string
}

// record decodes a live route.
func (r *reader) record(key, value []byte) (routes.Record, error) {
	value, err := unseal(key, value)
	d := decoder{b: value, err: err}
	rec, err := r.decode(key, &d)
	if err == nil {
		err = d.end()
	}
	if err != nil {
		return routes.Record{}, damaged("route record %x: %v", key, err)
	}
	return rec, nil
}

// tombstone decodes a removed route and the nodes that have yet to prove.
func (r *reader) tombstone(key, value []byte) (routes.Record, []string, error) {
	value, err := unseal(key, value)
	d := decoder{b: value, err: err}
	rec, err := r.decode(key, &d)
	var waiting []string
	for range d.count() {
		waiting = append(waiting, d.text())
	}
	if err == nil {
		err = d.end()
	}
	if err == nil && (len(waiting) == 0 || !slices.IsSorted(waiting)) {
		err = fmt.Errorf("waits for the nodes %q", waiting)
	}
	if err != nil {
		return routes.Record{}, nil, damaged("tombstone %x: %v", key, err)
	}
	rec.Removed = true
	return rec, waiting, nil
}

func (r *reader) decode(key []byte, d *decoder) (routes.Record, error) {
	d.version(recordFormat)
	alias := d.bytes()
	metric := d.uint16()
	rec := routes.Record{
		Revision: routes.Revision(d.uvarint()), Created: routes.Revision(d.uvarint()),
		CreatedTime: int64(d.uint64()), ChangedTime: int64(d.uint64()),
	}
	by := d.bytes()
	if d.err != nil {
		return rec, d.err
	}
	if string(alias) != r.alias {
		r.alias = string(alias)
		r.folded = routes.FoldAlias(r.alias)
	}
	if string(by) != r.by {
		r.by = string(by)
	}
	rec.CreatedBy = r.by
	var err error
	rec.Route, err = r.route(key, metric)
	return rec, err
}

// route makes the route of a key (see routes.AppendKey) through the
// constructor, and refuses a key that is not exactly that route's.
func (r *reader) route(key []byte, metric uint16) (routes.Route, error) {
	if len(key) < len(r.folded)+2 {
		return routes.Route{}, errShort
	}
	rest := key[len(r.folded)+1:]
	size := 4
	if rest[0] == 6 {
		size = 16
	}
	if len(rest) != 2*size+2 {
		return routes.Route{}, errShort
	}
	addr, _ := netip.AddrFromSlice(rest[1 : 1+size])
	hop, _ := netip.AddrFromSlice(rest[2+size:])
	route, err := routes.New(routes.Fields{
		Interface: r.alias, Destination: netip.PrefixFrom(addr, int(rest[1+size])), NextHop: hop, Metric: uint32(metric),
	})
	if err != nil {
		return routes.Route{}, err
	}
	same := routes.Key{Destination: route.Destination(), NextHop: hop, Interface: r.folded}
	var buf [320]byte
	if string(routes.AppendKey(buf[:0], same)) != string(key) || route.Interface() != r.alias {
		return routes.Route{}, fmt.Errorf("the key is not that of %s", route)
	}
	return route, nil
}
