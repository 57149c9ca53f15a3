package fleet

import (
	"strings"
	"testing"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/wire/agentapi"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// FuzzReport feeds the host arbitrary reports of an agent. Whatever it takes
// can be kept and shown: keys that are keys, states that there are, and texts
// that an operator's terminal can bear.
func FuzzReport(f *testing.F) {
	r, err := routes.Parse(routes.Text{Interface: "Port3", Destination: "10.1.0.0/16", NextHop: "192.168.20.1", Metric: 7})
	if err != nil {
		f.Fatal(err)
	}
	key := agentapi.Key(r.Key())
	for _, report := range []*pb.Report{
		{},
		{Version: &pb.Version{StoreId: "s", Epoch: 1, Revision: 2, Digest: make([]byte, 32)}, Full: true, Resolved: []*pb.RouteKey{key}},
		{Exceptions: []*pb.Exception{{Key: key, State: string(routes.Failed), Cause: string(routes.KernelRejected), Detail: "no such device", Time: timestamppb.Now()}}},
		{Exceptions: []*pb.Exception{{Key: key, State: string(routes.Programmed), Condition: string(routes.Shadowed), Detail: "\x1b[2J\u202e" + strings.Repeat("x", 4096)}}},
	} {
		data, err := proto.Marshal(report)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		report := &pb.Report{}
		if proto.Unmarshal(data, report) != nil {
			return // gRPC would end the call
		}
		p, err := parseReport(report)
		if err != nil {
			return
		}
		if len(p.keys) != len(report.Exceptions) || len(p.resolved) != len(report.Resolved) {
			t.Fatalf("%d of %d exceptions, %d of %d resolved", len(p.keys), len(report.Exceptions), len(p.resolved), len(report.Resolved))
		}
		for _, k := range append(p.keys, p.resolved...) {
			if !k.Destination.IsValid() || !k.NextHop.IsValid() {
				t.Fatalf("key %v", k)
			}
		}
		for k, e := range p.exceptions {
			for _, text := range []string{e.detail, string(e.cause), string(e.condition)} {
				if len(text) > 512 || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
					t.Fatalf("%s: %q", k, text)
				}
			}
		}
	})
}
