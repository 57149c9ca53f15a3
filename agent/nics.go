package agent

import (
	pb "github.com/hcsroute/hcsroute/proto/agent/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// reportNICs are the node's links as the session's host is to know them.
func (a *Agent) reportNICs(s *session) []*pb.Nic {
	inUse := make(map[string]int32, len(a.facts))
	for _, nic := range a.facts {
		inUse[routes.FoldAlias(nic.Interface)] = nic.Link
	}
	return toNICs(a.links, s.offered, inUse)
}

// nicsChanged makes the session, if there is one, look at the NICs again.
func (a *Agent) nicsChanged() {
	if a.current != nil {
		a.current.nicsDirty, a.current.dirty = true, true
	}
}
