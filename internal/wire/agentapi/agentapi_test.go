package agentapi_test

import (
	"testing"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func route(t *testing.T, destination, hop string) routes.Route {
	t.Helper()
	r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: destination, NextHop: hop, Metric: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVersion(t *testing.T) {
	v := routes.Version{StoreID: "s", Epoch: 2, Revision: 3, Count: 1}
	v.Digest = v.Digest.Add(route(t, "10.1.0.0/16", "192.168.20.1"))
	if got, err := agentapi.FromVersion(agentapi.Version(v)); err != nil || got != v {
		t.Errorf("%+v, %v", got, err)
	}
	for _, p := range []*pb.Version{nil, {}, {Epoch: 1, Revision: 7}} {
		if got, err := agentapi.FromVersion(p); err != nil || got != (routes.Version{}) {
			t.Errorf("%v: %+v, %v; it says that there is no set", p, got, err)
		}
	}
	if _, err := agentapi.FromVersion(&pb.Version{StoreId: "s", Digest: []byte{1}}); err == nil {
		t.Error("a digest of one byte was taken")
	}
}

func TestKey(t *testing.T) {
	for _, r := range []routes.Route{route(t, "10.1.0.0/16", "192.168.20.1"), route(t, "2001:db8::/48", "fe80::1"), route(t, "10.0.0.1", "0.0.0.0")} {
		if got, err := agentapi.FromKey(agentapi.Key(r.Key())); err != nil || got != r.Key() {
			t.Errorf("%s: %s, %v", r.Key(), got, err)
		}
	}
	for _, bad := range []*pb.RouteKey{
		nil, {},
		{Destination: make([]byte, 4), NextHop: make([]byte, 3)},
		{Destination: make([]byte, 5), NextHop: make([]byte, 4)},
		{Destination: make([]byte, 4), Length: 33, NextHop: make([]byte, 4)},
	} {
		if got, err := agentapi.FromKey(bad); err == nil {
			t.Errorf("%v was read as %s", bad, got)
		}
	}
}
