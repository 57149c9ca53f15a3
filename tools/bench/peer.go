//go:build linux

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/routes"
)

// program finds a system program; daemons lie outside of an ordinary PATH.
func program(name string) (path string, found bool) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/sbin/" + name, "/usr/lib/frr/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, true
		}
	}
	return "", false
}

// ipBatch is `ip -batch`, which adds routes to a kernel and keeps nothing.
type ipBatch struct {
	path, file string
	family     family
}

const ipName = "ip -batch"

// newIPBatch writes the commands; ok is false without iproute2.
func newIPBatch(s *site, f family, set []routes.Route) (b ipBatch, ok bool, err error) {
	b.family = f
	if b.path, ok = program("ip"); !ok {
		return b, false, nil
	}
	var text strings.Builder
	for _, r := range set {
		fmt.Fprintf(&text, "route add %s via %s dev %s metric %d proto %d\n", r.Destination(), r.NextHop(), nodeLink, r.Metric(), peerProtocol)
	}
	b.file = s.path(fmt.Sprintf("ip-%s-%d", f, len(set)))
	return b, true, os.WriteFile(b.file, []byte(text.String()), 0o600)
}

// run starts the program in a namespace and waits for its end.
func (b ipBatch) run(ctx context.Context, ns *lab.NS) (time.Duration, error) {
	option := "-4"
	if b.family == v6 {
		option = "-6"
	}
	cmd := ns.Command(ctx, b.path, option, "-batch", b.file)
	var said bytes.Buffer
	cmd.Stderr = &said
	d, err := timed(cmd.Run)
	if err != nil {
		err = fmt.Errorf("%w: %.200s", err, said.String())
	}
	return d, err
}

// ipContender runs `ip -batch` at a site and takes its routes away again.
func ipContender(s *site, f family, set []routes.Route) (contender, error) {
	b, ok, err := newIPBatch(s, f, set)
	if err != nil || !ok {
		return contender{name: ipName, missing: absent}, err
	}
	return contender{name: ipName, run: func(ctx context.Context) (time.Duration, error) {
		d, err := b.run(ctx, s.ns)
		if err != nil {
			return 0, err
		}
		return d, s.clean(ctx, peerProtocol, len(set))
	}}, nil
}

// clean checks that as many routes of a protocol are there as should be, and
// deletes them.
func (s *site) clean(ctx context.Context, protocol uint8, want int) error {
	if err := expect(ctx, s.ns, protocol, want); err != nil {
		return err
	}
	c, err := s.dial(protocol)
	if err != nil {
		return err
	}
	defer c.Close()
	return wipe(ctx, c, protocol)
}

// bareContender is the limit: netlink alone, 256 routes to a system call, an
// answer to the last, no watch, no disk, no read-back.
func bareContender(s *site, set []routes.Route) (contender, error) {
	c, err := s.dial(peerProtocol)
	if err != nil {
		return contender{}, err
	}
	s.bench.closers = append(s.bench.closers, c.Close)
	ops := make([]rtnl.Op, 0, len(set))
	for _, e := range entries(set, s.link) {
		ops = append(ops, rtnl.Op{Kind: rtnl.Add, Entry: e})
	}
	return contender{name: bareName, run: func(ctx context.Context) (time.Duration, error) {
		d, err := timed(func() error { return execute(ctx, c, ops) })
		if err != nil {
			return 0, err
		}
		return d, wipe(ctx, c, peerProtocol)
	}}, nil
}

const bareName = "bare netlink"
