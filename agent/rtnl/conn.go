//go:build linux

package rtnl

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// batchLimit is the number of messages in one sendto: from 16 on the time
	// per route is flat, and 4096 are too long for one datagram.
	batchLimit = 256
	// receiveLen holds any datagram: the kernel's dumps use up to 32 KiB.
	receiveLen = 64 << 10
	// commandBuffer is the wanted size of the command socket's buffers, in bytes.
	commandBuffer = 2 << 20
)

// Conn is a command socket: it changes and reads table main. Its methods may
// be called from several goroutines; each is one exchange with the kernel,
// which answers synchronously, so they take no context within.
type Conn struct {
	mu       sync.Mutex
	fd       int
	port     uint32
	protocol uint8
	seq      uint32
	out, in  []byte
	second   []byte // beside in, for long dumps
	stats    Stats
}

// Buffer is the receive buffer that the kernel granted a socket.
type Buffer struct {
	Bytes int // the kernel's own count, about twice the payload
	// Forced says that SO_RCVBUFFORCE was allowed; without, rmem_max is the limit.
	Forced bool
}

// Dial opens a command socket in the network namespace of the calling thread.
// Every change it makes carries protocol (rtm_protocol).
func Dial(protocol uint8) (*Conn, error) {
	fd, err := openSocket(0)
	if err != nil {
		return nil, err
	}
	c := &Conn{fd: fd, protocol: protocol, out: make([]byte, 0, batchLimit*maxRouteLen), in: make([]byte, receiveLen)}
	if err := c.setup(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return c, nil
}

func (c *Conn) setup() error {
	for _, o := range []struct {
		option int
		name   string
	}{
		{unix.NETLINK_GET_STRICT_CHK, "NETLINK_GET_STRICT_CHK (Linux 4.20)"},
		{unix.NETLINK_EXT_ACK, "NETLINK_EXT_ACK"},
		{unix.NETLINK_CAP_ACK, "NETLINK_CAP_ACK"},
	} {
		if err := unix.SetsockoptInt(c.fd, unix.SOL_NETLINK, o.option, 1); err != nil {
			return fmt.Errorf("netlink socket: set %s: %w", o.name, err)
		}
	}
	if _, err := setReceiveBuffer(c.fd, commandBuffer); err != nil {
		return err
	}
	if unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, commandBuffer) != nil {
		if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, commandBuffer); err != nil {
			return fmt.Errorf("netlink socket: set SO_SNDBUF: %w", err)
		}
	}
	// Connected to the kernel, the socket refuses datagrams of processes.
	if err := unix.Connect(c.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("netlink socket: connect: %w", err)
	}
	var err error
	c.port, err = portOf(c.fd)
	return err
}

// Port is the socket's netlink port: the sender of its changes in Events.
func (c *Conn) Port() uint32 { return c.port }

// Stats returns the counts since Dial.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Close closes the socket; later calls fail with EBADF.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	fd := c.fd
	c.fd = -1
	if fd < 0 {
		return nil
	}
	return unix.Close(fd)
}

// send sends c.out, which holds n requests.
func (c *Conn) send(n int) error {
	for {
		c.stats.Sends++
		_, err := unix.Write(c.fd, c.out)
		if err == unix.EINTR {
			continue
		}
		if err == nil {
			c.stats.Requests += uint64(n)
		}
		return err
	}
}

// receive reads one datagram. Whatever a request answers is queued before its
// sendto returns, so without a dump under way EAGAIN means: nothing more comes.
func (c *Conn) receive(buf []byte) ([]byte, error) {
	for {
		c.stats.Receives++
		n, _, err := unix.Recvfrom(c.fd, buf, unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		return buf[:n], nil
	}
}

// drain reads and drops until nothing is left, which also ends a dump under way.
func (c *Conn) drain() {
	for {
		if _, err := c.receive(c.in); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
	}
}

// begin empties the send buffer and reserves n sequence numbers; it returns
// the first. Late answers to an exchange that was given up have others.
func (c *Conn) begin(n int) uint32 {
	c.out = c.out[:0]
	if c.seq > 1<<32-1-2*batchLimit {
		c.seq = 0
	}
	first := c.seq + 1
	c.seq += uint32(n)
	return first
}

// openSocket opens and binds a route socket.
func openSocket(flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("open route netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("bind route netlink socket: %w", err)
	}
	return fd, nil
}

// setReceiveBuffer sets SO_RCVBUF beyond rmem_max where that is allowed
// (CAP_NET_ADMIN in the initial user namespace), else up to rmem_max.
func setReceiveBuffer(fd, size int) (b Buffer, err error) {
	b.Forced = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) == nil
	if !b.Forced {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size); err != nil {
			return b, fmt.Errorf("netlink socket: set SO_RCVBUF: %w", err)
		}
	}
	if b.Bytes, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil {
		return b, fmt.Errorf("netlink socket: get SO_RCVBUF: %w", err)
	}
	return b, nil
}

func portOf(fd int) (uint32, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return 0, fmt.Errorf("netlink socket: getsockname: %w", err)
	}
	return sa.(*unix.SockaddrNetlink).Pid, nil
}
