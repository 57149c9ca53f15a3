//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/routes"
)

const (
	frrName     = "FRR"
	frrProtocol = 196 // RTPROT_ZSTATIC of zebra/rt_netlink.h
)

// frrContender gives static routes to FRR by vtysh; it takes until all are in
// the kernel. The daemons run already.
func frrContender(s *site, f family, set []routes.Route) (contender, error) {
	c := contender{name: frrName, rounds: 1, optional: true}
	var paths [3]string
	for i, name := range []string{"zebra", "staticd", "vtysh"} {
		var ok bool
		if paths[i], ok = program(name); !ok {
			c.missing = absent
			return c, nil
		}
	}
	command := "ip"
	if f == v6 {
		command = "ipv6"
	}
	var text []string
	for _, r := range set {
		text = append(text, fmt.Sprintf("%s route %s %s %s", command, r.Destination(), r.NextHop(), nodeLink))
	}
	config := s.path(fmt.Sprintf("frr-%s-%d.conf", f, len(set)))
	if err := os.WriteFile(config, lines(text), 0o600); err != nil {
		return c, err
	}
	c.run = func(ctx context.Context) (time.Duration, error) {
		ctx, cancel := context.WithTimeout(ctx, peerTimeout)
		defer cancel()
		dir, err := frrDir()
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
		running, err := s.startFRR(ctx, dir, paths[:2])
		if err == nil {
			var d time.Duration
			d, err = s.measureFRR(ctx, f, len(set), s.ns.Command(ctx, paths[2], "--vty_socket", dir, "-f", config))
			err = errors.Join(err, killAll(running))
			if err == nil {
				return d, s.cleanFRR(ctx, f, len(set))
			}
			return 0, err
		}
		return 0, errors.Join(err, killAll(running))
	}
	return c, nil
}

// frrDir makes a folder for the user frr, as which the daemons insist to run.
func frrDir() (string, error) {
	u, err := user.Lookup("frr")
	if err != nil {
		return "", err
	}
	uid, errU := strconv.Atoi(u.Uid)
	gid, errG := strconv.Atoi(u.Gid)
	dir, err := os.MkdirTemp("", "hcsroute-frr-")
	if err = errors.Join(errU, errG, err); err != nil {
		return "", err
	}
	return dir, os.Chown(dir, uid, gid)
}

// startFRR starts zebra and staticd with files in dir only.
func (s *site) startFRR(ctx context.Context, dir string, paths []string) (running []*lab.Process, err error) {
	for i, name := range []string{"zebra", "staticd"} {
		config := dir + "/" + name + ".conf"
		if err := os.WriteFile(config, nil, 0o644); err != nil {
			return running, err
		}
		p, err := s.lab.Start(ctx, lab.ProcessOptions{
			Name: name + "-" + s.node.Name, NS: s.ns, Path: paths[i], Ready: lab.ReadySocket(dir + "/" + name + ".vty"),
			Args: []string{"-f", config, "-i", dir + "/" + name + ".pid", "-z", dir + "/zserv.api", "--vty_socket", dir, "-A", "127.0.0.1", "-P", "0"},
		})
		if err != nil {
			return running, err
		}
		running = append(running, p)
	}
	return running, nil
}

func (s *site) measureFRR(ctx context.Context, f family, count int, vtysh *lab.Cmd) (time.Duration, error) {
	size, err := openTableSize(s.ns, f)
	if err != nil {
		return 0, err
	}
	defer size.close()
	before, err := size.read()
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		if out, err := vtysh.CombinedOutput(); err != nil {
			return fmt.Errorf("vtysh: %w: %.300s", err, out)
		}
		return size.reach(ctx, before+count)
	})
}

// cleanFRR deletes by key: FRR's routes refer to next-hop objects, and the
// kernel matches no gateway with those.
func (s *site) cleanFRR(ctx context.Context, f family, want int) error {
	if err := expect(ctx, s.ns, frrProtocol, want); err != nil {
		return err
	}
	number := netlink.FAMILY_V4
	if f == v6 {
		number = netlink.FAMILY_V6
	}
	list, err := s.ns.Routes(number)
	if err != nil {
		return err
	}
	for _, r := range list {
		if r.Protocol != frrProtocol {
			continue
		}
		key := netlink.Route{Dst: r.Dst, Priority: r.Priority, Protocol: r.Protocol, Table: r.Table}
		if err := s.ns.DelRoute(key); err != nil {
			return err
		}
	}
	return nil
}

func killAll(list []*lab.Process) error {
	var errs []error
	for _, p := range list {
		errs = append(errs, p.Kill())
	}
	return errors.Join(errs...)
}
