//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	birdName     = "BIRD 2"
	birdProtocol = 12 // RTPROT_BIRD
	peerTimeout  = 2 * time.Minute
)

// birdContender starts BIRD with the routes in its configuration; it takes
// from the start until all are in the kernel.
func birdContender(s *site, f family, set []routes.Route) (contender, error) {
	path, ok := program("bird")
	if !ok {
		return contender{name: birdName, missing: absent}, nil
	}
	channel := "ipv4"
	if f == v6 {
		channel = "ipv6"
	}
	text := []string{
		"router id 192.168.20.11;", "protocol device { scan time 60; }",
		fmt.Sprintf("protocol kernel { scan time 60; metric %d; %s { import none; export all; }; }", metric, channel),
		"protocol static { " + channel + ";",
	}
	for _, r := range set {
		text = append(text, fmt.Sprintf(" route %s via %s;", r.Destination(), r.NextHop()))
	}
	config := s.path(fmt.Sprintf("bird-%s-%d.conf", f, len(set)))
	if err := os.WriteFile(config, lines(append(text, "}")), 0o600); err != nil {
		return contender{}, err
	}
	run := func(ctx context.Context) (d time.Duration, err error) {
		size, err := openTableSize(s.ns, f)
		if err != nil {
			return 0, err
		}
		defer size.close()
		before, err := size.read()
		if err != nil {
			return 0, err
		}
		ctx, cancel := context.WithTimeout(ctx, peerTimeout)
		defer cancel()
		start := time.Now()
		p, err := s.lab.Start(ctx, lab.ProcessOptions{
			Name: "bird-" + s.node.Name, NS: s.ns, Path: path, Args: []string{"-f", "-c", config, "-s", s.node.StateDir + "/bird.ctl", "-P", s.path("bird.pid")},
		})
		if err != nil {
			return 0, err
		}
		err = size.reach(ctx, before+len(set))
		d = time.Since(start)
		// Killed, because it takes its time to delete its routes.
		if err = errors.Join(err, p.Kill()); err != nil {
			return 0, err
		}
		return d, s.clean(ctx, birdProtocol, len(set))
	}
	return contender{name: birdName, optional: true, run: run}, nil
}
