//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/hcsroute/hcsroute/lab/system"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// answer is what a change is answered with.
type answer struct {
	Replayed, Acknowledged bool
	Revision               uint64
	Routes                 []struct {
		Metric uint32
		State  string
		Nodes  []struct{ Node, State string }
	}
}

// repeated are two answers to the same request with the same id: the second says
// that it is a replay, and is else as the first, with the state of both nodes.
func repeated(t *testing.T, what string, metric uint32, first, again answer) {
	t.Helper()
	if first.Replayed || !again.Replayed || !first.Acknowledged || !again.Acknowledged || first.Revision != again.Revision || first.Revision == 0 {
		t.Errorf("%s: %+v, again: %+v", what, first, again)
	}
	for _, a := range []answer{first, again} {
		if len(a.Routes) != 1 || a.Routes[0].Metric != metric {
			t.Errorf("%s: %+v, want the metric %d", what, a.Routes, metric)
		}
	}
	if fmt.Sprint(first.Routes) != fmt.Sprint(again.Routes) {
		t.Errorf("%s: the route was %+v, in the replay it is %+v", what, first.Routes, again.Routes)
	}
}

// TestRequestsRepeatedWithTheirIDs: an addition, a change and a removal that are sent
// twice with one request id are carried out once, by the program and over gRPC.
func TestRequestsRepeatedWithTheirIDs(t *testing.T) {
	s := start(t, system.Options{})
	for i, c := range []struct {
		metric uint32
		args   []string
	}{
		{100, []string{"add", "Port3", "192.168.21.0/24", "192.168.20.1", "--metric", "100"}},
		{300, []string{"set", "Port3", "192.168.21.0/24", "--metric", "300"}},
		{300, []string{"remove", "Port3", "192.168.21.0/24"}},
	} {
		ask := func() answer {
			out := cli(t, s, 0, append(c.args, "--request-id", fmt.Sprintf("0b9f6c2e-6a51-4c0e-9d5e-1f2a3b4c5d%02d", i), "-o", "json")...).Stdout
			t.Log(out)
			var a answer
			if err := json.Unmarshal([]byte(out), &a); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return a
		}
		repeated(t, c.args[0], c.metric, ask(), ask())
	}

	client := routeClient(t, s)
	selector, metric := &pb.RouteSelector{Interface: "Port3", Destination: "192.168.22.0/24"}, uint32(300)
	const wait = pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED
	const id = "7f1d8a52-7b53-4f57-9d7f-6d1c2f0f9a0"
	type reply interface {
		GetReplayed() bool
		GetAcknowledged() bool
		GetRevision() uint64
	}
	for _, c := range []struct {
		what   string
		metric uint32
		call   func() (reply, *pb.Route, error)
	}{
		{"AddRoute", 256, func() (reply, *pb.Route, error) {
			r, err := client.AddRoute(t.Context(), &pb.AddRouteRequest{
				Route:     &pb.Route{Interface: "Port3", Destination: "192.168.22.0/24", NextHop: "192.168.20.1"},
				RequestId: id + "1", Acknowledgement: wait,
			})
			return r, r.GetRoute(), err
		}},
		{"SetRoute", 300, func() (reply, *pb.Route, error) {
			r, err := client.SetRoute(t.Context(), &pb.SetRouteRequest{Selector: selector, Metric: &metric, RequestId: id + "2", Acknowledgement: wait})
			return r, r.GetRoute(), err
		}},
		{"RemoveRoute", 300, func() (reply, *pb.Route, error) {
			r, err := client.RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: selector, RequestId: id + "3", Acknowledgement: wait})
			if len(r.GetRoutes()) != 1 {
				return r, nil, fmt.Errorf("%d routes, %w", len(r.GetRoutes()), err)
			}
			return r, r.GetRoutes()[0], err
		}},
	} {
		ask := func() (a answer) {
			r, route, err := c.call()
			if err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			a.Replayed, a.Acknowledged, a.Revision = r.GetReplayed(), r.GetAcknowledged(), r.GetRevision()
			a.Routes = slices.Grow(a.Routes, 1)[:1]
			a.Routes[0].Metric, a.Routes[0].State = route.GetMetric(), route.GetState().String()
			for _, n := range route.GetNodes() {
				a.Routes[0].Nodes = append(a.Routes[0].Nodes, struct{ Node, State string }{n.GetNode(), n.GetState().String()})
			}
			t.Logf("%s: %+v", c.what, a)
			return a
		}
		repeated(t, c.what, c.metric, ask(), ask())
	}
	for _, node := range s.Names() {
		if n := own(t, s, node); n != 0 {
			t.Errorf("%s has %d routes in the end", node, n)
		}
	}
}
