package server

import (
	"context"
	"errors"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// oneRoute is a store with one route.
type oneRoute struct {
	store.Store
	rec routes.Record
}

func (s oneRoute) List(context.Context, store.Query) ([]routes.Record, bool, error) {
	return []routes.Record{s.rec}, false, nil
}

// restless is a fleet in which every status may have changed.
type restless struct{ fleet.Fleet }

func (restless) StatusChanges(pos uint64) ([]routes.Key, bool, uint64, <-chan struct{}) {
	return nil, true, pos + 1, nil
}

func (restless) Facts(string) routes.Facts { return routes.Facts{} }

func (restless) Status(routes.Record) []routes.NodeStatus { return nil }

// A watch whose sends fail ends, also where every status is sent.
func TestAWatchEndsWithItsReader(t *testing.T) {
	r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: "10.1.0.0/16", NextHop: "192.168.20.1", Metric: 1})
	if err != nil {
		t.Fatal(err)
	}
	broken, sent := errors.New("the stream is broken"), 0
	w := &watch{
		Server: New(Options{Store: oneRoute{rec: routes.Record{Route: r}}, Fleet: restless{}}),
		send:   func(*pb.WatchRoutesResponse) error { sent++; return broken },
	}
	if _, err := w.sendStatuses(t.Context()); !errors.Is(err, broken) || sent != 1 {
		t.Errorf("%d sent, error %v", sent, err)
	}
}
