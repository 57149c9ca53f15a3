package agent

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// fuzzHost is a host whose set is empty, with a route that it can add.
func fuzzHost(tb testing.TB) (*agenttest.Host, routes.Route) {
	tb.Helper()
	h := agenttest.NewHost("store-1", "Port3", "02:00:00:00:00:01")
	h.Ports.Sequence = 1
	r, err := routes.New(routes.Fields{
		Interface: "Port3", Destination: netip.MustParsePrefix("10.1.0.0/16"), NextHop: netip.MustParseAddr("192.168.20.1"), Metric: 7,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return h, r
}

// FuzzFrames feeds a session arbitrary messages of its host, each after its
// length. Whatever the agent makes of them is a set that its version proves.
func FuzzFrames(f *testing.F) {
	h, r := fuzzHost(f)
	frames := func(all ...*pb.SessionRequest) (data []byte) {
		for _, m := range all {
			frame, err := proto.Marshal(m)
			if err != nil {
				f.Fatal(err)
			}
			data = append(binary.BigEndian.AppendUint16(data, uint16(len(frame))), frame...)
		}
		return data
	}
	delta := func(d *pb.Delta) *pb.SessionRequest {
		return &pb.SessionRequest{Message: &pb.SessionRequest_Delta{Delta: d}}
	}
	add := delta(h.Change([]routes.Route{r}))
	var parts []*pb.SessionRequest
	for _, part := range h.Snapshot() {
		parts = append(parts, &pb.SessionRequest{Message: &pb.SessionRequest_Snapshot{Snapshot: part}})
	}
	ports := &pb.SessionRequest{Message: &pb.SessionRequest_Ports{Ports: h.Ports}}
	f.Add(frames(add, delta(h.Change(nil, r))))
	f.Add(frames(parts...))
	f.Add(frames(append([]*pb.SessionRequest{ports, add}, parts...)...))
	f.Add(frames(delta(&pb.Delta{})))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, _ := fuzzHost(t)
		a, s := programmed(t, h)
		for len(data) >= 2 {
			n := min(int(binary.BigEndian.Uint16(data)), len(data)-2)
			frame := data[2 : 2+n]
			data = data[2+n:]
			m := &pb.SessionRequest{}
			if proto.Unmarshal(frame, m) != nil {
				continue // gRPC would end the call
			}
			err := a.take(s.read(m))
			if problem := a.state.Verify(); a.state.Complete() && problem != nil {
				t.Fatalf("after a %T, which was taken with %v: %v", m.Message, err, problem)
			}
			if err != nil {
				return // the session ends
			}
		}
	})
}
