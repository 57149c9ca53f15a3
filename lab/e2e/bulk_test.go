//go:build linux

package e2e

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/lab/system"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// many makes count routes, IPv4 and IPv6 in turn.
func many(count int) []*pb.Route {
	list := make([]*pb.Route, 0, count)
	for i := range count {
		if i%2 == 0 {
			list = append(list, &pb.Route{Interface: "Port3", Destination: fmt.Sprintf("100.%d.%d.0/24", 64+i/512, i/2%256), NextHop: "192.168.20.1"})
		} else {
			list = append(list, &pb.Route{Interface: "Port3", Destination: fmt.Sprintf("fd01:%x::/64", i), NextHop: "fd00:20::1"})
		}
	}
	return list
}

func TestTenThousandRoutesInOneCall(t *testing.T) {
	s := start(t, system.Options{})
	before := tables(t, s)
	client := routeClient(t, s)
	const count = 10000
	routes := many(count)
	res, err := client.BatchAddRoutes(t.Context(), &pb.BatchAddRoutesRequest{
		Routes: routes, Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: durationpb.New(60e9),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Committed || !res.Acknowledged || len(res.Items) != count {
		t.Fatalf("committed %v, acknowledged %v, %d items, %v", res.Committed, res.Acknowledged, len(res.Items), res.Warnings)
	}
	for _, item := range res.Items {
		if item.Outcome != pb.Outcome_OUTCOME_CREATED || item.Error != nil {
			t.Fatalf("item %v", item)
		}
	}
	for _, node := range s.Names() {
		if n := own(t, s, node); n != count {
			t.Fatalf("%s acknowledged, yet its kernel has %d of %d routes", node, n, count)
		}
	}
	one := &pb.BatchAddRoutesRequest{Routes: many(count + 1)}
	if _, err := client.BatchAddRoutes(t.Context(), one); err == nil {
		t.Fatal("10,001 items are accepted")
	}
	selectors := make([]*pb.RouteSelector, 0, count)
	for _, r := range routes {
		selectors = append(selectors, &pb.RouteSelector{Interface: r.Interface, Destination: r.Destination})
	}
	gone, err := client.BatchRemoveRoutes(t.Context(), &pb.BatchRemoveRoutesRequest{
		Selectors: selectors, Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: durationpb.New(60e9),
	})
	if err != nil || !gone.Committed || !gone.Acknowledged {
		t.Fatalf("removal: %v %v", gone, err)
	}
	after := tables(t, s)
	for name, table := range before {
		if after[name] != table {
			t.Errorf("the table of %s is not as before", name)
		}
	}
}

func TestBatchModes(t *testing.T) {
	s := start(t, system.Options{})
	client := routeClient(t, s)
	routes := many(4)
	routes[2] = &pb.Route{Interface: "Port3", Destination: "192.168.21.5/24", NextHop: "192.168.20.1"}
	atomic, err := client.BatchAddRoutes(t.Context(), &pb.BatchAddRoutesRequest{Routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	if atomic.Committed || atomic.Items[2].GetError().GetReason() != "DESTINATION_HOST_BITS" {
		t.Fatalf("atomic: %v", atomic)
	}
	if n := own(t, s, "k8s-master"); n != 0 {
		t.Fatalf("%d routes of a refused batch are in the kernel", n)
	}
	partial, err := client.BatchAddRoutes(t.Context(), &pb.BatchAddRoutesRequest{
		Routes: routes, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED,
	})
	if err != nil || !partial.Committed || !partial.Acknowledged {
		t.Fatalf("partial: %v %v", partial, err)
	}
	if n := own(t, s, "k8s-master"); n != 3 {
		t.Fatalf("%d routes in the kernel, want the 3 good ones", n)
	}
}
