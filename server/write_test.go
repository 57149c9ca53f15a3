package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

func reason(err error) routes.Reason {
	if err == nil {
		return ""
	}
	return publicapi.FromStatus(err).Reason
}

func TestAddSetGetRemove(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	added := r.add(t, route("PORT3", "192.168.21.0/24", "192.168.20.1", 100))
	if added.Outcome != pb.Outcome_OUTCOME_CREATED || added.Route.Interface != "Port3" || added.Revision != 1 || !added.Acknowledged {
		t.Errorf("added %v", added)
	}
	if added.Route.State != pb.State_STATE_PROGRAMMED || len(added.Route.Nodes) != 1 || added.Route.CreatedBy == "" || added.Route.Revision != 1 {
		t.Errorf("added route %v", added.Route)
	}
	again := r.add(t, route("eth3", "192.168.21.0/24", "192.168.20.1", 100))
	if again.Outcome != pb.Outcome_OUTCOME_UNCHANGED || again.Revision != 1 {
		t.Errorf("added again %v", again)
	}
	metric := uint32(50)
	set, err := r.routes.SetRoute(ctx, &pb.SetRouteRequest{Selector: selector("port3", "192.168.21.0/24", ""), Metric: &metric, NewNextHop: "192.168.20.9", ExpectedRevision: 1})
	must(t, err)
	if set.Outcome != pb.Outcome_OUTCOME_UPDATED || set.Route.GetMetric() != 50 || set.Route.NextHop != "192.168.20.9" {
		t.Errorf("set %v", set)
	}
	got, err := r.routes.GetRoute(ctx, &pb.GetRouteRequest{Selector: selector("Port3", "192.168.21.0/24", "")})
	must(t, err)
	if !proto.Equal(got.Route, set.Route) {
		t.Errorf("got %v\nset %v", got.Route, set.Route)
	}
	removed, err := r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: selector("Port3", "192.168.21.0/24", "192.168.20.9")})
	must(t, err)
	if removed.Outcome != pb.Outcome_OUTCOME_REMOVED || len(removed.Routes) != 1 || removed.Routes[0].GetMetric() != 50 || removed.Routes[0].State != pb.State_STATE_REMOVED {
		t.Errorf("removed %v", removed)
	}
	if _, err := r.routes.GetRoute(ctx, &pb.GetRouteRequest{Selector: selector("Port3", "192.168.21.0/24", "")}); reason(err) != routes.NotFound {
		t.Errorf("get after remove: %v", err)
	}
}

func TestNotProgrammedInTimeIsStoredWithAWarning(t *testing.T) {
	r := start(t, rigOptions{})
	r.fleet.set(func() {
		r.fleet.waits = func(ctx context.Context, _ routes.Revision) fleet.Waited {
			<-ctx.Done()
			return fleet.Waited{Late: []routes.NodeStatus{{Node: "k8s-worker", State: routes.Failed, Cause: routes.KernelRejected, Detail: "EINVAL: invalid argument"}}}
		}
	})
	resp, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{
		Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 100), Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED, Timeout: durationpb.New(20 * time.Millisecond),
	})
	must(t, err)
	if resp.Acknowledged || resp.Outcome != pb.Outcome_OUTCOME_CREATED || len(resp.Route.Warnings) != 1 {
		t.Fatalf("answer %v", resp)
	}
	begun := time.Now()
	if w := resp.Route.Warnings[0]; w.Code != string(routes.WarnNotProgrammed) || w.Params["node"] != "k8s-worker" || w.Message != "stored, but not programmed in time on k8s-worker: FAILED (KERNEL_REJECTED): EINVAL: invalid argument" {
		t.Errorf("warning %v", w)
	}
	// The caller's own deadline ends the wait before the call. On a busy machine
	// an answer may need more than the little that is kept of it, so ask again.
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		resp, err := r.routes.WaitRoutes(ctx, &pb.WaitRoutesRequest{})
		cancel()
		if status.Code(err) == codes.DeadlineExceeded && time.Since(begun) < time.Minute {
			continue
		}
		if err != nil || resp.Acknowledged || len(resp.Warnings) != 1 {
			t.Errorf("wait: %v %v", resp, err)
		}
		break
	}
}

func TestValidateOnlyChangesNothing(t *testing.T) {
	r := start(t, rigOptions{})
	resp, err := r.routes.AddRoute(t.Context(), &pb.AddRouteRequest{Route: route("Port5", "10.50.0.0/16", "192.168.50.1", 9), ValidateOnly: true, Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED})
	must(t, err)
	if resp.Outcome != pb.Outcome_OUTCOME_CREATED || len(resp.Route.Nodes) != 1 || len(resp.Route.Warnings) != 2 || resp.Revision != 0 {
		t.Errorf("answer %v", resp)
	}
	if v := r.store.Info().Version; v.Count != 0 || v.Revision != 0 {
		t.Errorf("the store is at %+v", v)
	}
}

func TestARetryGetsTheFirstAnswer(t *testing.T) {
	r := start(t, rigOptions{})
	ctx, id := t.Context(), uuid.NewString()
	req := &pb.AddRouteRequest{Route: route("Port3", "192.168.21.0/24", "192.168.20.1", 100), RequestId: id}
	first, err := r.routes.AddRoute(ctx, req)
	must(t, err)
	r.add(t, route("Port3", "192.168.22.0/24", "192.168.20.1", 100))
	second, err := r.routes.AddRoute(ctx, req)
	must(t, err)
	first.Replayed = true
	if !proto.Equal(first, second) {
		t.Errorf("first  %v\nsecond %v", first, second)
	}
	// The port is lost: the retry still gets the first answer, not a refusal.
	r.fleet.set(func() { r.fleet.problem = "netlink failed" })
	if third, err := r.routes.AddRoute(ctx, req); err != nil || third.Outcome != pb.Outcome_OUTCOME_CREATED {
		t.Errorf("third %v %v", third, err)
	}
	r.fleet.set(func() { r.fleet.problem = "" })
	other := proto.CloneOf(req)
	other.Force = true
	if _, err := r.routes.AddRoute(ctx, other); reason(err) != routes.RequestIDReused {
		t.Errorf("another request: %v", err)
	}
	batch := &pb.BatchAddRoutesRequest{RequestId: uuid.NewString(), ReturnRoutes: true, Routes: []*pb.Route{route("Port3", "192.168.23.0/24", "192.168.20.1", 100)}}
	b1, err := r.routes.BatchAddRoutes(ctx, batch)
	must(t, err)
	b2, err := r.routes.BatchAddRoutes(ctx, batch)
	must(t, err)
	b1.Replayed = true
	if !proto.Equal(b1, b2) || len(b1.Items) != 1 || b1.Items[0].Routes[0].State != pb.State_STATE_PROGRAMMED {
		t.Errorf("batch: first %v\nsecond %v", b1, b2)
	}
}

func TestAPortOfAnotherRoleKeepsItsRoutes(t *testing.T) {
	r := start(t, rigOptions{})
	r.add(t, route("Port3", "10.50.0.0/16", "192.168.20.1", 9))
	r.fleet.set(func() {
		for i := range r.fleet.ports {
			if r.fleet.ports[i].Alias == "Port3" {
				r.fleet.ports[i].Role = routes.PortRoleManagement
			}
		}
	})
	got, err := r.routes.GetRoute(t.Context(), &pb.GetRouteRequest{Selector: selector("Port3", "10.50.0.0/16", "")})
	must(t, err)
	if w := got.Route.Warnings; len(w) != 1 || w[0].Code != string(routes.WarnRoleChanged) || got.Route.State != pb.State_STATE_PROGRAMMED {
		t.Errorf("get: %v", got.Route)
	}
}

func TestAPortThatIsGoneKeepsItsRoutes(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	r.add(t, route("Port5", "10.50.0.0/16", "192.168.50.1", 9))
	r.fleet.set(func() { r.fleet.ports = r.fleet.ports[:4] })
	metric := uint32(10)
	set, err := r.routes.SetRoute(ctx, &pb.SetRouteRequest{Selector: selector("port5", "10.50.0.0/16", ""), Metric: &metric})
	must(t, err)
	if len(set.Route.Warnings) != 1 || set.Route.Warnings[0].Code != string(routes.WarnInterfaceGone) {
		t.Errorf("set: warnings %v", set.Route.Warnings)
	}
	ports, err := r.inv.ListInterfaces(ctx, &pb.ListInterfacesRequest{})
	must(t, err)
	if n := len(ports.Interfaces); n != 5 || ports.Interfaces[4].Routes != 1 || ports.Interfaces[4].Reason != string(routes.InterfaceNotFound) {
		t.Errorf("interfaces %v", ports.Interfaces)
	}
	if gone := ports.Interfaces[4]; gone.Up != nil || gone.Role != "unknown" || gone.Addressing != "unknown" {
		t.Errorf("what nobody knows of a port that is gone is said: %v", gone)
	}
	list, err := r.routes.ListRoutes(ctx, &pb.ListRoutesRequest{Filter: &pb.RouteFilter{Interfaces: []string{"Port5"}}})
	must(t, err)
	if len(list.Routes) != 1 {
		t.Errorf("list %v", list)
	}
	_, err = r.routes.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: selector("Port5", "10.50.0.0/16", "")})
	must(t, err)
}

func TestBatches(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	bad := route("Port3", "192.168.21.5/24", "192.168.20.1", 100)
	mixed := []*pb.Route{route("Port3", "192.168.21.0/24", "192.168.20.1", 100), bad, route("Port4", "10.4.0.0/16", "192.168.40.1", 1)}
	atomic, err := r.routes.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{Routes: mixed, ReturnRoutes: true})
	must(t, err)
	if atomic.Committed || len(atomic.Items) != 3 || atomic.Items[1].Error.GetReason() != string(routes.DestinationHostBits) || atomic.Items[0].Error != nil || atomic.Items[0].Routes != nil {
		t.Errorf("atomic %v", atomic)
	}
	if r.store.Info().Version.Count != 0 {
		t.Error("an atomic batch with a refusal stored something")
	}
	partial, err := r.routes.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{Routes: mixed, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, ReturnRoutes: true, Acknowledgement: pb.Acknowledgement_ACKNOWLEDGEMENT_PROGRAMMED})
	must(t, err)
	if !partial.Committed || !partial.Acknowledged || partial.Items[0].State != pb.State_STATE_PROGRAMMED || partial.Items[2].Error.GetReason() != string(routes.InterfaceTeamed) || len(partial.Items[0].Routes) != 1 {
		t.Errorf("partial %v", partial)
	}
	// The new route takes the metric of the one that leaves.
	apply, err := r.routes.ApplyRoutes(ctx, &pb.ApplyRoutesRequest{
		Upserts:  []*pb.Route{route("Port3", "192.168.21.0/24", "192.168.20.7", 100)},
		Removals: []*pb.RouteSelector{selector("Port3", "192.168.21.0/24", "192.168.20.1")}, ExpectedRevision: partial.Revision,
	})
	must(t, err)
	if !apply.Committed || apply.Upserts[0].Outcome != pb.Outcome_OUTCOME_CREATED || apply.Removals[0].Outcome != pb.Outcome_OUTCOME_REMOVED {
		t.Errorf("apply %v", apply)
	}
	removed, err := r.routes.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{Selectors: []*pb.RouteSelector{selector("Port3", "192.168.21.0/24", "")}, ReturnRoutes: true})
	must(t, err)
	if !removed.Committed || len(removed.Items[0].Routes) != 1 {
		t.Errorf("removed %v", removed)
	}
}

// Ten thousand IPv6 routes with an alias of the longest kind fit into one
// message, and the facts are asked for once.
func TestTheLargestBatch(t *testing.T) {
	r := start(t, rigOptions{})
	alias := fmt.Sprintf("%0256d", 3)
	r.fleet.set(func() { r.fleet.ports[2].Alias = alias })
	req := &pb.BatchAddRoutesRequest{}
	for i := range 10_000 {
		req.Routes = append(req.Routes, route(alias, fmt.Sprintf("2001:db8:aaaa:bbbb:cccc:dddd:1000:%x/128", 0x1000+i), "fd00:20::aaaa:bbbb:cccc:dddd", 65535))
	}
	resp, err := r.routes.BatchAddRoutes(t.Context(), req)
	if err != nil || !resp.Committed || len(resp.Items) != 10_000 {
		t.Fatalf("committed %v: %v", resp.GetCommitted(), err)
	}
	if n := r.fleet.asked[alias]; n != 1 {
		t.Errorf("the facts were asked for %d times", n)
	}
	req.Routes = append(req.Routes, req.Routes[0])
	if _, err := r.routes.BatchAddRoutes(t.Context(), req); reason(err) != routes.BatchTooLarge {
		t.Errorf("10,001 items: %v", err)
	}
	seen, token := 0, ""
	for {
		page, err := r.routes.ListRoutes(t.Context(), &pb.ListRoutesRequest{PageSize: 10_000, PageToken: token})
		must(t, err)
		seen += len(page.Routes)
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	if seen != 10_000 {
		t.Errorf("pages have %d routes", seen)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	r := start(t, rigOptions{})
	ctx := t.Context()
	p := route("Port3", "192.168.21.0/24", "192.168.20.1", 100)
	for name, req := range map[string]*pb.AddRouteRequest{
		"claim":      {Route: p, OnBehalfOf: fmt.Sprintf("%0129d", 1)},
		"claim ctrl": {Route: p, OnBehalfOf: "ann\x1b[2J"},
		"long field": {Route: route("Port3", fmt.Sprintf("%0600d", 1), "192.168.20.1", 1)},
		"request id": {Route: p, RequestId: "again"},
		"timeout":    {Route: p, Timeout: durationpb.New(-time.Second)},
	} {
		if _, err := r.routes.AddRoute(ctx, req); reason(err) != routes.BadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := r.routes.AddRoute(ctx, &pb.AddRouteRequest{Route: p, OnBehalfOf: "ann@example.com"})
	must(t, err)
	audit, err := r.audit.ListAuditRecords(ctx, &pb.ListAuditRecordsRequest{})
	must(t, err)
	if rec := audit.Records[0]; rec.OnBehalfOf != "ann@example.com" || rec.Action != "add" || len(rec.Actor) < 5 || rec.Origin == "" {
		t.Errorf("audit %v", rec)
	}
	if _, err := r.routes.SetRoute(ctx, &pb.SetRouteRequest{Selector: selector("Port3", "192.168.21.0/24", "")}); reason(err) != routes.BadRequest {
		t.Errorf("set of nothing: %v", err)
	}
}
