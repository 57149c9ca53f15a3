package listen

import (
	"net"
	"sync"
	"time"
)

// Linger is c, ending by itself after a time: a caller that may not call gets its
// refusal, and cannot use connections up.
func Linger(c net.Conn, d time.Duration) net.Conn {
	l := &lingering{Conn: c}
	l.timer = time.AfterFunc(d, func() { _ = l.shut() })
	return l
}

type lingering struct {
	net.Conn
	once  sync.Once
	timer *time.Timer
	err   error
}

// Close ends the connection, and the timer with it.
func (l *lingering) Close() error {
	l.timer.Stop()
	return l.shut()
}

func (l *lingering) shut() error {
	l.once.Do(func() { l.err = l.Conn.Close() })
	return l.err
}
