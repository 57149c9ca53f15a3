package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

func TestListFiltersAndPages(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	for i := range 5 {
		r.add(t, route("Port3", fmt.Sprintf("192.168.%d.0/24", 30+i), "192.168.20.1", uint32(100+i%2)))
	}
	r.add(t, route("Port3", "2001:db8::/32", "fd00:20::1", 7))
	r.add(t, route("Port5", "10.50.0.0/16", "192.168.50.1", 9))
	count := func(f *pb.RouteFilter) int {
		t.Helper()
		resp, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: f})
		must(t, err)
		return len(resp.Routes)
	}
	for name, tc := range map[string]struct {
		want   int
		filter *pb.RouteFilter
	}{
		"all":         {7, nil},
		"alias":       {1, &pb.RouteFilter{Interfaces: []string{"PORT5"}}},
		"other name":  {6, &pb.RouteFilter{Interfaces: []string{"eth3"}}},
		"wildcard":    {7, &pb.RouteFilter{Interfaces: []string{"p*t?"}}},
		"no wildcard": {1, &pb.RouteFilter{Interfaces: []string{"*5", "Port4"}}},
		"metric":      {3, &pb.RouteFilter{Metrics: []uint32{100}}},
		"family":      {1, &pb.RouteFilter{AddressFamily: pb.AddressFamily_ADDRESS_FAMILY_IPV6}},
		"destination": {1, &pb.RouteFilter{Destinations: []string{"192.168.31.0/24", "10.9.0.0/16"}}},
		"next hop":    {5, &pb.RouteFilter{NextHops: []string{"192.168.20.1"}}},
		"state":       {0, &pb.RouteFilter{States: []pb.State{pb.State_STATE_FAILED}}},
	} {
		if n := count(tc.filter); n != tc.want {
			t.Errorf("%s: %d routes, want %d", name, n, tc.want)
		}
	}
	if _, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: &pb.RouteFilter{Interfaces: []string{"Port9"}}}); reason(err) != routes.InterfaceNotFound {
		t.Errorf("unknown alias: %v", err)
	}
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprintf("*%d*", i)
	}
	if _, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: &pb.RouteFilter{Interfaces: many}}); reason(err) != routes.BatchTooLarge {
		t.Errorf("65 patterns: %v", err)
	}

	filter := &pb.RouteFilter{Interfaces: []string{"Port*"}}
	var seen []string
	token := ""
	for {
		page, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: filter, PageSize: 2, PageToken: token})
		must(t, err)
		for _, p := range page.Routes {
			seen = append(seen, p.Destination)
		}
		if token = page.NextPageToken; token == "" {
			break
		}
		if _, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{PageToken: token}); reason(err) != routes.BadRequest {
			t.Errorf("a token of another filter: %v", err)
		}
	}
	if len(seen) != 7 || slices.Contains(seen[1:], seen[0]) {
		t.Errorf("pages have %v", seen)
	}
	for _, bad := range []string{"x", "AAAA", "!"} {
		if _, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{PageToken: bad}); reason(err) != routes.BadRequest {
			t.Errorf("token %q: %v", bad, err)
		}
	}
}

// joined is a store in which another caller changes something around a read.
type joined struct {
	store.Store
	before, after func()   // once each; nil: nothing
	meanwhile     []func() // one after each Since
}

func (j *joined) Since(after store.Position) ([]store.Event, bool) {
	events, ok := j.Store.Since(after)
	if len(j.meanwhile) > 0 {
		j.meanwhile[0]()
		j.meanwhile = j.meanwhile[1:]
	}
	return events, ok
}

func (j *joined) List(ctx context.Context, q store.Query) ([]routes.Record, bool, error) {
	once(&j.before)
	recs, more, err := j.Store.List(ctx, q)
	once(&j.after)
	return recs, more, err
}

func once(f *func()) {
	if do := *f; do != nil {
		*f = nil
		do()
	}
}

// TestAPageSaysWhatItIsOf: the revisions at both its ends are equal only where
// nothing changed while it was read.
func TestAPageSaysWhatItIsOf(t *testing.T) {
	j := &joined{}
	r := start(t, rigOptions{wrap: func(s store.Store) store.Store { j.Store = s; return j }})
	r.add(t, route("Port3", "10.71.0.0/16", "192.168.20.1", 100))
	j.after = func() { r.add(t, route("Port3", "10.70.0.0/16", "192.168.20.1", 100)) }
	for _, want := range [][2]uint64{{1, 2}, {2, 2}} {
		page, err := r.routes.ListRoutes(t.Context(), &pb.ListRoutesRequest{})
		must(t, err)
		if got := [2]uint64{page.Revision, page.EndRevision}; got != want || len(page.Routes) != int(want[0]) {
			t.Errorf("%d routes of the revisions %v, want %v", len(page.Routes), got, want)
		}
	}
}

func TestShadowedIsAWarning(t *testing.T) {
	r := start(t, rigOptions{})
	p := r.add(t, route("Port3", "192.168.20.0/24", "192.168.20.1", 100))
	if len(p.Route.Warnings) != 1 || p.Route.Warnings[0].Code != string(routes.WarnShadowed) {
		t.Fatalf("expected: warnings %v", p.Route.Warnings)
	}
	r.fleet.set(func() {
		r.fleet.status = func(routes.Record) []routes.NodeStatus {
			return []routes.NodeStatus{{Node: "a", State: routes.Programmed, Condition: routes.Shadowed, Detail: "192.168.20.0/24 proto kernel metric 0"}}
		}
	})
	got, err := r.routes.GetRoute(t.Context(), &pb.GetRouteRequest{Selector: selector("Port3", "192.168.20.0/24", "")})
	must(t, err)
	if w := got.Route.Warnings; len(w) != 1 || w[0].Params["winner"] != "192.168.20.0/24 proto kernel metric 0" || got.Route.Condition != "SHADOWED" {
		t.Errorf("answered: %v", got.Route)
	}
}

// TestEachConditionIsAWarningOfItsNodes: of nodes that differ, each is named
// with what it says, and the worst stands for the route.
func TestEachConditionIsAWarningOfItsNodes(t *testing.T) {
	r := start(t, rigOptions{})
	r.add(t, route("Port3", "10.71.0.0/16", "192.168.20.1", 100))
	r.fleet.set(func() {
		r.fleet.status = func(routes.Record) []routes.NodeStatus {
			return []routes.NodeStatus{
				{Node: "a", State: routes.Programmed, Condition: routes.Standby, Detail: "ours wins"},
				{Node: "b", State: routes.Programmed, Condition: routes.Shadowed, Detail: "theirs via 192.168.20.9"},
				{Node: "c", State: routes.Programmed, Condition: routes.Shared, Detail: "theirs via 192.168.20.8"},
			}
		}
	})
	got, err := r.routes.GetRoute(t.Context(), &pb.GetRouteRequest{Selector: selector("Port3", "10.71.0.0/16", "")})
	must(t, err)
	if got.Route.Condition != "SHADOWED" || got.Route.Detail != "theirs via 192.168.20.9" {
		t.Errorf("%s: %s", got.Route.Condition, got.Route.Detail)
	}
	want := map[string][3]string{
		"SHADOWED": {"winner", "theirs via 192.168.20.9", "b"},
		"SHARED":   {"other", "theirs via 192.168.20.8", "c"},
	}
	for _, w := range got.Route.Warnings {
		about, ok := want[w.Code]
		if !ok || w.Params[about[0]] != about[1] || w.Params["node"] != about[2] || !strings.HasSuffix(w.Message, "on "+about[2]) {
			t.Errorf("warning %v", w)
		}
		delete(want, w.Code)
	}
	if len(want) > 0 {
		t.Errorf("no warning for %v", want)
	}
}

type watcher struct {
	t      *testing.T
	stream interface {
		Recv() (*pb.WatchRoutesResponse, error)
	}
}

func (w watcher) want(kind pb.WatchRoutesResponse_Kind, destination string) *pb.WatchRoutesResponse {
	w.t.Helper()
	msg, err := w.stream.Recv()
	must(w.t, err)
	if msg.Kind != kind || msg.GetRoute().GetDestination() != destination {
		w.t.Fatalf("event %v, want %v of %q", msg, kind, destination)
	}
	return msg
}

const (
	current = pb.WatchRoutesResponse_KIND_CURRENT
	inSync  = pb.WatchRoutesResponse_KIND_IN_SYNC
	addedEv = pb.WatchRoutesResponse_KIND_ADDED
	updated = pb.WatchRoutesResponse_KIND_UPDATED
	gone    = pb.WatchRoutesResponse_KIND_REMOVED
	state   = pb.WatchRoutesResponse_KIND_STATUS
	reset   = pb.WatchRoutesResponse_KIND_RESET
)

func (r *rig) watch(t *testing.T, req *pb.WatchRoutesRequest) watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	stream, err := r.routes.WatchRoutes(ctx, req)
	must(t, err)
	return watcher{t, stream}
}

func TestWatch(t *testing.T) {
	r := start(t, rigOptions{bolt: boltstore.Options{EventChanges: 3}})
	ctx := t.Context()
	p := r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.1", 100)).Route
	w := r.watch(t, &pb.WatchRoutesRequest{})
	w.want(current, "192.168.21.0/24")
	if msg := w.want(inSync, ""); msg.Revision != 1 {
		t.Errorf("in sync at %d", msg.Revision)
	}
	r.add(t, route("Port3", "192.168.22.0/24", "192.168.20.1", 100))
	w.want(addedEv, "192.168.22.0/24")
	metric := uint32(9)
	_, err := r.routes.SetRoute(ctx, &pb.SetRouteRequest{Selector: selector("Port3", "192.168.22.0/24", ""), Metric: &metric})
	must(t, err)
	if msg := w.want(updated, "192.168.22.0/24"); msg.Previous.GetMetric() != 100 || msg.Route.GetMetric() != 9 || msg.Revision != 3 {
		t.Errorf("updated %v", msg)
	}
	r.fleet.reported(key(t, p))
	w.want(state, "192.168.21.0/24")
	_, err = r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: selector("Port3", "192.168.21.0/24", "")})
	must(t, err)
	w.want(gone, "192.168.21.0/24")

	// Resume: what was missed, then what comes; only what was asked for.
	again := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: 3, ChangesOnly: true, Filter: &pb.RouteFilter{Interfaces: []string{"port3"}}})
	again.want(gone, "192.168.21.0/24")
	r.add(t, route("Port5", "10.50.0.0/16", "192.168.50.1", 9))
	r.fleet.reported(key(t, route("Port3", "192.168.22.0/24", "192.168.20.1", 9)))
	r.add(t, route("Port3", "192.168.23.0/24", "192.168.20.1", 9))
	again.want(addedEv, "192.168.23.0/24")

	// Events that are lost, and revisions that never were, start again.
	for range 3 {
		metric++
		_, err := r.routes.SetRoute(ctx, &pb.SetRouteRequest{Selector: selector("Port3", "192.168.22.0/24", ""), Metric: &metric})
		must(t, err)
	}
	for _, after := range []uint64{1, 99} {
		lost := r.watch(t, &pb.WatchRoutesRequest{AfterRevision: after, Filter: &pb.RouteFilter{Destinations: []string{"192.168.23.0/24"}}})
		lost.want(reset, "")
		lost.want(current, "192.168.23.0/24")
		lost.want(inSync, "")
	}
}

func TestStopEndsWatchesAndWaits(t *testing.T) {
	r := start(t, rigOptions{})
	w := r.watch(t, &pb.WatchRoutesRequest{})
	w.want(inSync, "")
	health, err := healthpb.NewHealthClient(r.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: server.HealthWrites})
	must(t, err)
	if msg, err := health.Recv(); err != nil || msg.Status != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("health %v %v", msg, err)
	}
	begun := time.Now()
	must(t, r.stop())
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if _, err := w.stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("watch: %v", err)
	}
	if msg, err := health.Recv(); err == nil && msg.Status != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health %v", msg)
	}
}

func TestInventoryExplainMaintenance(t *testing.T) {
	r := start(t, rigOptions{Options: server.Options{Version: "1.2.3"}})
	ctx := t.Context()
	ports, err := r.inv.ListInterfaces(ctx, &pb.ListInterfacesRequest{})
	must(t, err)
	var got []string
	for _, p := range ports.Interfaces {
		got = append(got, fmt.Sprintf("%s %v %s", p.Alias, p.Eligible, p.Reason))
	}
	want := []string{"Port1 false HOST_ROUTE", "Port2 false INTERFACE_NOT_STATIC", "Port3 true ", "Port4 false INTERFACE_TEAMED", "Port5 true "}
	if !slices.Equal(got, want) {
		t.Errorf("interfaces %q", got)
	}
	paths, err := r.routes.ExplainRoute(ctx, &pb.ExplainRouteRequest{Address: "192.168.21.9", Nodes: []string{"K8S-master"}})
	must(t, err)
	if p := paths.Paths[0]; !p.Ours || p.Interface != "Port3" {
		t.Errorf("path %v", p)
	}
	if _, err := r.routes.ExplainRoute(ctx, &pb.ExplainRouteRequest{Address: "192.168.21.0/24"}); reason(err) != routes.BadRequest {
		t.Errorf("explain a prefix: %v", err)
	}
	if _, err := r.inv.AdoptNode(ctx, &pb.AdoptNodeRequest{Node: "nobody"}); reason(err) != routes.NotFound {
		t.Errorf("adopt nobody: %v", err)
	}
	_, err = r.inv.AdoptNode(ctx, &pb.AdoptNodeRequest{Node: "k8s-master"})
	must(t, err)
	if !slices.Equal(r.fleet.adopted, []string{"k8s-master"}) {
		t.Errorf("adopted %v", r.fleet.adopted)
	}
	r.add(t, route("Port3", "192.168.21.0/24", "192.168.20.1", 100))
	stream, err := r.maint.Backup(ctx, &pb.BackupRequest{})
	must(t, err)
	var size int
	sum := sha256.New()
	var last *pb.BackupResponse
	for {
		msg, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		sum.Write(msg.Data)
		size, last = size+len(msg.Data), msg
	}
	if size == 0 || last.Sha256 != hex.EncodeToString(sum.Sum(nil)) || last.Revision != 1 {
		t.Errorf("backup of %d bytes ends with %v", size, last)
	}
	info, err := r.maint.GetServiceInfo(ctx, &pb.GetServiceInfoRequest{})
	must(t, err)
	if info.Version != "1.2.3" || info.Routes != 1 || !info.Writable || info.CallerRole != "admin" {
		t.Errorf("info %v", info)
	}
	proof, err := r.audit.VerifyAudit(ctx, &pb.VerifyAuditRequest{})
	must(t, err)
	if proof.Problem != "" || proof.Records != 3 {
		t.Errorf("audit %v", proof)
	}
	page, err := r.audit.ListAuditRecords(ctx, &pb.ListAuditRecordsRequest{PageSize: 2})
	must(t, err)
	next, err := r.audit.ListAuditRecords(ctx, &pb.ListAuditRecordsRequest{PageSize: 2, PageToken: page.NextPageToken})
	must(t, err)
	if len(next.Records) != 1 || next.Records[0].Action != "adopt-node" || next.NextPageToken != "" {
		t.Errorf("second page %v", next)
	}
	check, err := r.maint.CheckStore(ctx, &pb.CheckStoreRequest{})
	must(t, err)
	if len(check.Problems) != 0 || check.Routes != 1 {
		t.Errorf("check %v", check)
	}
	_, err = r.maint.CompactStore(ctx, &pb.CompactStoreRequest{})
	must(t, err)
}
