//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/hcsroute/hcsroute/agent/rtnl"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// fleet is the service with many nodes, which are real agents in bare
// namespaces. The last one is the one that hangs.
type fleet struct {
	bench   *bench
	sites   []*site
	agents  []*lab.Process
	watches []*rtnl.Watch
	client  pb.RouteServiceClient
}

// rowFleet measures from the call until the route is in the kernels of all
// nodes but one, with that one stopped and not stopped, in turns.
func rowFleet(ctx context.Context, b *bench) ([]Line, error) {
	f, err := b.newFleet(ctx)
	if err != nil {
		return nil, err
	}
	defer f.close()
	hung := f.agents[len(f.agents)-1]
	const rounds = 6
	per := max(2, b.adds/20)
	var with, without sample
	next := 0
	for round := range rounds {
		into := &without
		if round%2 == 1 {
			into = &with
			if err := hung.Signal(syscall.SIGSTOP); err != nil {
				return nil, err
			}
		}
		set, err := v4.routeSet(next, per)
		if err != nil {
			return nil, err
		}
		next += per
		for _, r := range set {
			if err := f.add(ctx, r, into); err != nil {
				return nil, err
			}
		}
		if err := hung.Signal(syscall.SIGCONT); err != nil {
			return nil, err
		}
		if err := f.converged(ctx); err != nil {
			return nil, err
		}
	}
	ratio := with.quantile(0.99) / without.quantile(0.99)
	return []Line{{
		Work: fmt.Sprintf("%d nodes, one of them hung: an add in the kernels of the others", b.nodes), Ours: tail("one hung", with), Limit: tail("none hung", without),
		Goal: "p99 ≤ 1.25 × without", Reached: fmt.Sprintf("p99 %.2f ×, p50 %.2f ×", ratio, with.median()/without.median()), Verdict: verdict(ratio <= 1.25),
	}}, nil
}

func (b *bench) newFleet(ctx context.Context) (*fleet, error) {
	all, err := b.sites(ctx, b.nodes)
	if err != nil {
		return nil, err
	}
	f := &fleet{bench: b, sites: all, agents: make([]*lab.Process, len(all))}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, s := range all {
		group.Go(func() (err error) {
			f.agents[i], err = s.startAgent(gctx)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := f.startService(ctx); err != nil {
		return nil, err
	}
	for _, s := range all {
		w, err := subscribeIn(s.ns, 0)
		if err != nil {
			return nil, err
		}
		f.watches = append(f.watches, w)
	}
	return f, f.converged(ctx)
}

// startService starts the service on the other side of the nodes' cables,
// with an inventory from its file only.
func (f *fleet) startService(ctx context.Context) error {
	l := f.sites[0].lab
	disk, err := f.bench.tempDir("fleet")
	if err != nil {
		return err
	}
	inventory := []string{
		"ports:",
		`- {alias: Port3, mac: "02:15:5d:00:00:03", up: true, addressing: static, addresses: [192.168.20.10/24, "fd00:20::10/64"], switch: vswitch-Port3}`,
		"nodes:",
	}
	for _, s := range f.sites {
		inventory = append(inventory, fmt.Sprintf(`- {name: %s, role: worker, state: running, endpoint: "unix://%s", nics: [{mac: "%s", switch: vswitch-Port3}]}`, s.node.Name, s.node.Socket, s.mac))
	}
	dir := filepath.Join(l.StateDir, "service")
	socket := filepath.Join(dir, "hcsroute.sock")
	config := []string{
		fmt.Sprintf("store: {path: %q}", filepath.Join(disk, "hcsroute.db")), fmt.Sprintf("listen: {local: {address: %q}}", "unix://"+socket),
		fmt.Sprintf("inventory: {provider: none, file: %q}", filepath.Join(dir, "inventory.yaml")),
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, text := range map[string][]string{"inventory.yaml": inventory, "hcsrouted.yaml": config} {
		if err := os.WriteFile(filepath.Join(dir, name), lines(text), 0o600); err != nil {
			return err
		}
	}
	_, err = l.Start(ctx, lab.ProcessOptions{
		Name: "hcsrouted", NS: l.NS(lab.BareWire), Path: f.bench.Binaries.Service, Args: []string{"--config", filepath.Join(dir, "hcsrouted.yaml")}, Ready: lab.ReadySocket(socket),
	})
	if err != nil {
		return err
	}
	conn, err := dialUnix("unix://" + socket)
	if err != nil {
		return err
	}
	f.bench.closers = append(f.bench.closers, conn.Close)
	f.client = pb.NewRouteServiceClient(conn)
	return nil
}

func (f *fleet) converged(ctx context.Context) error { return (&pair{client: f.client}).converged(ctx) }

// add adds a route and notes for each node but the last when its kernel had it.
func (f *fleet) add(ctx context.Context, r routes.Route, into *sample) error {
	others := f.watches[:len(f.watches)-1]
	took := make([]time.Duration, len(others))
	deadline := time.Now().Add(repairTimeout)
	start := time.Now()
	var group errgroup.Group
	for i, w := range others {
		group.Go(func() error {
			if err := w.SetDeadline(deadline); err != nil {
				return err
			}
			err := sees(w, r)
			took[i] = time.Since(start)
			return err
		})
	}
	_, err := f.client.AddRoute(ctx, &pb.AddRouteRequest{Route: message(r), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_STORED}, grpc.WaitForReady(true))
	if err = errors.Join(err, group.Wait()); err != nil {
		return err
	}
	for _, d := range took {
		into.add(d)
	}
	return nil
}

// sees reads notifications until the one of the route, written by an agent.
func sees(w *rtnl.Watch, r routes.Route) error {
	var events []rtnl.Event
	for {
		var err error
		if events, err = w.Next(events[:0]); err != nil {
			return err
		}
		for _, e := range events {
			if e.Kind == rtnl.RouteAdded && e.Route.Protocol == system.Protocol && e.Route.Destination == r.Destination() {
				return nil
			}
		}
	}
}

// close ends the agents and their subscriptions, so that what is measured next
// is alone.
func (f *fleet) close() {
	for _, w := range f.watches {
		_ = w.Close()
	}
	_ = f.sites[0].closeLab() // its error is returned at the end
}
