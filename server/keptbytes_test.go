package server_test

import (
	"context"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/store"
)

// keptCall is a call whose answer is kept.
type keptCall struct {
	action string
	do     func(context.Context, pb.RouteServiceClient) (proto.Message, error)
}

// keptCalls are calls of each kind, in an order in which they succeed. What
// testdata/kept.txt has was kept of them by a build that encoded each answer as
// its own message.
func keptCalls() []keptCall {
	id := func(n string) string { return "00000000-0000-4000-8000-00000000000" + n }
	metric := uint32(50)
	at := func(destination string) *pb.Route { return route("Port3", destination, "192.168.20.1", 100) }
	return []keptCall{
		{"add", func(ctx context.Context, c pb.RouteServiceClient) (proto.Message, error) {
			return c.AddRoute(ctx, &pb.AddRouteRequest{Route: at("10.1.1.0/24"), RequestId: id("1")})
		}},
		{"set", func(ctx context.Context, c pb.RouteServiceClient) (proto.Message, error) {
			return c.SetRoute(ctx, &pb.SetRouteRequest{Selector: selector("Port3", "10.1.1.0/24", ""), Metric: &metric, RequestId: id("2")})
		}},
		{"remove", func(ctx context.Context, c pb.RouteServiceClient) (proto.Message, error) {
			return c.RemoveRoute(ctx, &pb.RemoveRouteRequest{Selector: selector("Port3", "10.1.1.0/24", ""), RequestId: id("3")})
		}},
		{"batch-add", func(ctx context.Context, c pb.RouteServiceClient) (proto.Message, error) {
			return c.BatchAddRoutes(ctx, &pb.BatchAddRoutesRequest{
				Routes: []*pb.Route{at("10.1.2.0/24"), at("10.1.3.5/24"), at("10.1.4.0/24")}, Mode: pb.BatchMode_BATCH_MODE_PARTIAL, ReturnRoutes: true, RequestId: id("4"),
			})
		}},
		{"batch-remove", func(ctx context.Context, c pb.RouteServiceClient) (proto.Message, error) {
			return c.BatchRemoveRoutes(ctx, &pb.BatchRemoveRoutesRequest{
				Selectors: []*pb.RouteSelector{selector("Port3", "10.1.9.0/24", ""), selector("Port3", "10.1.2.0/24", "")}, Mode: pb.BatchMode_BATCH_MODE_PARTIAL,
				ReturnRoutes: true, RequestId: id("5"),
			})
		}},
		{"apply", func(ctx context.Context, c pb.RouteServiceClient) (proto.Message, error) {
			return c.ApplyRoutes(ctx, &pb.ApplyRoutesRequest{
				Upserts: []*pb.Route{at("10.1.5.0/24"), at("10.1.6.0/24")}, Removals: []*pb.RouteSelector{selector("Port3", "10.1.4.0/24", "192.168.20.1")}, RequestId: id("6"),
			})
		}},
	}
}

// keeper keeps other answers than those of this build.
type keeper struct {
	store.Store
	answers map[string][]byte // by action
}

func (k *keeper) Apply(ctx context.Context, req store.Request) (store.Result, error) {
	if answer := req.Answer; answer != nil {
		req.Answer = func(res store.Result) []byte {
			answer(res)
			return k.answers[req.Action]
		}
	}
	return k.Store.Apply(ctx, req)
}

// TestAnswersThatWereKeptBefore an update make the same replays as the answers
// of this build.
func TestAnswersThatWereKeptBefore(t *testing.T) {
	data, err := os.ReadFile("testdata/kept.txt")
	must(t, err)
	answers := map[string][]byte{}
	for line := range strings.Lines(string(data)) {
		action, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		answers[action], err = hex.DecodeString(text)
		must(t, err)
	}
	r := start(t, rigOptions{wrap: func(s store.Store) store.Store { return &keeper{s, answers} }})
	must(t, r.store.Know(t.Context(), store.KnownNode{ID: "k8s-master", Name: "k8s-master"}))
	for _, call := range keptCalls() {
		first, err := call.do(t.Context(), r.routes)
		must(t, err)
		if len(answers[call.action]) == 0 {
			t.Fatalf("%s: nothing was kept", call.action)
		}
		again, err := call.do(t.Context(), r.routes)
		must(t, err)
		replayed := again.ProtoReflect()
		field := replayed.Descriptor().Fields().ByName("replayed")
		if !replayed.Get(field).Bool() {
			t.Errorf("%s: no replay", call.action)
		}
		replayed.Clear(field)
		if !proto.Equal(first, again) {
			t.Errorf("%s: first %v\nagain %v", call.action, first, again)
		}
	}
}
