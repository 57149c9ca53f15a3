package listen

import (
	"fmt"
	"net"
	"slices"
	"sync"
)

// Limits bound the connections of a Gate.
type Limits struct {
	// Pending are those that have not yet proved who they are, of all and of
	// one source: an address, an IPv6 subnet of 64 bits, or a uid. One more
	// takes the place of the one that has waited longest.
	Pending, PendingSource int
	// Members are those that have, of all and of one name. One more is refused.
	Members, MembersNamed int
	// Reserved is how many more members there may be of those who must get in
	// whatever the others do.
	Reserved int
}

// Gate lets connections in in two steps, so that those who prove nothing
// cannot keep out those who do. It never waits with connections in the
// kernel's queue, where the two kinds look alike.
type Gate struct {
	net.Listener
	limits Limits

	mu       sync.Mutex
	pending  []*Conn // the oldest first
	named    map[string]int
	members  int
	reserved int // members that came in over Members
}

// NewGate lets in what l accepts.
func NewGate(l net.Listener, limits Limits) *Gate {
	return &Gate{Listener: l, limits: limits, named: map[string]int{}}
}

// Accept waits for the next connection, which is pending.
func (g *Gate) Accept() (net.Conn, error) {
	below, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: below, gate: g, source: source(below)}
	if oldest := g.enter(c); oldest != nil {
		_ = oldest.Close() // for its own side it is the same as any end
	}
	return c, nil
}

// enter puts c among the pending, and returns the one that has to go.
func (g *Gate) enter(c *Conn) (oldest *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	by := map[string]int{}
	for _, p := range g.pending {
		by[p.source]++
	}
	from := c.source
	if by[from] < g.limits.PendingSource && len(g.pending) >= g.limits.Pending {
		// The source with the most of them has to give way.
		for source, n := range by {
			if n > by[from] {
				from = source
			}
		}
	}
	if by[from] >= g.limits.PendingSource || len(g.pending) >= g.limits.Pending {
		at := slices.IndexFunc(g.pending, func(p *Conn) bool { return p.source == from })
		oldest = g.pending[at]
		g.pending = slices.Delete(g.pending, at, at+1)
		oldest.state = gone
	}
	g.pending = append(g.pending, c)
	return oldest
}

// Member is the identity that a peer has proved.
type Member struct {
	Name     string
	Reserved bool // must get in whatever others do
}

// state is where a connection stands in its gate.
type state int

const (
	pending state = iota
	member
	extra // a member in a reserved place
	gone
)

// Conn is a connection of a Gate. It leaves when it is closed.
type Conn struct {
	net.Conn
	gate   *Gate
	source string

	// The rest belongs to the gate's lock.
	state state
	name  string
}

// Admit gives a pending connection the place of a member. It stays pending
// where there is none.
func (c *Conn) Admit(m Member) error {
	g := c.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.state != pending {
		return net.ErrClosed // it had to give way
	}
	to := member
	if g.named[m.Name] >= g.limits.MembersNamed || g.members >= g.limits.Members {
		switch {
		case m.Reserved && g.reserved < g.limits.Reserved:
			to = extra
		case g.named[m.Name] >= g.limits.MembersNamed:
			return fmt.Errorf("%s has %d connections already, as many as one caller may", m.Name, g.named[m.Name])
		default:
			return fmt.Errorf("all %d connections are taken", g.limits.Members)
		}
	}
	g.remove(c)
	c.state, c.name = to, m.Name
	g.named[m.Name]++
	if to == extra {
		g.reserved++
	} else {
		g.members++
	}
	return nil
}

// remove takes c out of the pending.
func (g *Gate) remove(c *Conn) {
	g.pending = slices.DeleteFunc(g.pending, func(p *Conn) bool { return p == c })
}

// leave gives the place of c to others.
func (g *Gate) leave(c *Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch c.state {
	case pending:
		g.remove(c)
	case member:
		g.members--
	case extra:
		g.reserved--
	case gone:
	}
	if c.state == member || c.state == extra {
		if g.named[c.name]--; g.named[c.name] == 0 {
			delete(g.named, c.name)
		}
	}
	c.state = gone
}

// Close ends the connection.
func (c *Conn) Close() error {
	defer c.gate.leave(c)
	return c.Conn.Close()
}

// NetConn is the connection below, which knows the peer.
func (c *Conn) NetConn() net.Conn { return c.Conn }

// source is where a connection comes from, as far as it shows before anything
// is proved. All of a network that is not known here are of one source.
func source(c net.Conn) string {
	switch addr := c.RemoteAddr().(type) {
	case *net.TCPAddr:
		ip := addr.AddrPort().Addr().Unmap().WithZone("")
		if ip.Is6() {
			subnet, _ := ip.Prefix(64) // a host that has one address of it has all
			return subnet.String()
		}
		return ip.String()
	case *net.UnixAddr:
		return peer(c)
	}
	return c.RemoteAddr().Network()
}
