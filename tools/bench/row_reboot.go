//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/lab/system"
)

// rowReboot measures from the start of the agent's process, which no host calls,
// until it notifies its service manager: all routes are in the kernel, read back.
func rowReboot(ctx context.Context, b *bench) ([]Line, error) {
	all, err := b.sites(ctx, 4)
	if err != nil {
		return nil, err
	}
	var out []Line
	for i, f := range []family{v4, v6} {
		ours, other := all[2*i], all[2*i+1]
		set, err := f.routeSet(0, b.large)
		if err != nil {
			return nil, err
		}
		if err := ours.learn(ctx, f, b.large); err != nil {
			return nil, err
		}
		limit, err := bareContender(other, set)
		if err != nil {
			return nil, err
		}
		ip, err := ipContender(other, f, set)
		if err != nil {
			return nil, err
		}
		list := []contender{{name: "agent", run: func(ctx context.Context) (time.Duration, error) { return ours.reboot(ctx, b.large) }}, limit, ip}
		got, err := race(ctx, min(b.Rounds, 3), list...)
		if err != nil {
			return nil, err
		}
		line := Line{
			Work: fmt.Sprintf("node reboot with %s routes, host unreachable", title(b.large, f)), Ours: figure("hcsroute-agent", got["agent"]),
			Limit: figure(bareName, got[bareName]), Peers: figures(got, list[2:]), Goal: "process start to last route ≤ 0.5 × ip -batch",
		}
		if t := got[ipName].median(); t > 0 {
			line.Reached = fmt.Sprintf("%.2f ×, read back", got["agent"].median()/t)
			line.Verdict = verdict(got["agent"].median() <= 0.5*t)
		}
		out = append(out, line)
	}
	return out, nil
}

// learn gives the site's agent a set, which it keeps on its disk.
func (s *site) learn(ctx context.Context, f family, n int) error {
	process, err := s.startAgent(ctx)
	if err != nil {
		return err
	}
	host, err := openSession(ctx, s)
	if err != nil {
		return err
	}
	set, err := f.routeSet(0, n)
	if err != nil {
		return err
	}
	if _, err = host.push(set); err == nil {
		err = expect(ctx, s.ns, system.Protocol, n)
	}
	if err = errors.Join(err, host.close(), process.Kill()); err != nil {
		return fmt.Errorf("learn: %w", err)
	}
	return s.clean(ctx, system.Protocol, n)
}

// reboot starts the agent in a kernel without our routes.
func (s *site) reboot(ctx context.Context, want int) (time.Duration, error) {
	path := filepath.Join(s.node.StateDir, "notify.sock")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: path})
	if err != nil {
		return 0, err
	}
	// Closing it leaves the file.
	defer func() { _, _ = ready.Close(), os.Remove(path) }()
	if err := ready.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	start := time.Now()
	process, err := s.startAgent(ctx, "NOTIFY_SOCKET="+path)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 256)
	n, err := ready.Read(buf)
	took := time.Since(start)
	if err == nil && !strings.Contains(string(buf[:n]), "READY=1") {
		err = fmt.Errorf("the agent says %q before READY=1", buf[:n])
	}
	if err == nil {
		err = expect(ctx, s.ns, system.Protocol, want)
	}
	if err = errors.Join(err, process.Kill()); err != nil {
		return 0, err
	}
	return took, s.clean(ctx, system.Protocol, want)
}
