package listen_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/listen"
)

// fromListener accepts connections that say where they come from.
type fromListener struct{ next chan net.Conn }

func (l fromListener) Accept() (net.Conn, error) {
	c, ok := <-l.next
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (l fromListener) Close() error   { close(l.next); return nil }
func (l fromListener) Addr() net.Addr { return &net.TCPAddr{} }

type fromConn struct {
	net.Conn
	ip string
}

func (c fromConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(c.ip), Port: 1} }

// gate is one with the callers' ends of what it accepts.
type gate struct {
	*listen.Gate
	next chan net.Conn
}

func newGate(t *testing.T, limits listen.Limits) gate {
	t.Helper()
	next := make(chan net.Conn, 1)
	g := gate{listen.NewGate(fromListener{next}, limits), next}
	t.Cleanup(func() { must(t, g.Close()) })
	return g
}

type caller struct {
	*listen.Conn
	far net.Conn
}

func (g gate) connect(t *testing.T, ip string) caller {
	t.Helper()
	near, far := net.Pipe()
	g.next <- fromConn{near, ip}
	c, err := g.Accept()
	must(t, err)
	t.Cleanup(func() { c.Close(); far.Close() })
	return caller{c.(*listen.Conn), far}
}

// ended reports whether the gate has ended the connection; it asks by admitting.
func (c caller) ended(t *testing.T) bool {
	t.Helper()
	if !errors.Is(c.Admit(listen.Member{Name: "late"}), net.ErrClosed) {
		return false
	}
	if _, err := c.far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("it had to give way, but stands: %v", err)
	}
	return true
}

// TestPendingConnectionsGiveWay: who proves nothing keeps nobody out, neither
// of its own source nor of another.
func TestPendingConnectionsGiveWay(t *testing.T) {
	g := newGate(t, listen.Limits{Pending: 6, PendingSource: 3, Members: 100, MembersNamed: 100})
	var flood []caller
	for range 5 {
		flood = append(flood, g.connect(t, "192.0.2.1"))
	}
	// Three stand. Of one IPv6 subnet there are as many as of one address.
	var subnet []caller
	for _, ip := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4"} {
		subnet = append(subnet, g.connect(t, ip))
	}
	host := g.connect(t, "192.0.2.9") // the pool is full: one of those with most gives way
	stand := 0
	for i, c := range append(flood, subnet...) {
		if !c.ended(t) {
			stand++
		} else if i == 4 || i == 8 {
			t.Errorf("connection %d was the newest of its source", i)
		}
	}
	if stand != 5 {
		t.Errorf("%d stand beside the host's, want 5", stand)
	}
	must(t, host.Admit(listen.Member{Name: "host"}))
}

// otherConn comes over a network that the gate does not know.
type otherConn struct {
	net.Conn
	port string
}

func (otherConn) Network() string        { return "vsock" }
func (c otherConn) String() string       { return "host(2):" + c.port }
func (c otherConn) RemoteAddr() net.Addr { return c }

// TestPendingConnectionsOfAnUnknownNetwork are all of one source: whatever
// distinguishes their addresses may be at the caller's choice.
func TestPendingConnectionsOfAnUnknownNetwork(t *testing.T) {
	g := newGate(t, listen.Limits{Pending: 6, PendingSource: 2, Members: 100, MembersNamed: 100})
	stand := 0
	var flood []caller
	for _, port := range []string{"1", "2", "3", "4"} {
		near, far := net.Pipe()
		g.next <- otherConn{near, port}
		c, err := g.Accept()
		must(t, err)
		t.Cleanup(func() { c.Close(); far.Close() })
		flood = append(flood, caller{c.(*listen.Conn), far})
	}
	for _, c := range flood {
		if !c.ended(t) {
			stand++
		}
	}
	if stand != 2 {
		t.Errorf("%d stand, want 2", stand)
	}
}

// TestMembers: nobody takes all places, and some are kept for who must get in.
func TestMembers(t *testing.T) {
	g := newGate(t, listen.Limits{Pending: 20, PendingSource: 20, Members: 4, MembersNamed: 2, Reserved: 1})
	admit := func(m listen.Member) (caller, error) {
		c := g.connect(t, "192.0.2.1")
		return c, c.Admit(m)
	}
	first, err := admit(listen.Member{Name: "ann"})
	must(t, err)
	_, err = admit(listen.Member{Name: "ann"})
	must(t, err)
	third, err := admit(listen.Member{Name: "ann"})
	if err == nil || !strings.Contains(err.Error(), "ann has 2 connections already") {
		t.Errorf("a third of ann: %v", err)
	}
	for range 2 {
		_, err = admit(listen.Member{Name: "bob"})
		must(t, err)
	}
	if _, err := admit(listen.Member{Name: "eve"}); err == nil || !strings.Contains(err.Error(), "all 4 connections are taken") {
		t.Errorf("a fifth: %v", err)
	}
	root, err := admit(listen.Member{Name: "root", Reserved: true})
	must(t, err)
	if _, err := admit(listen.Member{Name: "root", Reserved: true}); err == nil {
		t.Error("there is no end of the reserved")
	}
	must(t, first.Close())
	must(t, first.Close()) // frees one place only
	must(t, third.Admit(listen.Member{Name: "ann"}))
	if _, err := admit(listen.Member{Name: "eve"}); err == nil {
		t.Error("closing twice has freed two places")
	}
	must(t, root.Close())
	_, err = admit(listen.Member{Name: "root", Reserved: true})
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
