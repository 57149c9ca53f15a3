package listen

import (
	"net"
	"sync"
)

// Limit takes no more than n connections of l at a time; the others wait in
// the kernel's queue. Unlike those of x/net's netutil its connections lead to
// the one below, by NetConn, which knows the peer.
func Limit(l net.Listener, n int) net.Listener {
	return &limitListener{Listener: l, slots: make(chan struct{}, n), done: make(chan struct{})}
}

type limitListener struct {
	net.Listener
	slots chan struct{}
	once  sync.Once
	done  chan struct{}
}

// Accept waits for a slot, then for a connection.
func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, net.ErrClosed
	case l.slots <- struct{}{}:
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: c, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close stops listening; connections go on.
func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// limitedConn frees its slot when it ends.
type limitedConn struct {
	net.Conn
	release func()
}

// Close ends the connection.
func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// NetConn is the connection below.
func (c *limitedConn) NetConn() net.Conn { return c.Conn }
