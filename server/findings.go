package server

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// maxExamples is how many routes a finding names.
const maxExamples = 3

// ListFindings lists what needs an operator's attention about the routes.
func (s *maintenanceService) ListFindings(ctx context.Context, _ *pb.ListFindingsRequest) (*pb.ListFindingsResponse, error) {
	g := &gathering{
		snapshot: s.snapshot(), nodes: s.fleet.Nodes, found: map[kind]*finding{},
		causes: map[string]routes.CauseInfo{}, warnings: map[routes.WarningCode]routes.WarningInfo{},
	}
	version, err := s.store.Snapshot(ctx, true, func(rec routes.Record) error {
		g.take(rec, s.fleet.Status(rec))
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return &pb.ListFindingsResponse{Findings: g.list(), Revision: uint64(version.Revision)}, nil
}

// gathering puts what is to be known of each route together by its kind.
type gathering struct {
	snapshot *snapshot
	nodes    func() []fleet.NodeInfo
	found    map[kind]*finding
	taken    uint64 // routes so far
	// What the tables say of each code so far, which many routes share.
	causes   map[string]routes.CauseInfo
	warnings map[routes.WarningCode]routes.WarningInfo
}

// kind is what findings have in common that are shown as one. The same code can be
// a failure or not: a node without NIC is no failure while there is no node at all.
type kind struct {
	state   routes.State
	code    string
	failure bool
}

// finding is what the routes of a kind have in common.
type finding struct {
	pb.Finding
	nodes map[string]struct{}
	last  uint64 // the route that was counted last
}

// advice is what the tables say of a code.
type advice struct {
	reason routes.Reason
	remedy string
}

// take adds what the nodes and the facts say of a route. The end of a removal
// is no news.
func (g *gathering) take(rec routes.Record, nodes []routes.NodeStatus) {
	g.taken++
	var warnings []routes.Warning
	switch {
	case !rec.Removed:
		warnings = g.snapshot.warnings(rec.Route)
	case len(nodes) == 0:
		return
	}
	worst := routes.Worst(nodes)
	if len(nodes) == 0 {
		nodes = []routes.NodeStatus{worst}
	}
	for _, n := range nodes {
		g.takeStatus(rec, n, warnings)
	}
	for _, w := range warnings {
		// What a node says of the winner is truer than what facts let expect.
		if slices.ContainsFunc(nodes, func(n routes.NodeStatus) bool { return string(n.Condition) == string(w.Code) }) {
			continue
		}
		info := row(g.warnings, w.Code, routes.WarningCode.Info)
		k := kind{worst.State, string(w.Code), info.Severity == routes.SeverityFailure}
		g.note(k, rec, routes.NodeStatus{Detail: w.Message}, advice{info.Reason, info.Remedy})
	}
}

// takeStatus adds what one node says.
func (g *gathering) takeStatus(rec routes.Record, n routes.NodeStatus, warnings []routes.Warning) {
	code := cmp.Or(string(n.Cause), string(n.Condition))
	if n.State == routes.Programmed && code == "" {
		return // as nearly all are, so nothing is looked up for it
	}
	info := row(g.causes, code, routes.InfoOfCause)
	k := kind{n.State, code, info.Severity == routes.SeverityFailure && n.State != routes.Programmed}
	switch {
	case info.Severity == routes.SeverityOK:
		return
	case n.Cause == routes.NoNodeNIC && slices.ContainsFunc(warnings, func(w routes.Warning) bool { return w.Code == routes.WarnPortNotCompute }):
		return // there is no switch that it could be on, which the warning says
	case n.Node == "": // there is no node yet
		k.failure = false
	}
	g.note(k, rec, n, advice{info.Reason, info.Remedy})
}

// row is the table's row for a code, which is looked up once.
func row[C comparable, R any](known map[C]R, code C, lookUp func(C) (R, bool)) R {
	r, ok := known[code]
	if !ok {
		r, _ = lookUp(code)
		known[code] = r
	}
	return r
}

// note counts a route for a finding, once however many nodes say so.
func (g *gathering) note(k kind, rec routes.Record, n routes.NodeStatus, a advice) {
	f := g.found[k]
	if f == nil {
		f = &finding{nodes: map[string]struct{}{}}
		f.State, f.Code, f.Failure, f.Detail, f.Remedy = publicapi.State(k.state), k.code, k.failure, n.Detail, a.remedy
		if k.failure {
			f.Reason = string(a.reason)
		}
		g.found[k] = f
	}
	if n.Node != "" {
		f.nodes[n.Node] = struct{}{}
	}
	if f.last == g.taken {
		return
	}
	f.last = g.taken
	if f.Routes++; len(f.Examples) < maxExamples {
		p := publicapi.Route(rec.Route)
		p.Revision = uint64(rec.Revision)
		f.Examples = append(f.Examples, p)
	}
}

// sharedRemedy is what to do about nodes without a session, where that is the same
// for all: why there is none is known, and no code says it.
func (g *gathering) sharedRemedy(names []string) (remedy string) {
	for _, n := range g.nodes() {
		switch {
		case !slices.Contains(names, n.Name):
		case remedy != "" && n.Remedy != remedy:
			return ""
		default:
			remedy = n.Remedy
		}
	}
	return remedy
}

// list is what was found: failures first, then that of the most routes.
func (g *gathering) list() []*pb.Finding {
	list := make([]*pb.Finding, 0, len(g.found))
	for k, f := range g.found {
		f.Nodes = slices.Sorted(maps.Keys(f.nodes))
		if k.code == string(routes.AgentUnreachable) {
			f.Remedy = cmp.Or(g.sharedRemedy(f.Nodes), f.Remedy)
		}
		list = append(list, &f.Finding)
	}
	slices.SortFunc(list, func(a, b *pb.Finding) int {
		if a.Failure != b.Failure {
			if a.Failure {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Routes, a.Routes), cmp.Compare(a.State, b.State), cmp.Compare(a.Code, b.Code))
	})
	return list
}
