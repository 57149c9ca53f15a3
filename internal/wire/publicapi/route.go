package publicapi

import (
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// FromRoute reads a route of a request; the metric defaults to 256.
func FromRoute(p *pb.Route) (routes.Route, error) {
	metric := int64(routes.DefaultMetric)
	if p != nil && p.Metric != nil {
		metric = int64(p.GetMetric())
	}
	return routes.Parse(routes.Text{Interface: p.GetInterface(), Destination: p.GetDestination(), NextHop: p.GetNextHop(), Metric: metric})
}

// FromSelector reads a selector of a request.
func FromSelector(p *pb.RouteSelector) (routes.Selector, error) {
	alias, err := routes.CheckAlias(p.GetInterface())
	if err != nil {
		return routes.Selector{}, err
	}
	dst, err := routes.ParseDestination(p.GetDestination())
	if err != nil {
		return routes.Selector{}, err
	}
	s := routes.Selector{Interface: alias, Destination: dst}
	if p.GetNextHop() != "" {
		if s.NextHop, err = routes.ParseNextHop(p.GetNextHop(), alias); err != nil {
			return routes.Selector{}, err
		}
	}
	return s, nil
}

// Route converts a bare route.
func Route(r routes.Route) *pb.Route {
	metric := uint32(r.Metric())
	return &pb.Route{Interface: r.Interface(), Destination: r.Destination().String(), NextHop: r.NextHop().String(), Metric: &metric}
}

// Record converts one stored route; see [Records.Convert].
func Record(rec routes.Record, nodes []routes.NodeStatus, summary bool) *pb.Route {
	return new(Records).Convert(rec, nodes, summary)
}

// NodeStatus converts one node's status.
func NodeStatus(n routes.NodeStatus) *pb.NodeStatus {
	p := &pb.NodeStatus{
		Node: n.Node, State: State(n.State), Cause: string(n.Cause), Condition: string(n.Condition),
		Detail: n.Detail, Revision: uint64(n.Revision),
	}
	if !n.Time.IsZero() {
		p.Time = timestamppb.New(n.Time)
	}
	if !n.Reported.IsZero() {
		age := uint32(min(max(0, time.Since(n.Reported).Seconds()), math.MaxUint32))
		p.ReportAgeSeconds = &age
	}
	return p
}

// Warnings converts warnings.
func Warnings(list []routes.Warning) []*pb.Warning {
	var out []*pb.Warning
	for _, w := range list {
		out = append(out, &pb.Warning{Code: string(w.Code), Message: w.Message, Params: w.Params})
	}
	return out
}

// State converts a state.
func State(s routes.State) pb.State {
	return pb.State(pb.State_value["STATE_"+string(s)])
}

// FromState reads a state; STATE_UNSPECIFIED becomes "".
func FromState(p pb.State) routes.State {
	if p == pb.State_STATE_UNSPECIFIED {
		return ""
	}
	return routes.State(strings.TrimPrefix(p.String(), "STATE_"))
}

// Outcome converts an outcome; "" becomes OUTCOME_UNSPECIFIED.
func Outcome(o routes.Outcome) pb.Outcome {
	return pb.Outcome(pb.Outcome_value["OUTCOME_"+string(o)])
}
