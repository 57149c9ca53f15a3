package server_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// TestEveryAnswerTellsOfALoss: unary or stream, refused or not, until the loss
// is accepted.
func TestEveryAnswerTellsOfALoss(t *testing.T) {
	r := start(t, rigOptions{})
	lost := r.store.Info().Version
	lost.Revision += 3
	list := make([]routes.Route, 2500)
	for i := range list {
		r, err := routes.New(routes.Fields{
			Interface: "Port3", Destination: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24),
			NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 256,
		})
		must(t, err)
		list[i] = r
	}
	r.fleet.set(func() {
		r.fleet.losses = []fleet.Difference{{Node: "k8s-master", Loss: store.Loss{Node: "k8s-master", Version: lost}, OnlyInNode: list, OnlyInStore: list[:1]}}
	})
	warned := func() (codes []string) {
		t.Helper()
		var unary, refused metadata.MD
		_, err := r.maint.GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{}, grpc.Header(&unary))
		must(t, err)
		if _, err := r.routes.GetRoute(t.Context(), &pb.GetRouteRequest{}, grpc.Header(&refused)); err == nil {
			t.Fatal("a route without a key was found")
		}
		stream, err := r.maint.ListLosses(t.Context(), &pb.ListLossesRequest{})
		must(t, err)
		parts, node := 0, 0
		for {
			p, err := stream.Recv()
			if err != nil {
				break
			}
			parts, node = parts+1, node+len(p.GetOnlyInNode())
		}
		if parts != 3 || node != len(list) {
			t.Errorf("%d routes in %d parts", node, parts)
		}
		streamed, err := stream.Header()
		must(t, err)
		for _, md := range []metadata.MD{unary, refused, streamed} {
			for _, w := range publicapi.HeaderWarnings(md) {
				codes = append(codes, w.GetCode()+" "+w.GetParams()["node"])
			}
		}
		return codes
	}
	if got := warned(); len(got) != 0 {
		t.Fatalf("warned of %q", got)
	}
	_, err := r.maint.AcceptLosses(t.Context(), &pb.AcceptLossesRequest{})
	if e := publicapi.FromStatus(err); e == nil || e.Reason != routes.NotFound {
		t.Fatalf("accepted nothing: %v", err)
	}
	standing, err := r.store.Judge(t.Context(), "k8s-master", lost, r.store.Authenticator(lost))
	must(t, err)
	if standing != store.Lost {
		t.Fatal(standing)
	}
	if got := warned(); len(got) != 3 || got[0] != "STORE_BEHIND k8s-master" || got[1] != got[0] || got[2] != got[0] {
		t.Fatalf("warned of %q", got)
	}
	info, err := r.maint.GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
	must(t, err)
	if len(info.GetBehindNodes()) != 1 {
		t.Errorf("info %v", info)
	}
	brief, err := r.maint.ListLosses(t.Context(), &pb.ListLossesRequest{WithoutRoutes: true})
	must(t, err)
	part, err := brief.Recv()
	must(t, err)
	if len(part.GetOnlyInNode()) != 0 {
		t.Errorf("%d routes that nobody asked for", len(part.GetOnlyInNode()))
	}
	seen := []*pb.SeenLoss{{NodeId: part.GetNodeId(), Epoch: part.GetEpoch(), Revision: part.GetRevision()}}
	for name, wrong := range map[string][]*pb.SeenLoss{
		"none seen":         nil,
		"another node's":    {{NodeId: "k8s-worker", Epoch: part.GetEpoch(), Revision: part.GetRevision()}},
		"one of before":     {{NodeId: part.GetNodeId(), Epoch: part.GetEpoch(), Revision: part.GetRevision() - 1}},
		"of an older epoch": {{NodeId: part.GetNodeId(), Epoch: part.GetEpoch() - 1, Revision: part.GetRevision()}},
	} {
		_, err := r.maint.AcceptLosses(t.Context(), &pb.AcceptLossesRequest{Seen: wrong})
		if e := publicapi.FromStatus(err); e == nil || e.Reason != routes.RevisionMismatch || len(r.store.Losses()) != 1 {
			t.Fatalf("%s: %v, %d losses", name, err, len(r.store.Losses()))
		}
	}
	resp, err := r.maint.AcceptLosses(t.Context(), &pb.AcceptLossesRequest{OnBehalfOf: "ann", Seen: seen})
	must(t, err)
	if v := r.store.Info().Version; resp.GetEpoch() != v.Epoch || v.Epoch != lost.Epoch+1 {
		t.Errorf("accepted: %v, the store is at %+v", resp, v)
	}
	if got := warned(); len(got) != 0 {
		t.Errorf("after accept warned of %q", got)
	}
}

// TestALossNamesItsNodes: by their names, which operators know, in one sentence
// that is right for one and for several.
func TestALossNamesItsNodes(t *testing.T) {
	r := start(t, rigOptions{})
	lost := r.store.Info().Version
	lost.Revision += 3
	r.fleet.set(func() {
		for i, name := range []string{"k8s-worker", "k8s-master"} {
			r.fleet.nodes = append(r.fleet.nodes, fleet.NodeInfo{Node: hostvm.Node{ID: fmt.Sprintf("id-%d", i), Name: name}})
		}
	})
	for i, want := range []string{"lost acknowledged changes that k8s-worker still holds;", "lost acknowledged changes that k8s-master, k8s-worker still hold;"} {
		standing, err := r.store.Judge(t.Context(), fmt.Sprintf("id-%d", i), lost, r.store.Authenticator(lost))
		must(t, err)
		if standing != store.Lost {
			t.Fatal(standing)
		}
		var header metadata.MD
		info, err := r.maint.GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{}, grpc.Header(&header))
		must(t, err)
		list := publicapi.HeaderWarnings(header)
		if len(list) != 1 || !strings.Contains(list[0].GetMessage(), want) {
			t.Errorf("%v, want %q", list, want)
		}
		if got := info.GetBehindNodes(); !slices.Equal(got, []string{"k8s-master", "k8s-worker"}[1-i:]) {
			t.Errorf("behind nodes: %q", got)
		}
	}
}
