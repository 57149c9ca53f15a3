//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/system"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// pair is the vendor's diagram with the service and the agents of two nodes.
type pair struct {
	bench  *bench
	sys    *system.System
	conn   *grpc.ClientConn
	client pb.RouteServiceClient
	// bare answers with canned answers, by the same gRPC.
	bare     pb.RouteServiceClient
	bareConn *grpc.ClientConn
	// filled says that the store has b.large routes.
	filled bool
	// fresh is what the processes used right after that, by name.
	fresh map[string]usage
}

// serviceName is the service in pair.processes.
const serviceName = "service"

// processes are the service and the agents.
func (p *pair) processes() map[string]*lab.Process {
	all := map[string]*lab.Process{serviceName: p.sys.Service()}
	for _, name := range p.sys.Names() {
		all["agent of "+name] = p.sys.Agent(name)
	}
	return all
}

// usages reads what the processes have used.
func (p *pair) usages() (map[string]usage, error) {
	all := map[string]usage{}
	for name, process := range p.processes() {
		u, err := usageOf(process.PID())
		if err != nil {
			return nil, err
		}
		all[name] = u
	}
	return all, nil
}

// pair is the one system of this run, made when it is first needed.
func (b *bench) pair(ctx context.Context) (*pair, error) {
	if b.shared != nil {
		return b.shared, nil
	}
	l, err := lab.New(ctx, lab.Options{})
	if err != nil {
		return nil, err
	}
	b.closers = append(b.closers, l.Close)
	disk, err := b.tempDir("system")
	if err != nil {
		return nil, err
	}
	p := &pair{bench: b}
	if p.sys, err = system.Start(ctx, l, b.Binaries, system.Options{Disk: disk}); err != nil {
		return nil, err
	}
	if err := p.connect(); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, func() error { return errors.Join(p.conn.Close(), p.bareConn.Close()) })
	if err := p.startEcho(ctx); err != nil {
		return nil, err
	}
	b.shared = p
	return p, p.converged(ctx)
}

func (p *pair) startEcho(ctx context.Context) (err error) {
	socket := filepath.Join(p.sys.Lab.StateDir, "echo.sock")
	_, err = p.sys.Lab.Start(ctx, lab.ProcessOptions{
		Name: "echo", NS: p.sys.Lab.NS(lab.Host), Path: p.bench.Self, Args: []string{EchoCommand, socket}, Ready: lab.ReadySocket(socket),
	})
	if err != nil {
		return err
	}
	p.bareConn, err = dialUnix("unix://" + socket)
	p.bare = pb.NewRouteServiceClient(p.bareConn)
	return err
}

func (p *pair) connect() (err error) {
	p.conn, err = dialUnix(p.sys.Address)
	p.client = pb.NewRouteServiceClient(p.conn)
	return err
}

// converged waits until both nodes have all that is stored.
func (p *pair) converged(ctx context.Context) error {
	r, err := p.client.WaitRoutes(ctx, &pb.WaitRoutesRequest{Timeout: durationpb.New(time.Minute)}, grpc.WaitForReady(true))
	if err == nil && !r.Acknowledged {
		err = fmt.Errorf("the nodes did not answer: %v", r.Warnings)
	}
	return err
}

func (p *pair) node(name string) *lab.NS { return p.sys.Lab.NS(name) }

// addAll stores routes in batches and waits until they are programmed.
func (p *pair) addAll(ctx context.Context, set []routes.Route) error {
	for len(set) > 0 {
		n := min(len(set), 10_000)
		if err := p.add(ctx, messages(set[:n])); err != nil {
			return err
		}
		set = set[n:]
	}
	return nil
}

// add is one batch, RPC to read back from both kernels.
func (p *pair) add(ctx context.Context, list []*pb.Route) error {
	r, err := p.client.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{
		Routes: list, Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: durationpb.New(time.Minute),
	})
	if err == nil && (!r.Committed || !r.Acknowledged) {
		err = fmt.Errorf("batch of %d: committed %v, acknowledged %v: %v", len(list), r.Committed, r.Acknowledged, r.Warnings)
	}
	return err
}

func (p *pair) removeAll(ctx context.Context, set []routes.Route) error {
	for len(set) > 0 {
		n := min(len(set), 10_000)
		r, err := p.client.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{
			Selectors: selectors(set[:n]), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: durationpb.New(time.Minute),
		})
		if err == nil && (!r.Committed || !r.Acknowledged) {
			err = fmt.Errorf("removal of %d: committed %v, acknowledged %v: %v", n, r.Committed, r.Acknowledged, r.Warnings)
		}
		if err != nil {
			return err
		}
		set = set[n:]
	}
	return nil
}

// full is the pair with many routes stored and programmed.
func (b *bench) full(ctx context.Context) (*pair, error) {
	p, err := b.pair(ctx)
	if err != nil || p.filled {
		return p, err
	}
	set, err := v4.routeSet(0, b.large)
	if err != nil {
		return nil, err
	}
	p.filled = true
	if err := p.addAll(ctx, set); err != nil {
		return nil, err
	}
	p.fresh, err = p.usages()
	return p, err
}

// expect checks what both kernels hold.
func (p *pair) expect(ctx context.Context, want int) error {
	for _, name := range p.sys.Names() {
		if err := expect(ctx, p.node(name), system.Protocol, want); err != nil {
			return err
		}
	}
	return nil
}
