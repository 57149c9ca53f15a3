package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestACallEndsWithItsCertificate: a wait is refused; a change that is stored
// says that it is, and what is not programmed.
func TestACallEndsWithItsCertificate(t *testing.T) {
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		validity := 2 * time.Second
		for !cutCalls(t, validity, func(string) {}) {
			if validity *= 2; validity > time.Minute {
				t.Fatal("the machine is too busy for the calls to begin before the certificate ends")
			}
		}
	})
	t.Run("another CA", func(t *testing.T) {
		t.Parallel()
		if !cutCalls(t, time.Hour, func(dir string) {
			must(t, certs.Init(certs.CAOptions{Dir: dir, Force: true}))
			must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Service, Name: "server", SANs: []string{"127.0.0.1"}, Force: true}))
		}) {
			t.Error("a call was not let in")
		}
	})
}

// cutCalls makes calls that wait until their caller's certificate ends, which
// change brings about, and reports whether all of them had been let in.
func cutCalls(t *testing.T, validity time.Duration, change func(dir string)) bool {
	dir := pki(t)
	r, address := startRemote(t, dir)
	must(t, r.store.Know(t.Context(), store.KnownNode{ID: "k8s-master", Name: "k8s-master"}))
	const hop, programmed = "192.168.20.1", pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED
	added := route("Port3", "192.168.23.0/24", hop, 10)
	for _, destination := range []string{"192.168.21.0/24", "192.168.22.0/24"} {
		r.add(t, route("Port3", destination, hop, 10))
	}
	limit := durationpb.New(time.Minute)
	calls := []func(context.Context, pb.RouteServiceClient) error{
		func(ctx context.Context, c pb.RouteServiceClient) error {
			if resp, err := c.WaitRoutes(ctx, &pb.WaitRoutesRequest{Timeout: limit}); reason(err) != routes.Unauthenticated {
				return fmt.Errorf("wait: %v %w", resp, err)
			}
			return nil
		},
		func(ctx context.Context, c pb.RouteServiceClient) error {
			resp, err := c.AddRoute(ctx, &pb.AddRouteRequest{Route: added, Acknowledgement: programmed, Timeout: limit})
			if err != nil || resp.Acknowledged || len(resp.Route.Warnings) != 1 || resp.Route.State != pb.State_STATE_WAITING {
				return fmt.Errorf("add: %v %w", resp, err)
			}
			return nil
		},
		func(ctx context.Context, c pb.RouteServiceClient) error {
			resp, err := c.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: selector("Port3", "192.168.21.0/24", hop), Acknowledgement: programmed, Timeout: limit})
			if err != nil || resp.Acknowledged || len(resp.Routes) != 1 || resp.Routes[0].State == pb.State_STATE_REMOVED {
				return fmt.Errorf("remove: %v %w", resp, err)
			}
			return nil
		},
		func(ctx context.Context, c pb.RouteServiceClient) error {
			resp, err := c.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{
				Selectors: []*pb.RouteSelector{selector("Port3", "192.168.22.0/24", hop)}, ReturnRoutes: true, Acknowledgement: programmed, Timeout: limit,
			})
			if err != nil || resp.Acknowledged || len(resp.Warnings) != 1 || resp.Items[0].State != pb.State_STATE_WAITING || resp.Items[0].Routes[0].State == pb.State_STATE_REMOVED {
				return fmt.Errorf("batch remove: %v %w", resp, err)
			}
			return nil
		},
	}
	late := []routes.NodeStatus{{Node: "k8s-master", State: routes.Waiting, Cause: routes.InProgress}}
	begun, causes := make(chan struct{}, len(calls)), make(chan error, len(calls))
	r.fleet.set(func() {
		r.fleet.status = func(routes.Record) []routes.NodeStatus { return late }
		r.fleet.waits = func(ctx context.Context, _ routes.Revision) fleet.Waited {
			begun <- struct{}{}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return fleet.Waited{Late: late}
		}
	})
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "operator", Validity: validity}))
	config, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
	must(t, err)
	client := pb.NewRouteServiceClient(dialRemote(t, address, config))
	group, ctx := errgroup.WithContext(t.Context())
	for _, call := range calls {
		group.Go(func() error { return call(ctx, client) })
	}
	letIn := 0
	for letIn < len(calls) && ctx.Err() == nil {
		select {
		case <-begun:
			letIn++
		case <-ctx.Done(): // a call has failed
		}
	}
	change(dir)
	if err := group.Wait(); letIn < len(calls) {
		t.Log(err)
		return false
	} else if err != nil {
		t.Fatal(err)
	}
	for range calls {
		if cause := <-causes; routes.ReasonOf(cause) != routes.Unauthenticated {
			t.Errorf("a wait ended with %v", cause)
		}
	}
	if _, err := r.store.Get(t.Context(), key(t, added)); err != nil {
		t.Errorf("what was added: %v", err)
	}
	return true
}
