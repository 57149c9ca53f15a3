package publicapi

import (
	"net/netip"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Records converts stored routes for one answer. What neighbours have in
// common they share, so nobody may change what its routes point to. The zero
// value is ready for use.
type Records struct {
	metric  *uint32
	hop     netip.Addr
	hopText string
	time    int64
	stamp   *timestamppb.Timestamp

	nodes    []routes.NodeStatus
	statuses []*pb.NodeStatus // of nodes
	worst    routes.NodeStatus
	state    pb.State // of worst
}

// Convert converts a stored route with its statuses. summary leaves the single
// nodes out.
func (c *Records) Convert(rec routes.Record, nodes []routes.NodeStatus, summary bool) *pb.Route {
	p := new(pb.Route)
	c.Put(p, rec)
	c.Fill(p, rec, nodes)
	if summary {
		p.Nodes = nil
	}
	return p
}

// Put converts a stored route into p, except for its statuses.
func (c *Records) Put(p *pb.Route, rec routes.Record) {
	r := rec.Route
	if metric := uint32(r.Metric()); c.metric == nil || *c.metric != metric {
		c.metric = proto.Uint32(metric)
	}
	if c.hop != r.NextHop() {
		c.hop, c.hopText = r.NextHop(), r.NextHop().String()
	}
	var text [64]byte // Destination().String() would allocate twice
	p.Interface, p.Destination, p.NextHop, p.Metric = r.Interface(), string(r.Destination().AppendTo(text[:0])), c.hopText, c.metric
	p.Revision, p.CreatedBy = uint64(rec.Revision), rec.CreatedBy
	p.CreateTime, p.UpdateTime = c.at(rec.CreatedTime), c.at(rec.ChangedTime)
}

// Fill puts the statuses of a stored route into p. A tombstone that no node has
// yet to prove is REMOVED.
func (c *Records) Fill(p *pb.Route, rec routes.Record, nodes []routes.NodeStatus) {
	c.take(nodes)
	p.State, p.Cause, p.Condition, p.Detail = c.state, string(c.worst.Cause), string(c.worst.Condition), c.worst.Detail
	if rec.Removed && len(nodes) == 0 {
		p.State, p.Cause, p.Condition, p.Detail = pb.State_STATE_REMOVED, "", "", ""
	}
	p.Nodes = c.statuses
}

// take converts the statuses, where they are not those of the route before.
func (c *Records) take(nodes []routes.NodeStatus) {
	if len(nodes) > 0 && slices.Equal(nodes, c.nodes) {
		return
	}
	c.nodes, c.statuses = append(c.nodes[:0], nodes...), make([]*pb.NodeStatus, len(nodes))
	for i, n := range nodes {
		c.statuses[i] = NodeStatus(n)
	}
	c.worst = routes.Worst(nodes)
	c.state = State(c.worst.State)
}

// at is the time of so many nanoseconds since 1970.
func (c *Records) at(ns int64) *timestamppb.Timestamp {
	if c.stamp == nil || c.time != ns {
		c.time, c.stamp = ns, timestamppb.New(time.Unix(0, ns))
	}
	return c.stamp
}
