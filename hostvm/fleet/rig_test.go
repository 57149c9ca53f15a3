package fleet_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/hostvm/fleet/dial"
	"github.com/hcsroute/hcsroute/hostvm/internal/latest"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// inventory is one that the test sets.
type inventory struct{ latest.Value[hostvm.Snapshot] }

func (*inventory) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// rig is a manager with a real store and a test's inventory.
type rig struct {
	*testing.T
	*fleet.Manager
	dir       string
	store     *boltstore.Store
	inventory *inventory
	wrap      func(store.Store) store.Store // what the manager gets for the store; nil: the store
	dialer    fleet.Dialer
	stop      func()
	patience  time.Duration
}

// quick tries again soon, and is patient with an agent: a busy machine is no fault of it.
func quick() fleet.Timing {
	return fleet.Timing{
		RetryMin: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond, Hello: patience / 2,
		Answer: patience / 2, ReportEvery: time.Hour, Grace: 100 * time.Millisecond, ProveEvery: 10 * time.Millisecond,
	}
}

// impatient gives up an agent that is silent soon, too: for tests in which one is.
func impatient() fleet.Timing {
	t := quick()
	t.Hello, t.Answer = time.Second, time.Second
	return t
}

func port3() routes.Port {
	return routes.Port{Alias: "Port3", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Switch: "vswitch-Port3", Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.20.10/24")}}
}

func nodeAt(id, endpoint string) hostvm.Node {
	return hostvm.Node{
		ID: id, Name: id, Role: "worker", State: hostvm.NodeAuto, Endpoint: endpoint,
		NICs: []hostvm.NIC{{MAC: "02:00:00:00:20:11", Switch: "vswitch-Port3"}},
	}
}

func newRig(t *testing.T, timing fleet.Timing, nodes ...hostvm.Node) *rig {
	t.Helper()
	dir := t.TempDir()
	st, err := boltstore.Open(filepath.Join(dir, "routes.db"), boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, dir: dir, store: st, inventory: &inventory{}, dialer: dial.New(dial.Options{}), patience: patience}
	r.inventory.Set(&hostvm.Snapshot{Ports: []routes.Port{port3()}, Nodes: nodes})
	r.run(timing)
	t.Cleanup(func() {
		r.stop()
		st.Close()
		goleak.VerifyNone(t)
	})
	return r
}

// run starts a manager; a second call after stop is a restarted service.
func (r *rig) run(timing fleet.Timing) { r.follow(r.manager(timing)) }

// manager makes one that does not run yet.
func (r *rig) manager(timing fleet.Timing) *fleet.Manager {
	var st store.Store = r.store
	if r.wrap != nil {
		st = r.wrap(st)
	}
	m, err := fleet.New(context.Background(), fleet.Options{Inventory: r.inventory, Store: st, Dialer: r.dialer, Version: "test", Timing: timing})
	if err != nil {
		r.Fatal(err)
	}
	return m
}

// follow runs a manager that was made already.
func (r *rig) follow(m *fleet.Manager) {
	ctx, cancel := context.WithCancel(context.Background())
	r.Manager = m
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	var ended bool
	r.stop = func() {
		cancel()
		if !ended {
			ended = true
			if err := <-done; err != nil {
				r.Errorf("Run: %v", err)
			}
		}
	}
}

// until waits for cond, looking again with every change of a status.
func (r *rig) until(what string, cond func() bool) {
	r.Helper()
	limit := time.After(r.patience)
	for {
		_, _, _, changed := r.StatusChanges(1)
		if cond() {
			return
		}
		select {
		case <-changed:
		case <-limit:
			r.Fatalf("not within %s: %s; nodes: %+v", r.patience, what, r.Nodes())
		}
	}
}

// backup copies the store into a file.
func (r *rig) backup() (path string) {
	r.Helper()
	path = filepath.Join(r.dir, "backup")
	file, err := os.Create(path)
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.store.Backup(r.Context(), file); err != nil {
		r.Fatal(err)
	}
	if err := file.Close(); err != nil {
		r.Fatal(err)
	}
	return path
}

// open makes the store at path the rig's.
func (r *rig) open(path string) {
	r.Helper()
	st, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		r.Fatal(err)
	}
	r.store = st
	r.Cleanup(func() { r.stop(); st.Close() })
}

// connected: the agent has reported everything stored.
func (r *rig) connected(id string) func() bool {
	return func() bool {
		n := r.node(id)
		return n.Connected && !n.LastReport.IsZero() && n.Revision == r.store.Info().Version.Revision
	}
}

// untilRemoving waits until the store has that many tombstones.
func (r *rig) untilRemoving(count uint64) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		changed := r.store.Changed()
		if r.store.Info().Removing == count {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			r.Fatalf("%d routes are being removed, want %d", r.store.Info().Removing, count)
		}
	}
}

func (r *rig) node(id string) fleet.NodeInfo {
	for _, n := range r.Nodes() {
		if n.ID == id {
			return n
		}
	}
	return fleet.NodeInfo{}
}

func (r *rig) add(list ...routes.Route) routes.Revision {
	r.Helper()
	req := store.Request{Action: "add", Caller: store.Caller{Actor: "test"}, Atomic: true}
	for _, route := range list {
		req.Items = append(req.Items, store.Item{Op: store.OpAdd, Route: route, Force: true})
	}
	return r.apply(req)
}

func (r *rig) remove(route routes.Route) routes.Revision {
	r.Helper()
	return r.apply(store.Request{Action: "remove", Caller: store.Caller{Actor: "test"}, Items: []store.Item{{
		Op: store.OpRemove, Selector: routes.Selector{Interface: route.Interface(), Destination: route.Destination(), NextHop: route.NextHop()},
	}}})
}

func (r *rig) apply(req store.Request) routes.Revision {
	r.Helper()
	result, err := r.store.Apply(context.Background(), req)
	if err != nil {
		r.Fatal(err)
	}
	for _, item := range result.Items {
		if item.Err != nil {
			r.Fatal(item.Err)
		}
	}
	return result.Revision
}

func (r *rig) wait(rev routes.Revision, keys ...routes.Key) fleet.Waited {
	return r.await(fleet.Awaited{Revision: rev, Keys: keys})
}

func (r *rig) await(a fleet.Awaited) fleet.Waited {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return r.Wait(ctx, a)
}

// status is the record's status on the one node.
func (r *rig) status(route routes.Route) routes.NodeStatus {
	r.Helper()
	rec, err := r.store.Get(context.Background(), route.Key())
	if err != nil {
		r.Fatal(err)
	}
	return routes.Worst(r.Status(rec))
}

func mustRoute(dst, hop string, metric uint32) routes.Route {
	r, err := routes.New(routes.Fields{Interface: "Port3", Destination: netip.MustParsePrefix(dst), NextHop: netip.MustParseAddr(hop), Metric: metric})
	if err != nil {
		panic(err)
	}
	return r
}
