package server_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/fleet"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func (r *rig) findings(t *testing.T) []*pb.Finding {
	t.Helper()
	resp, err := r.maint.ListFindings(t.Context(), &pb.ListFindingsRequest{})
	must(t, err)
	if want := uint64(r.store.Info().Version.Revision); resp.GetRevision() != want {
		t.Errorf("revision %d, want %d", resp.GetRevision(), want)
	}
	return resp.GetFindings()
}

// inOneLine is a finding in one line: state, code, failure, routes, nodes.
func inOneLine(f *pb.Finding) string {
	text := strings.TrimPrefix(f.GetState().String(), "STATE_") + " " + f.GetCode()
	if f.GetFailure() {
		text += " fails " + f.GetReason()
	}
	return strings.Join(append([]string{text, string(rune('0' + f.GetRoutes()))}, f.GetNodes()...), " ")
}

func (r *rig) status(statuses func(destination string) []routes.NodeStatus) {
	r.fleet.set(func() {
		r.fleet.status = func(rec routes.Record) []routes.NodeStatus {
			return statuses(rec.Route.Destination().String())
		}
	})
}

// TestFindingsNameWhatKeepsRoutesFromKernels: one for each cause, over every
// node, with a count, examples and what to do; the worst and largest first.
func TestFindingsNameWhatKeepsRoutesFromKernels(t *testing.T) {
	r := start(t, rigOptions{})
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		r.add(t, route("Port3", "10.1."+n+".0/24", "192.168.20.1", 100))
	}
	if all := r.findings(t); len(all) != 0 {
		t.Errorf("all is well, yet %v", all)
	}
	down := routes.NodeStatus{Node: "k8s-worker", State: routes.Waiting, Cause: routes.LinkDown, Detail: "eth1 is down"}
	fine := routes.NodeStatus{Node: "k8s-master", State: routes.Programmed}
	rejected := routes.NodeStatus{Node: "k8s-master", State: routes.Failed, Cause: routes.KernelRejected, Detail: "EINVAL"}
	shadowed := routes.NodeStatus{Node: "k8s-master", State: routes.Programmed, Condition: routes.Shadowed, Detail: "the route of frr"}
	standby := routes.NodeStatus{Node: "k8s-master", State: routes.Programmed, Condition: routes.Standby}
	stopped := routes.NodeStatus{Node: "k8s-worker", State: routes.Waiting, Cause: routes.NodeStopped}
	r.status(func(destination string) []routes.NodeStatus {
		switch destination {
		case "10.1.1.0/24":
			return []routes.NodeStatus{rejected, down}
		case "10.1.2.0/24":
			return []routes.NodeStatus{shadowed, down}
		case "10.1.3.0/24": // counts once
			both := down
			both.Node = "k8s-master"
			return []routes.NodeStatus{both, down}
		case "10.1.5.0/24":
			return []routes.NodeStatus{standby, stopped}
		}
		return []routes.NodeStatus{fine, down}
	})
	var got []string
	all := r.findings(t)
	for _, f := range all {
		got = append(got, inOneLine(f))
		if f.GetRemedy() == "" {
			t.Errorf("%s has no remedy", f.GetCode())
		}
	}
	want := []string{
		"WAITING LINK_DOWN fails NOT_PROGRAMMED 4 k8s-master k8s-worker",
		"FAILED KERNEL_REJECTED fails NOT_PROGRAMMED 1 k8s-master",
		"PROGRAMMED SHADOWED 1 k8s-master",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	first := all[0]
	if n := len(first.GetExamples()); n != 3 || first.GetExamples()[0].GetDestination() != "10.1.1.0/24" || first.GetDetail() != "eth1 is down" {
		t.Errorf("%d examples, %v", n, first)
	}
}

// TestFindingsTellOfWarnings: what changed about a port and what a rule would
// refuse now is found, too; nothing is said twice.
func TestFindingsTellOfWarnings(t *testing.T) {
	r := start(t, rigOptions{})
	r.add(t, route("Port3", "192.168.21.7/32", "192.168.20.1", 100))
	r.add(t, route("Port5", "10.50.0.0/16", "192.168.50.1", 100))
	noNIC := routes.NodeStatus{Node: "k8s-master", State: routes.Waiting, Cause: routes.NoNodeNIC, Detail: "the node has no NIC on a switch of Port5"}
	r.status(func(destination string) []routes.NodeStatus {
		if destination == "10.50.0.0/16" {
			return []routes.NodeStatus{noNIC}
		}
		return []routes.NodeStatus{{Node: "k8s-master", State: routes.Programmed}}
	})
	r.server.SetPolicy(routes.Policy{HostDestinations: routes.Refuse})
	check := func(name string, want ...string) {
		t.Helper()
		var got []string
		for _, f := range r.findings(t) {
			got = append(got, inOneLine(f))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	// That no node has a NIC on a switch that does not exist needs no second word.
	check("no switch", "PROGRAMMED NO_LONGER_ALLOWED 1", "WAITING INTERFACE_DOWN 1", "WAITING PORT_NOT_COMPUTE 1")
	r.fleet.set(func() { r.fleet.ports[4].Switch, r.fleet.ports[4].Link = "vswitch-Port5", routes.LinkStateUp })
	check("a switch", "PROGRAMMED NO_LONGER_ALLOWED 1", "WAITING NO_NODE_NIC fails NOT_PROGRAMMED 1 k8s-master")
	r.status(func(string) []routes.NodeStatus { return nil })
	check("no node", "WAITING NO_LONGER_ALLOWED 1", "WAITING NO_NODE_NIC 2")
	r.fleet.set(func() { r.fleet.ports = r.fleet.ports[:2] })
	check("gone ports", "WAITING INTERFACE_GONE fails INTERFACE_NOT_FOUND 2", "WAITING NO_LONGER_ALLOWED 1", "WAITING NO_NODE_NIC 2")
	r.status(func(string) []routes.NodeStatus {
		return []routes.NodeStatus{{Node: "k8s-master", State: routes.Programmed, Condition: "ECLIPSE"}, {Node: "k8s-worker", State: routes.Waiting, Cause: "MOON_PHASE"}}
	})
	check("another release's", "PROGRAMMED ECLIPSE 2 k8s-master", "WAITING INTERFACE_GONE fails INTERFACE_NOT_FOUND 2",
		"WAITING MOON_PHASE fails NOT_PROGRAMMED 2 k8s-worker", "WAITING NO_LONGER_ALLOWED 1")
}

// TestFindingsTellOfRemovals: a kernel that keeps a removed route is found,
// one that has proved it gone is not.
func TestFindingsTellOfRemovals(t *testing.T) {
	r := start(t, rigOptions{})
	must(t, r.store.Know(t.Context(), store.KnownNode{ID: "k8s-master", Name: "k8s-master"}))
	r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.1", 100))
	_, err := r.routes.RemoveRoute(t.Context(), &pb.RemoveRouteRequest{Selector: selector("Port3", "10.1.1.0/24", "")})
	must(t, err)
	r.status(func(string) []routes.NodeStatus {
		return []routes.NodeStatus{{Node: "k8s-master", State: routes.Removing, Cause: routes.AgentUnreachable, Detail: "no answer"}}
	})
	if all := r.findings(t); len(all) != 1 || inOneLine(all[0]) != "REMOVING AGENT_UNREACHABLE fails UNAVAILABLE 1 k8s-master" {
		t.Errorf("%v", all)
	}
	r.status(func(string) []routes.NodeStatus { return nil })
	if all := r.findings(t); len(all) != 0 {
		t.Errorf("proved gone, yet %v", all)
	}
}

// TestAnUnreachableNodesFindingHasItsRemedy: the code does not say why there is no
// session, the node does. Where nodes differ, the finding leads to where they are listed.
func TestAnUnreachableNodesFindingHasItsRemedy(t *testing.T) {
	const adopt, issue = "Run 'hcsroute nodes adopt k8s-master' if this device shall replace them.", "Issue a certificate."
	r := start(t, rigOptions{})
	r.add(t, route("Port3", "10.1.1.0/24", "192.168.20.1", 100))
	lost := func(remedies ...string) (list []routes.NodeStatus) {
		r.fleet.nodes = nil
		for i, remedy := range remedies {
			name := "node-" + string(rune('a'+i))
			r.fleet.nodes = append(r.fleet.nodes, fleet.NodeInfo{Node: hostvm.Node{ID: name, Name: name}, Remedy: remedy})
			list = append(list, routes.NodeStatus{Node: name, State: routes.Waiting, Cause: routes.AgentUnreachable})
		}
		return list
	}
	general, _ := routes.InfoOfCause(string(routes.AgentUnreachable))
	for _, c := range []struct {
		remedies  []string
		concerned int
		want      string
	}{
		{[]string{adopt}, 1, adopt},
		{[]string{adopt, issue}, 1, adopt},
		{[]string{issue, issue}, 2, issue},
		{[]string{adopt, issue}, 2, general.Remedy},
		{[]string{adopt, issue, adopt}, 3, general.Remedy},
	} {
		statuses := lost(c.remedies...)[:c.concerned]
		r.status(func(string) []routes.NodeStatus { return statuses })
		if all := r.findings(t); len(all) != 1 || all[0].GetRemedy() != c.want {
			t.Errorf("%v, want the remedy %q", all, c.want)
		}
	}
}

// TestFindingsReadTheTablesOnce: what keeps every route from the kernels is no more
// work for each than that all is well.
func TestFindingsReadTheTablesOnce(t *testing.T) {
	r := start(t, rigOptions{})
	const stored = 1000
	fill(t, r, stored)
	allocations := func(one routes.NodeStatus) float64 {
		said := []routes.NodeStatus{one}
		r.status(func(string) []routes.NodeStatus { return said })
		return testing.AllocsPerRun(3, func() { r.findings(t) })
	}
	fine := allocations(routes.NodeStatus{Node: "k8s-worker", State: routes.Programmed})
	down := allocations(routes.NodeStatus{Node: "k8s-worker", State: routes.Waiting, Cause: routes.LinkDown})
	if down-fine > stored/10 {
		t.Errorf("%.0f allocations for %d routes whose link is down, %.0f where all is well", down, stored, fine)
	}
}

// TestListByCode: states and codes are one list of alternatives.
func TestListByCode(t *testing.T) {
	r := start(t, rigOptions{})
	for _, n := range []string{"1", "2", "3"} {
		r.add(t, route("Port3", "10.1."+n+".0/24", "192.168.20.1", 100))
	}
	r.add(t, route("Port5", "10.50.0.0/16", "192.168.50.1", 100))
	r.status(func(destination string) []routes.NodeStatus {
		switch destination {
		case "10.1.1.0/24":
			return []routes.NodeStatus{{Node: "a", State: routes.Failed, Cause: routes.KernelRejected}, {Node: "b", State: routes.Waiting, Cause: routes.LinkDown}}
		case "10.1.2.0/24":
			return []routes.NodeStatus{{Node: "a", State: routes.Programmed, Condition: routes.Standby}}
		}
		return []routes.NodeStatus{{Node: "a", State: routes.Programmed}}
	})
	list := func(summary bool, f *pb.RouteFilter) (found []string) {
		resp, err := r.routes.ListRoutes(t.Context(), &pb.ListRoutesRequest{Filter: f, Summary: summary})
		must(t, err)
		for _, p := range resp.GetRoutes() {
			found = append(found, p.GetDestination())
			if summary && len(p.GetNodes()) > 0 {
				t.Errorf("a summary with nodes: %v", p)
			}
		}
		return found
	}
	for _, c := range []struct {
		states []pb.State
		codes  []string
		want   []string
	}{
		{nil, []string{"LINK_DOWN"}, []string{"10.1.1.0/24"}}, // not the worst node's
		{nil, []string{"STANDBY", "KERNEL_REJECTED"}, []string{"10.1.1.0/24", "10.1.2.0/24"}},
		{nil, []string{"INTERFACE_DOWN"}, []string{"10.50.0.0/16"}},
		{[]pb.State{pb.State_STATE_FAILED}, []string{"STANDBY"}, []string{"10.1.1.0/24", "10.1.2.0/24"}},
		{nil, []string{"SHARED"}, nil},
	} {
		for _, summary := range []bool{false, true} {
			if got := list(summary, &pb.RouteFilter{States: c.states, Codes: c.codes}); !slices.Equal(got, c.want) {
				t.Errorf("%v %v: %v, want %v", c.states, c.codes, got, c.want)
			}
		}
	}
	_, err := r.routes.ListRoutes(t.Context(), &pb.ListRoutesRequest{Filter: &pb.RouteFilter{Codes: []string{"link_dwon"}}})
	if reason(err) != routes.BadRequest {
		t.Errorf("no such code: %v", err)
	}
	stream, err := r.routes.WatchRoutes(t.Context(), &pb.WatchRoutesRequest{Filter: &pb.RouteFilter{Codes: []string{"STANDBY"}}})
	must(t, err)
	event, err := stream.Recv()
	must(t, err)
	if event.GetRoute().GetDestination() != "10.1.2.0/24" {
		t.Errorf("watch: %v", event)
	}
}
