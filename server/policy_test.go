package server_test

import (
	"testing"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// TestATighterPolicyIsToldOfStoredRoutes: it removes none, and its operator
// hears which ones it would refuse, in lists and from who adds one of them again.
func TestATighterPolicyIsToldOfStoredRoutes(t *testing.T) {
	r := start(t, rigOptions{})
	camera := route("Port3", "192.168.21.7/32", "192.168.20.1", 100)
	r.add(t, camera)
	r.add(t, route("Port3", "192.168.22.0/24", "192.168.20.1", 100))
	r.server.SetPolicy(routes.Policy{HostDestinations: routes.Refuse})
	list, err := r.routes.ListRoutes(t.Context(), &pb.ListRoutesRequest{})
	must(t, err)
	again, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: camera})
	must(t, err)
	for _, p := range []*pb.Route{list.Routes[0], again.Route} {
		w := p.GetWarnings()
		if len(w) != 1 || w[0].Code != string(routes.WarnNoLongerAllowed) || w[0].Params["reason"] != string(routes.HostDestination) {
			t.Errorf("the camera's route: %v", w)
		}
	}
	if w := list.Routes[1].GetWarnings(); len(w) != 0 {
		t.Errorf("a route that is allowed: %v", w)
	}
}
