package fleet

import (
	"sync"

	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// portTable numbers the ports for the agents. A number is never reused, so
// that encoded routes serve every session.
type portTable struct {
	mu    sync.Mutex
	ids   map[string]uint32 // by folded alias
	names []string          // by id-1
}

func (t *portTable) id(alias string) uint32 {
	folded := routes.FoldAlias(alias)
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, ok := t.ids[folded]; ok {
		return id
	}
	if t.ids == nil {
		t.ids = map[string]uint32{}
	}
	t.names = append(t.names, alias)
	t.ids[folded] = uint32(len(t.names))
	return uint32(len(t.names))
}

// message lists all ports with the MACs of one node; those that macs lacks are
// not known now.
func (t *portTable) message(macs map[string]string, allowOverride bool) *pb.Ports {
	t.mu.Lock()
	defer t.mu.Unlock()
	msg := &pb.Ports{AllowOverrideOnLink: allowOverride}
	for i, name := range t.names {
		mac, known := macs[routes.FoldAlias(name)]
		msg.Ports = append(msg.Ports, &pb.Port{Id: uint32(i + 1), Interface: name, Mac: mac, Unknown: !known})
	}
	return msg
}

// encode is r as the agents take it.
func (t *portTable) encode(r routes.Route) *pb.Route {
	dst := r.Destination()
	return &pb.Route{
		Port: t.id(r.Interface()), Destination: dst.Addr().AsSlice(), Length: uint32(dst.Bits()),
		NextHop: r.NextHop().AsSlice(), Metric: uint32(r.Metric()),
	}
}

// name is the alias as the device spells it.
func (t *portTable) name(folded string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, ok := t.ids[folded]; ok {
		return t.names[id-1]
	}
	return folded
}
