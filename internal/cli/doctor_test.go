package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/cli/client"
	"github.com/hcsroute/hcsroute/internal/cli/view"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// TestDoctorTellsOfTheArchive: records that cannot leave are a finding with a remedy.
func TestDoctorTellsOfTheArchive(t *testing.T) {
	d := &diagnosis{info: &pb.GetServiceInfoResponse{ArchiveProblem: "audit.jsonl: no space left on device"}}
	d.audit()
	if len(d.checks) != 1 || d.checks[0].Status != "warn" || !strings.Contains(d.checks[0].Message, "no space left") || !strings.Contains(d.checks[0].Remedy, "store.archive") {
		t.Errorf("%+v", d.checks)
	}
	d = &diagnosis{info: &pb.GetServiceInfoResponse{}}
	if d.audit(); len(d.checks) != 0 {
		t.Errorf("of an archive that works: %+v", d.checks)
	}
}

// TestDoctorTellsOfAStoppedLiar: that a node is stopped is no reason to be silent
// about what it did before.
func TestDoctorTellsOfAStoppedLiar(t *testing.T) {
	for problem, status := range map[string]string{"": "ok", "on 2026-01-02T03:04:05Z, the agent reports what cannot be true": "warn"} {
		d := &diagnosis{}
		d.node(&pb.Node{Name: "k8s-worker", State: "stopped", Problem: problem}, 7)
		if len(d.checks) != 1 || d.checks[0].Status != status || !strings.Contains(d.checks[0].Message, problem) {
			t.Errorf("%q: %+v", problem, d.checks)
		}
	}
}

// TestDoctorRepeatsTheNodesRemedy: the fleet knows what a session lacks, such as
// one release on both sides.
func TestDoctorRepeatsTheNodesRemedy(t *testing.T) {
	d := &diagnosis{}
	d.node(&pb.Node{Name: "k8s-worker", State: "auto", Problem: "the agent speaks protocol 3, this service 1 to 2", Remedy: "Install one release on the device and in the node."}, 7)
	if len(d.checks) != 1 || d.checks[0].Status != "fail" || d.checks[0].Reason != "UNAVAILABLE" || !strings.Contains(d.checks[0].Message, "protocol 3") || d.checks[0].Remedy != "Install one release on the device and in the node." {
		t.Errorf("%+v", d.checks)
	}
}

// TestDoctorOfCertificates: each with what is in use, what is on disk, and how long.
func TestDoctorOfCertificates(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := func(use string, left time.Duration) *pb.Certificate {
		return &pb.Certificate{Use: use, File: "/pki/x.crt", Subject: "CN=x", Serial: "1f", InUse: true, NotAfter: timestamppb.New(now.Add(left))}
	}
	const day = 24 * time.Hour
	refused := &pb.Certificate{Use: "agents.tls.cert", File: "/pki/x.crt", Problem: "/pki/x.crt: no certificate in it"}
	other := one("agents.tls.cert", 300*day)
	other.InUse, other.Serial, other.Problem = false, "2a", "private key does not match"
	for name, c := range map[string]struct {
		list []*pb.Certificate
		want []string // status, message, reason of each
	}{
		"sound":         {[]*pb.Certificate{one("agents.tls.cert", 90*day)}, []string{"ok CN=x, 90 days left (2026-04-02), on disk and in use: /pki/x.crt "}},
		"at the limit":  {[]*pb.Certificate{one("agents.tls.cert", certs.ExpiryWarning)}, []string{"ok CN=x, 30 days left (2026-02-01), on disk and in use: /pki/x.crt "}},
		"soon":          {[]*pb.Certificate{one("agents.tls.cert", certs.ExpiryWarning-1)}, []string{"warn CN=x, 29 days left (2026-02-01), on disk and in use: /pki/x.crt "}},
		"today":         {[]*pb.Certificate{one("agents.tls.cert", day-time.Minute)}, []string{"warn CN=x, less than a day left (2026-01-03T03:03:05Z), on disk and in use: /pki/x.crt "}},
		"expired":       {[]*pb.Certificate{one("agents.tls.cert", -day)}, []string{"fail CN=x, expired on 2026-01-01, on disk and in use: /pki/x.crt UNAUTHENTICATED"}},
		"old authority": {[]*pb.Certificate{one("agents.tls.ca", -day), one("agents.tls.ca", 90*day)}, []string{"warn CN=x, expired on 2026-01-01, on disk and in use: /pki/x.crt ", "ok CN=x, 90 days left (2026-04-02), on disk and in use: /pki/x.crt "}},
		"none usable":   {[]*pb.Certificate{refused}, []string{"fail on disk, not in use: /pki/x.crt: no certificate in it UNAUTHENTICATED"}},
		"last good": {[]*pb.Certificate{one("agents.tls.cert", 90*day), refused}, []string{
			"ok CN=x (serial 1f), 90 days left (2026-04-02), in use as it was last read from /pki/x.crt; what is on disk is refused, see below ", "warn on disk, not in use: /pki/x.crt: no certificate in it ",
		}},
		"another": {[]*pb.Certificate{one("agents.tls.cert", 90*day), other}, []string{
			"ok CN=x (serial 1f), 90 days left (2026-04-02), in use as the last good one; /pki/x.crt holds another, see below ", "warn on disk, not in use: private key does not match; it is CN=x (serial 2a), 300 days left (2026-10-29) ",
		}},
		"none": {nil, []string{"ok none is in use: the service and its agents talk through local sockets "}},
	} {
		d := &diagnosis{client: &client.Client{}, now: now, list: &pb.ListNodesResponse{}, info: &pb.GetServiceInfoResponse{Certificates: c.list}}
		d.certificates()
		if len(d.checks) != len(c.want) {
			t.Errorf("%s: %+v", name, d.checks)
			continue
		}
		for i, got := range d.checks {
			if text := got.Status + " " + got.Message + " " + got.Reason; text != c.want[i] {
				t.Errorf("%s: %q, want %q", name, text, c.want[i])
			}
			if (got.Status == "ok") != (got.Remedy == "") {
				t.Errorf("%s: %s with the remedy %q", name, got.Status, got.Remedy)
			}
		}
	}
}

// TestRenewalsNameTheKind: what is typed as the hint says makes a certificate
// that fits the place of the old one.
func TestRenewalsNameTheKind(t *testing.T) {
	for use, kind := range map[string]string{"agents.tls.cert": "host", "listen.remote.cert": "service", "agent": "agent", "client": "client"} {
		hint := renewal(view.Certificate{Use: use}, false)
		if !strings.Contains(hint, "'hcsroute certs issue NAME --kind "+kind+" --force'") {
			t.Errorf("%s: %s", use, hint)
		}
	}
	if hint := renewal(view.Certificate{Use: "agents.tls.ca"}, false); strings.Contains(hint, "certs issue") {
		t.Errorf("an authority is issued by nobody: %s", hint)
	}
}

// TestADetailStandsBesideItsRoute: a finding's detail is of its first route;
// where others are of another port, it is not said of those.
func TestADetailStandsBesideItsRoute(t *testing.T) {
	one := func(port, destination string) *pb.Route { return &pb.Route{Interface: port, Destination: destination} }
	for want, f := range map[string]*pb.Finding{
		"routes LINK_DOWN: eth1 is down (192.168.21.0/24, 192.168.22.0/24 on Port3)": {
			Code: "LINK_DOWN", Detail: "eth1 is down", Routes: 2, Examples: []*pb.Route{one("Port3", "192.168.21.0/24"), one("Port3", "192.168.22.0/24")},
		},
		"routes LINK_DOWN: 192.168.21.0/24 on Port3 (eth1 is down), 192.168.41.0/24, 192.168.42.0/24 on Port4 and 7 more": {
			Code: "LINK_DOWN", Detail: "eth1 is down", Routes: 10, Examples: []*pb.Route{one("Port3", "192.168.21.0/24"), one("Port4", "192.168.41.0/24"), one("Port4", "192.168.42.0/24")},
		},
		"routes IN_PROGRESS: the node has not reported back yet (192.168.21.0/24 on Port3)": {
			Code: "IN_PROGRESS", Routes: 1, Examples: []*pb.Route{one("Port3", "192.168.21.0/24")},
		},
		"routes INTERFACE_GONE: The port does not exist any more; the route stays (192.168.21.0/24 on Port3)": {
			Code: "INTERFACE_GONE", Routes: 1, Examples: []*pb.Route{one("Port3", "192.168.21.0/24")},
		},
	} {
		d := &diagnosis{}
		d.finding(view.FromFinding(f))
		if got := d.checks[0].Name + ": " + d.checks[0].Message; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// TestAFindingNamesFewNodes: the page names the first, the object all.
func TestAFindingNamesFewNodes(t *testing.T) {
	f := &pb.Finding{Code: "LINK_DOWN", Routes: 1, Examples: []*pb.Route{{Interface: "Port3", Destination: "192.168.21.0/24"}}}
	for i := range 100 {
		f.Nodes = append(f.Nodes, fmt.Sprintf("n%03d", i))
	}
	d := &diagnosis{}
	d.finding(view.FromFinding(f))
	if title := findingTitle(*d.checks[0].Finding); !strings.HasSuffix(title, " on n000, n001, n002 and 97 more") {
		t.Error(title)
	}
	if n := len(d.checks[0].Finding.Nodes); n != 100 {
		t.Errorf("the object has %d nodes", n)
	}
}
