package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/routes"
)

func decodeHeader(body []byte) (header, error) {
	c := cursor{rest: body}
	f := c.byte()
	if f != format && f != formatPlain {
		c.fail(fmt.Errorf("format %d, this program reads %d", f, format))
	}
	return header{plain: f == formatPlain, node: c.string(), storeID: c.string(), epoch: c.uvarint(), count: c.uvarint()}, c.end()
}

func decodeChange(body []byte, h header) (desired.Change, error) {
	c := cursor{rest: body}
	change := desired.Change{From: routes.Revision(c.uvarint()), Version: c.version(h), Authenticator: c.authenticator(h)}
	for range c.count(routeMin) {
		change.Removals = append(change.Removals, c.key())
	}
	for range c.count(routeMin) {
		change.Upserts = append(change.Upserts, c.route())
	}
	if c.byte() == 1 {
		p := c.ports()
		change.Ports = &p
	}
	return change, c.end()
}

// cursor reads a body; the first error sticks, and all later values are zero.
type cursor struct {
	rest    []byte
	err     error
	aliases []string
}

var errShort = errors.New("record is too short")

func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.rest = nil
}

func (c *cursor) end() error {
	if c.err == nil && len(c.rest) > 0 {
		return fmt.Errorf("%d bytes too many", len(c.rest))
	}
	return c.err
}

func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.rest)) {
		c.fail(errShort)
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) byte() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 {
		c.fail(errShort)
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

// count reads a number of items of at least size bytes each.
func (c *cursor) count(size int) int {
	n := c.uvarint()
	if n > uint64(len(c.rest)/size) {
		c.fail(errShort)
		return 0
	}
	return int(n)
}

func (c *cursor) string() string { return string(c.bytes(c.uvarint())) }

func (c *cursor) addr(size uint64) netip.Addr {
	a, _ := netip.AddrFromSlice(c.bytes(size))
	return a
}

func (c *cursor) version(h header) routes.Version {
	v := routes.Version{StoreID: h.storeID, Epoch: h.epoch, Revision: routes.Revision(c.uvarint()), Count: c.uvarint()}
	digest := c.bytes(32)
	if c.err == nil {
		v.Digest, c.err = routes.DigestFromBytes(digest)
	}
	return v
}

// authenticator reads what belongs to the version before it.
func (c *cursor) authenticator(h header) []byte {
	if h.plain {
		return nil
	}
	return []byte(c.string())
}

func (c *cursor) ports() desired.Ports {
	p := desired.Ports{AllowOverrideOnLink: c.byte() == 1}
	for range c.count(2) {
		p.List = append(p.List, desired.Port{Alias: c.string(), MAC: c.string()})
	}
	return p
}

// key reads a key, checked as routes.New checks it.
func (c *cursor) key() routes.Key {
	f := c.fields()
	f.Metric = routes.MinMetric
	return c.checked(f).Key()
}

func (c *cursor) route() routes.Route {
	f := c.fields()
	if b := c.bytes(2); b != nil {
		f.Metric = uint32(binary.LittleEndian.Uint16(b))
	}
	return c.checked(f)
}

func (c *cursor) checked(f routes.Fields) routes.Route {
	if c.err != nil {
		return routes.Route{}
	}
	r, err := routes.New(f)
	if err != nil {
		c.fail(err)
	}
	return r
}

func (c *cursor) fields() routes.Fields {
	var alias string
	if n := c.uvarint(); n == 0 {
		alias = c.string()
		c.aliases = append(c.aliases, alias)
	} else if n <= uint64(len(c.aliases)) {
		alias = c.aliases[n-1]
	} else {
		c.fail(fmt.Errorf("alias %d of %d", n, len(c.aliases)))
	}
	size := uint64(16)
	if family := c.byte(); family == 4 {
		size = 4
	} else if family != 6 {
		c.fail(fmt.Errorf("family %d", family))
	}
	bits := int(c.byte())
	return routes.Fields{Interface: alias, Destination: netip.PrefixFrom(c.addr(size), bits), NextHop: c.addr(size)}
}
