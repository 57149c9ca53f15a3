//go:build linux

package demo

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
)

// Options say where and how the demo is shown.
type Options struct {
	Out    io.Writer
	Colour bool
}

const (
	gateway  = "192.168.20.1"
	gateway6 = "fd00:20::1"
	camera   = "192.168.21.15"
	camera6  = "fd00:21::15"
	subnet   = "192.168.21.0/24"
	subnet6  = "fd00:21::/64"
	second   = "192.168.22.0/24"
)

// Run shows the demo on a system that was just started.
func Run(ctx context.Context, sys *system.System, o Options) error {
	s := &show{out: o.Out, colour: o.Colour, sys: sys}
	start := time.Now()
	s.picture()
	before := s.tables()
	for _, part := range []func(context.Context, *show){
		unreachable, add, get, documented, refusals, repair, reboot, crash, sixth, remove,
	} {
		if s.err != nil || ctx.Err() != nil {
			break
		}
		part(ctx, s)
	}
	if s.err == nil {
		s.untouched(before)
	}
	if s.err == nil {
		s.err = ctx.Err()
	}
	if s.err != nil {
		return s.err
	}
	fmt.Fprintf(s.out, "\n%s\n", s.paint("32;1", fmt.Sprintf("%d checks on real kernels hold, in %.1f s.", s.checks, time.Since(start).Seconds())))
	fmt.Fprintf(s.out, "Play in the same lab with: make lab\n")
	return nil
}

func (s *show) picture() {
	fmt.Fprint(s.out, `hcsroute demo: an edge appliance on real kernels, in network namespaces, without root

   pod-master ── k8s-master ─┬─ internal switch (NAT) ── host ── Port2 ── internet
   pod-worker ── k8s-worker ─┤                                  Port1 management, Port4 DHCP, Port5+6 team
                             └─ external switch ── Port3 ── private network 192.168.20.0/24
                                                              └─ camera gateway 192.168.20.1
                                                                   ├─ cameras 192.168.21.0/24  fd00:21::/64
                                                                   └─ cameras 192.168.22.0/24  fd00:22::/64
`)
	if s.sys.Lab.TeamIsDeclared {
		s.say("This kernel cannot make a bond or team: Port5 and Port6 are declared as one in the inventory file.")
	}
	if s.sys.Lab.NATProblem != "" {
		s.say("This kernel has no NAT (%s): the internet side has routes back instead.", s.sys.Lab.NATProblem)
	}
}

// sources are the namespaces that want to see the camera.
func (s *show) sources() []string {
	var names []string
	for _, n := range s.sys.Lab.Nodes() {
		names = append(names, n.Name)
		if n.Pod != "" {
			names = append(names, n.Pod)
		}
	}
	return names
}

func (s *show) ping(ctx context.Context, from, to string) lab.PingResult {
	res, err := lab.Ping(ctx, s.sys.Lab.NS(from), netip.MustParseAddr(to), lab.PingOptions{})
	s.must(err)
	return res
}

// captures record what passes Port2 and Port3.
type captures struct{ port2, port3 *lab.Recorder }

func (s *show) capture(ctx context.Context) *captures {
	host := s.sys.Lab.NS(lab.Host)
	p2, err := lab.Capture(ctx, host, "Port2")
	s.must(err)
	p3, err := lab.Capture(ctx, host, "Port3")
	s.must(err)
	return &captures{p2, p3}
}

func (c *captures) close() {
	if c.port2 != nil {
		c.port2.Close()
	}
	if c.port3 != nil {
		c.port3.Close()
	}
}

// count returns the packets to an address on Port2 and Port3.
func (s *show) count(c *captures, to string) (port2, port3 int) {
	if s.err != nil {
		return 0, 0
	}
	match := lab.To(netip.MustParseAddr(to))
	port2, err := c.port2.Count(match)
	s.must(err)
	port3, err = c.port3.Count(match)
	s.must(err)
	return port2, port3
}
