//go:build linux

package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPackets bounds what a capture keeps; it counts on after that.
const maxPackets = 1 << 16

// Recorder sees the IP packets of one interface. It misses none that were on
// the wire before the call that asks for them.
type Recorder struct {
	file *os.File
	raw  syscall.RawConn
	stop func() bool
	done chan struct{}

	mu      sync.Mutex
	buffer  []byte
	packets []Packet
	seen    int
	dropped uint32
	err     error
}

// Capture starts recording on an interface of the namespace. It ends with ctx
// or [Recorder.Close].
func Capture(ctx context.Context, ns *NS, link string) (*Recorder, error) {
	l, err := ns.Link(link)
	if err != nil {
		return nil, err
	}
	r := &Recorder{buffer: make([]byte, 256), done: make(chan struct{})}
	err = ns.Do(func() error {
		r.file, err = packetSocket(l.Attrs().Index)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lab: capture on %s in %s: %w", link, ns.name, err)
	}
	if r.raw, err = r.file.SyscallConn(); err != nil {
		r.file.Close()
		return nil, err
	}
	r.stop = context.AfterFunc(ctx, r.shut)
	go r.run()
	return r, nil
}

func packetSocket(index int) (*os.File, error) {
	// Protocol 0 receives nothing before the bind to the interface.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind packet socket: %w", err)
	}
	return os.NewFile(uintptr(fd), "capture"), nil
}

// run reads what comes, so that the socket does not overflow.
func (r *Recorder) run() {
	defer close(r.done)
	for {
		if r.raw.Read(func(fd uintptr) bool { return r.drain(int(fd)) > 0 }) != nil {
			return
		}
	}
}

// drain reads until the socket is empty or broken, and returns how many
// frames, or errors, it got.
func (r *Recorder) drain(fd int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for got := 0; ; got++ {
		n, from, err := unix.Recvfrom(fd, r.buffer, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return got
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			r.err = err
			return got + 1
		}
		p, ok := decode(r.buffer[:n])
		if !ok {
			continue
		}
		if l, isLink := from.(*unix.SockaddrLinklayer); isLink {
			p.Outgoing = l.Pkttype == unix.PACKET_OUTGOING
		}
		r.seen++
		if len(r.packets) < maxPackets {
			r.packets = append(r.packets, p)
		}
	}
}

// Packets returns what was on the interface until now. The error says that the
// list is not complete.
func (r *Recorder) Packets() ([]Packet, error) {
	r.drainNow()
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.dropped > 0 {
		err = fmt.Errorf("lab: the kernel dropped %d packets of the capture; send slower", r.dropped)
	} else if r.seen > len(r.packets) {
		err = fmt.Errorf("lab: capture kept the first %d of %d packets; close it earlier", len(r.packets), r.seen)
	}
	return slices.Clone(r.packets), errors.Join(err, r.err)
}

// Count returns how many packets match.
func (r *Recorder) Count(match func(Packet) bool) (int, error) {
	list, err := r.Packets()
	n := 0
	for _, p := range list {
		if match(p) {
			n++
		}
	}
	return n, err
}

// Close ends the capture; what it saw stays.
func (r *Recorder) Close() {
	r.stop()
	r.shut()
	<-r.done
}

// shut closes the socket; what is still in it belongs to the capture.
func (r *Recorder) shut() {
	r.drainNow()
	r.file.Close()
}

// drainNow does nothing on a closed socket, which holds nothing.
func (r *Recorder) drainNow() {
	_ = r.raw.Control(func(fd uintptr) {
		r.drain(int(fd))
		// Reading the statistics resets them.
		stats, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dropped += stats.Drops
		}
	})
}

// To matches packets to an address.
func To(dst netip.Addr) func(Packet) bool {
	return func(p Packet) bool { return p.Dst == dst }
}
