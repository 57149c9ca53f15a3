package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// errNotHeld says that a node has taken another set since it proved a loss.
var errNotHeld = errors.New("the node does not hold any more what proved the loss")

// Difference is how a node that holds what the store lost differs from it.
type Difference struct {
	Node string // name
	store.Loss
	OnlyInNode  []routes.Route
	OnlyInStore []routes.Route
	Problem     string // why the node could not be asked
}

// Losses implements Fleet: it asks the nodes that proved a loss what they hold, all
// at once, so that a node that does not answer holds up no other.
func (m *Manager) Losses(ctx context.Context) ([]Difference, error) {
	losses := m.opts.Store.Losses()
	list := make([]Difference, len(losses))
	asking, cancel := context.WithTimeoutCause(ctx, m.timing.Held, fmt.Errorf("no answer within %s; what it holds is not known", m.timing.Held))
	defer cancel()
	var group errgroup.Group
	for i, loss := range losses {
		d := &list[i]
		*d = Difference{Node: loss.Node, Loss: loss}
		group.Go(func() error {
			n, err := m.find(loss.Node)
			var has []routes.Route
			if err == nil {
				d.Node = n.title()
				has, err = n.holds(asking, loss.Version)
			}
			if err != nil {
				d.Problem = err.Error()
				return context.Cause(ctx)
			}
			return m.compare(ctx, d, has)
		})
	}
	return list, group.Wait()
}

// compare finds the routes that only the node, or only the store, has.
func (m *Manager) compare(ctx context.Context, d *Difference, has []routes.Route) error {
	node := make(map[routes.Key]routes.Route, len(has))
	for _, r := range has {
		node[r.Key()] = r
	}
	_, err := m.opts.Store.Snapshot(ctx, false, func(rec routes.Record) error {
		switch r, ok := node[rec.Route.Key()]; {
		case rec.Removed:
		case !ok:
			d.OnlyInStore = append(d.OnlyInStore, rec.Route)
		case r.Metric() == rec.Route.Metric():
			delete(node, rec.Route.Key())
		default: // the same key with another metric is in both lists
			d.OnlyInStore = append(d.OnlyInStore, rec.Route)
		}
		return nil
	})
	for _, r := range has {
		if _, only := node[r.Key()]; only {
			d.OnlyInNode = append(d.OnlyInNode, r)
		}
	}
	slices.SortFunc(d.OnlyInNode, func(a, b routes.Route) int { return a.Key().Compare(b.Key()) })
	return err
}

// holds asks the agent for its set, outside of any session. A set that is not the
// one of version v is an error.
func (n *node) holds(ctx context.Context, v routes.Version) ([]routes.Route, error) {
	t := n.target()
	if !t.dial {
		return nil, errors.New("the inventory has no running node with an endpoint of that id")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	list, err := n.askHeld(ctx, cancel, t.Endpoint, v)
	if errors.As(err, new(errExcess)) {
		n.accuse(err)
	}
	return list, err
}

func (n *node) askHeld(ctx context.Context, cancel context.CancelCauseFunc, endpoint string, v routes.Version) (list []routes.Route, err error) {
	raw, err := n.m.opts.Dialer.Dial(ctx, endpoint, n.id)
	if err != nil {
		return nil, because(ctx, err)
	}
	defer raw.Close()
	conn, err := n.m.client(raw)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	codec := boundedBy(checkHeld, cancel)
	stream, err := pb.NewAgentServiceClient(conn).Held(ctx, &pb.HeldRequest{}, grpc.ForceCodecV2(codec), grpc.MaxCallRecvMsgSize(maxHeldPart))
	aliases := map[uint32]string{}
	for first := true; err == nil; first = false {
		var m *pb.HeldResponse
		if m, err = stream.Recv(); err != nil {
			break
		}
		if first {
			held, err := agentapi.FromVersion(m.GetPart().GetVersion())
			if err != nil || held != v { // then its size says nothing of what it proved
				return nil, errNotHeld
			}
		}
		before := len(list)
		list, err = readHeld(list, m.GetPart(), aliases)
		switch {
		case err != nil:
			err = errors.New(claim(err.Error()))
		case uint64(len(list)) > v.Count:
			err = excess("sends more than the %d routes that it has a proof of", v.Count)
		case len(list) == before && !m.GetPart().GetLast():
			err = excess("sends its set in parts without a route")
		}
	}
	switch {
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the agent did not say what it holds: %w", because(ctx, err))
	case uint64(len(list)) != v.Count || routes.DigestOf(list) != v.Digest:
		return nil, errNotHeld
	}
	return list, nil
}

// readHeld appends the routes of a part; aliases are those of the first one.
func readHeld(list []routes.Route, part *pb.Snapshot, aliases map[uint32]string) ([]routes.Route, error) {
	for _, p := range part.GetPorts().GetPorts() {
		aliases[p.Id] = p.Interface
	}
	for _, b := range part.GetBlocks() {
		var err error
		if list, err = agentapi.ReadBlock(list, b, aliases[b.Port]); err != nil {
			return nil, err
		}
	}
	return list, nil
}
