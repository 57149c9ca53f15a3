package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/agent/journal"
	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/table"
	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Options are an Agent's settings.
type Options struct {
	Node           string // id of the node
	StateDir       string
	Kernel         kernel.Kernel
	ResyncInterval time.Duration // of the full comparison with the kernel; 0: 90 s
	Version        string        // of this program, for the host
	KernelRelease  string
	BootID         string
	Log            *slog.Logger // nil: no log
	// Problem, where set, says what is wrong with the agent's certificate; empty for
	// nothing. It is an alarm.
	Problem func() string
}

// Agent is one node's agent. Its methods may be called from any goroutine.
type Agent struct {
	opts    Options
	table   *table.Table
	journal *journal.Journal

	attach  chan *session
	inbound chan inbound
	idle    chan *session // its sender can take a report
	detach  chan *session
	reports chan table.Report
	copies  chan chan desired.State // asked for a copy of the state
	done    chan struct{}           // closed when Run has ended
	ready   chan struct{}           // closed when the log's set is programmed
	started atomic.Bool

	// The rest belongs to Run.
	state   desired.State
	current *session
	links   []kernel.Link // as the table last reported; nil before its first reading
	saving
	carrying
}

// New opens the state folder. Run must be called, and releases it.
func New(o Options) (*Agent, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	j, state, err := journal.Open(journal.Options{Dir: o.StateDir, Node: o.Node, Log: o.Log})
	if err != nil {
		return nil, err
	}
	if o.Problem == nil {
		o.Problem = func() string { return "" }
	}
	a := &Agent{
		opts:    o,
		journal: j,
		state:   state,
		table: table.New(o.Kernel, table.Options{
			ResyncInterval: o.ResyncInterval, OverrideOnLink: state.Ports.AllowOverrideOnLink, Log: o.Log,
			Former: formerProtocols(j, o.Kernel.Protocol(), o.Log),
		}),
		attach:   make(chan *session),
		inbound:  make(chan inbound, maxWaiting),
		idle:     make(chan *session),
		detach:   make(chan *session),
		reports:  make(chan table.Report),
		copies:   make(chan chan desired.State),
		done:     make(chan struct{}),
		ready:    make(chan struct{}),
		saving:   saving{persisted: state.Version, proof: state.Authenticator, compacted: make(chan *journal.Compaction, 1)},
		carrying: newCarrying(),
	}
	if why := j.ReadOnly(); why != nil && state.Complete() {
		a.readOnly(why)
	}
	return a, nil
}

// Ready is closed when the set of the log has been programmed, or there is none.
func (a *Agent) Ready() <-chan struct{} { return a.ready }

// Run programs the set of the log at once, then serves sessions until ctx
// ends. The routes stay in the kernel.
func (a *Agent) Run(ctx context.Context) error {
	if a.started.Swap(true) {
		return errors.New("agent: Run was called twice")
	}
	defer close(a.done)
	if a.state.Complete() {
		a.program()
		a.saved = a.generation
	} else {
		close(a.ready)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.table.Run(ctx) })
	group.Go(func() error { return a.pump(ctx) })
	group.Go(func() error { return a.loop(ctx) })
	err := group.Wait()
	if a.compacting {
		// Its file is removed when the log is opened again.
		<-a.compacted
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, a.journal.Close())
}

// pump hands the table's reports to the loop.
func (a *Agent) pump(ctx context.Context) error {
	for {
		r, err := a.table.Next(ctx)
		if err != nil {
			return err
		}
		select {
		case a.reports <- r:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *Agent) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer func() {
		if a.current != nil {
			a.current.end(errStopping)
		}
	}()
	var attach chan *session // a host that calls at once waits until the NICs are known
	for {
		if a.links != nil {
			attach = a.attach
		}
		a.flush()
		timer.Reset(a.untilDue())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s := <-attach:
			s.answer <- a.admit(s)
		case in := <-a.inbound:
			a.takeAll(in)
		case s := <-a.idle:
			s.free = true
		case s := <-a.detach:
			if a.current == s {
				a.current = nil
				a.opts.Log.Info("the session ended; the routes stay", "host_version", s.hello.HostVersion)
			}
		case r := <-a.reports:
			a.takeReport(r)
		case c := <-a.compacted:
			a.finish(c)
		case answer := <-a.copies:
			copied := a.state
			copied.Set = a.state.Set.Clone()
			answer <- copied // has room
		case <-timer.C:
			a.due()
		}
	}
}

// program gives the table the whole set, for the newest generation.
func (a *Agent) program() {
	// Under the generation before: the table may carry it out, and say so,
	// before it has the set.
	a.table.SetPolicy(a.generation, a.state.Ports.AllowOverrideOnLink)
	a.beginGeneration()
	macOf := a.macOf()
	a.table.SetDesired(table.Set{Generation: a.generation, Len: a.state.Set.Len(), Routes: func(yield func(table.Want) bool) {
		for r := range a.state.Set.All() {
			if !yield(table.Want{Route: r, MAC: macOf(r.Interface())}) {
				return
			}
		}
	}})
}

// macOf finds the node's NIC for an alias; empty where it has none. Routes on
// one port follow each other, so the last answer is kept.
func (a *Agent) macOf() func(alias string) string {
	macs := a.state.Ports.MACs()
	var last, mac string
	return func(alias string) string {
		if alias != last {
			last, mac = alias, macs[routes.FoldAlias(alias)]
		}
		return mac
	}
}

// hello is the agent's answer to a host that it accepts.
func (a *Agent) hello(refusal string) *pb.AgentHello {
	h := &pb.AgentHello{
		Protocol: agentapi.Protocol, NodeId: a.opts.Node, AgentVersion: a.opts.Version, Kernel: a.opts.KernelRelease,
		BootId: a.opts.BootID, Refusal: refusal, RtmProtocol: uint32(a.opts.Kernel.Protocol()),
	}
	if a.persisted.StoreID != "" {
		h.Version = agentapi.Authentic(a.persisted, a.proof)
	}
	return h
}

func describe(v routes.Version) string {
	if v.StoreID == "" {
		return "no set"
	}
	return fmt.Sprintf("store %s epoch %d revision %d", v.StoreID, v.Epoch, v.Revision)
}
