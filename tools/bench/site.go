//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
	"github.com/hcsroute/hcsroute/routes"
)

// peerProtocol marks the routes that others than the agent write here.
const peerProtocol = 199

// site is a bare node: a network namespace with the NIC eth1 and nobody on the
// other side.
type site struct {
	bench *bench
	lab   *lab.Lab
	node  lab.Node
	ns    *lab.NS
	link  int32
	mac   string
	// closeLab takes down the lab with all its sites; it may be called twice.
	closeLab func() error
	// dir is on the disk; state in memory would make syncing it free.
	dir string
}

// sites makes bare nodes in a lab of their own, which ends with b.
func (b *bench) sites(ctx context.Context, count int) ([]*site, error) {
	l, err := lab.Bare(ctx, count)
	if err != nil {
		return nil, err
	}
	closeLab := sync.OnceValue(l.Close)
	b.closers = append(b.closers, closeLab)
	var out []*site
	for _, n := range l.Nodes() {
		s := &site{bench: b, lab: l, node: n, ns: l.NS(n.Name), closeLab: closeLab, mac: n.NICs[0].MAC.String()}
		link, err := s.ns.Link(n.NICs[0].Name)
		if err != nil {
			return nil, err
		}
		s.link = int32(link.Attrs().Index)
		if s.dir, err = b.tempDir(n.Name); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// dial opens a bare netlink socket in the namespace.
func (s *site) dial(protocol uint8) (*rtnl.Conn, error) { return dialIn(s.ns, protocol) }

func dialIn(ns *lab.NS, protocol uint8) (c *rtnl.Conn, err error) {
	err = ns.Do(func() error {
		c, err = rtnl.Dial(protocol)
		return err
	})
	return c, err
}

func subscribeIn(ns *lab.NS, ignore uint32) (w *rtnl.Watch, err error) {
	err = ns.Do(func() error {
		w, err = rtnl.Subscribe(ignore)
		return err
	})
	return w, err
}

// startAgent starts the real agent of the node.
func (s *site) startAgent(ctx context.Context, env ...string) (*lab.Process, error) {
	config := filepath.Join(s.node.StateDir, "agent.yaml")
	text := fmt.Sprintf("node: %s\nlisten: [%q]\nstate_dir: %q\n", s.node.Name, "unix://"+s.node.Socket, filepath.Join(s.dir, "state"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	o := lab.ProcessOptions{Name: s.node.Name, NS: s.ns, Path: s.bench.Binaries.Agent, Args: []string{"--config", config}, Env: env}
	if len(env) == 0 {
		o.Ready = lab.ReadySocket(s.node.Socket)
	}
	return s.lab.Start(ctx, o)
}

// write carries out the same operation on all entries, without anything around it.
func write(ctx context.Context, c *rtnl.Conn, kind rtnl.Kind, list []routes.FIBEntry) error {
	ops := make([]rtnl.Op, len(list))
	for i, e := range list {
		ops[i] = rtnl.Op{Kind: kind, Entry: e}
	}
	return execute(ctx, c, ops)
}

func execute(ctx context.Context, c *rtnl.Conn, ops []rtnl.Op) error {
	results, err := c.Do(ctx, ops, make([]rtnl.Result, 0, len(ops)), false)
	for i, r := range results {
		if r.State != rtnl.Done {
			return errors.Join(err, fmt.Errorf("route %d of %d: state %d: %w", i, len(ops), r.State, r.Err))
		}
	}
	return err
}

// count reads how many routes of a protocol the kernel has.
func count(ctx context.Context, c *rtnl.Conn, protocol uint8) (n int, err error) {
	err = c.Dump(ctx, protocol, func(rtnl.Route) { n++ })
	return n, err
}

// wipe deletes all routes of the connection's protocol.
func wipe(ctx context.Context, c *rtnl.Conn, protocol uint8) error {
	var all []routes.FIBEntry
	if err := c.Dump(ctx, protocol, func(r rtnl.Route) { all = append(all, r.FIBEntry) }); err != nil {
		return err
	}
	return write(ctx, c, rtnl.Delete, all)
}

// ours opens a connection that can delete the agent's routes.
func (s *site) ours() (*rtnl.Conn, error) { return s.dial(system.Protocol) }

// expect checks what a kernel holds.
func expect(ctx context.Context, ns *lab.NS, protocol uint8, want int) error {
	c, err := dialIn(ns, protocol)
	if err != nil {
		return err
	}
	defer c.Close()
	got, err := count(ctx, c, protocol)
	if err == nil && got != want {
		err = fmt.Errorf("the kernel of %s has %d routes of protocol %d, want %d", ns.Name(), got, protocol, want)
	}
	return err
}

func (s *site) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// lines joins lines to the content of a file.
func lines(list []string) []byte { return []byte(strings.Join(list, "\n") + "\n") }
