package cli

import (
	"cmp"
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/hcsroute/hcsroute/internal/version"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Limits at which doctor warns.
const (
	certificateSoon = 30 * 24 * time.Hour
	repairsMany     = 100
	diskLow         = 64 << 20
)

func (d *diagnosis) service(ctx context.Context) bool {
	var p peer.Peer
	start := time.Now()
	info, err := d.client.Maintenance.GetServiceInfo(ctx, &pb.GetServiceInfoRequest{}, grpc.Peer(&p))
	if err != nil {
		d.fail("service", d.client.Explain(err))
		return false
	}
	d.info = info
	if tls, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(tls.State.PeerCertificates) > 0 {
		d.certs = append(d.certs, tls.State.PeerCertificates[0])
	}
	d.ok("service", "version %s answers at %s in %s", info.GetVersion(), d.client.Address(), time.Since(start).Round(time.Millisecond))
	if problem := info.GetListenProblem(); problem != "" {
		d.warn("remote callers", "Give the device the address of listen.remote.address, or correct it; the service tries again by itself.", "%s", problem)
	}
	if own := version.String(); own != info.GetVersion() {
		d.warn("versions", "Install the program and the service of one release.", "this program is %s, the service %s", own, info.GetVersion())
	} else {
		d.ok("versions", "program and service are %s", own)
	}
	return true
}

func (d *diagnosis) role() {
	switch role := d.info.GetCallerRole(); role {
	case "admin", "operator":
		d.ok("role", "you are %s with the role %s", d.info.GetCaller(), role)
	default:
		d.warn("role", "Changes need the role operator or admin: use another certificate or account.", "you are %s with the role %q, which may only read", d.info.GetCaller(), role)
	}
}

func (d *diagnosis) store() {
	if !d.info.GetWritable() {
		d.fail("store", &routes.Error{Reason: routes.StoreFailed, Problem: "no writes are accepted: " + d.info.GetProblem(), Action: "Check the disk, then restart the service"})
		return
	}
	if nodes := d.info.GetBehindNodes(); len(nodes) > 0 {
		d.fail("store", &routes.Error{
			Reason: routes.StoreFailed, Problem: "STORE_BEHIND: it has lost acknowledged changes that " + strings.Join(nodes, ", ") + " still holds; nothing is changed there",
			Action: "See hcsroute store behind, then restore a backup or run hcsroute store accept",
		})
		return
	}
	if opened := d.info.GetStoreOpened(); opened != "" {
		d.fail("store", &routes.Error{
			Reason: routes.StoreFailed, Problem: opened + "; its newest change before that may be missing",
			Action: "Check the disk and the newest changes (hcsroute audit); once every node has a session and none proved a loss, run hcsroute store accept",
		})
		return
	}
	d.ok("store", "writable, %d routes, revision %d, epoch %d, %d bytes", d.info.GetRoutes(), d.info.GetRevision(), d.info.GetEpoch(), d.info.GetStoreBytes())
}

// audit tells when records cannot leave: none is lost, yet the store grows, and
// who fills it is refused at last.
func (d *diagnosis) audit() {
	if problem := d.info.GetArchiveProblem(); problem != "" {
		d.warn("audit archive", "Mend what store.archive names, or the service's log where it is empty; the records leave within two minutes.", "audit records cannot leave, so the store grows: %s", problem)
	}
}

func (d *diagnosis) inventory(ctx context.Context) {
	if problem := d.info.GetInventoryProblem(); problem != "" {
		d.fail("inventory", &routes.Error{Reason: routes.InventoryUnavailable, Problem: problem, Action: "Correct the inventory file, or see the service's log"})
		return
	}
	resp, err := d.client.Inventory.ListInterfaces(ctx, &pb.ListInterfacesRequest{})
	if err != nil {
		d.fail("inventory", d.client.Explain(err))
		return
	}
	eligible := 0
	for _, i := range resp.GetInterfaces() {
		if i.GetEligible() {
			eligible++
		} else if i.GetRoutes() > 0 {
			d.warn("interface "+i.GetAlias(), "Give the port back what its routes need, or remove them.", "it has %d routes but takes no new ones: %s", i.GetRoutes(), i.GetMessage())
		}
	}
	if eligible == 0 {
		d.warn("inventory", "Give a port a static address; hcsroute interfaces says what each lacks.", "no port takes routes")
		return
	}
	d.ok("inventory", "%d of %d ports take routes", eligible, len(resp.GetInterfaces()))
}

func (d *diagnosis) nodes(ctx context.Context) {
	resp, err := d.client.Inventory.ListNodes(ctx, &pb.ListNodesRequest{})
	if err != nil {
		d.fail("nodes", d.client.Explain(err))
		return
	}
	if len(resp.GetNodes()) == 0 {
		d.warn("nodes", "List the Kubernetes VMs in the inventory file.", "no node is known, so every route waits")
	}
	for _, n := range resp.GetNodes() {
		d.node(n, resp.GetRevision())
	}
}

// node checks one node: its session, whether it is up to date, and drift.
func (d *diagnosis) node(n *pb.Node, revision uint64) {
	name := "node " + n.GetName()
	switch {
	case n.GetGone():
		d.warn(name, "If it does not come back: hcsroute nodes forget "+n.GetName()+".", "not in the inventory any more")
	case !n.GetConnected() && n.GetState() == "stopped" && n.GetProblem() != "":
		d.warn(name, "It is stopped; look into it before it starts again.", "%s", n.GetProblem())
	case !n.GetConnected() && n.GetState() == "stopped":
		d.ok(name, "stopped; its routes wait")
	case !n.GetConnected():
		d.fail(name, &routes.Error{Reason: routes.Unavailable, Problem: "no session with its agent at " + n.GetEndpoint() + ": " + n.GetProblem(), Action: cmp.Or(n.GetRemedy(), "Check that hcsroute-agent runs in the node and that its endpoint and certificates are right")})
	case n.GetFailed() > 0:
		d.fail(name, &routes.Error{Reason: routes.NotProgrammed, Problem: routeCount(n.GetFailed()) + " failed", Action: "See hcsroute get --state FAILED"})
	case n.GetProblem() != "": // told below
	case n.GetRevision() < revision:
		d.warn(name, "Run hcsroute wait; if it stays behind, see the agent's log.", "at revision %d of %d", n.GetRevision(), revision)
	default:
		d.ok(name, "connected, %s programmed, %d waiting", routeCount(n.GetProgrammed()), n.GetWaiting())
	}
	if n.GetConnected() && n.GetProblem() != "" {
		d.warn(name, cmp.Or(n.GetRemedy(), "See the agent's log in the node."), "%s", n.GetProblem())
	}
	if n.GetRepairs() > repairsMany {
		d.warn("drift on "+n.GetName(), "Find what else changes routes in the node; the agent's log names it.", "%d repairs since the agent started", n.GetRepairs())
	}
}

func (d *diagnosis) certificates() {
	if own := d.client.Certificate(); own != nil {
		d.certs = append(d.certs, own)
	}
	for _, c := range d.certs {
		name := "certificate " + c.Subject.CommonName
		switch left := time.Until(c.NotAfter); {
		case left <= 0:
			d.fail(name, &routes.Error{Reason: routes.Unauthenticated, Problem: "expired on " + c.NotAfter.UTC().Format(time.DateOnly), Action: "Issue a new one with hcsroute certs issue"})
		case left < certificateSoon:
			d.warn(name, "Issue a new one with hcsroute certs issue.", "expires on %s", c.NotAfter.UTC().Format(time.DateOnly))
		default:
			d.ok(name, "valid until %s", c.NotAfter.UTC().Format(time.DateOnly))
		}
	}
	for _, problem := range d.info.GetCertificateProblems() {
		d.warn("certificates of the service", "Replace the files on the device; they are taken without a restart. See hcsroute certs --help.", "%s", problem)
	}
	if len(d.certs) == 0 {
		d.ok("certificates", "none are needed on the local socket")
	}
}

// disk looks at the store's file system where it is this machine's.
func (d *diagnosis) disk() {
	if !d.client.Local() || d.info.GetStorePath() == "" {
		return
	}
	free, err := freeBytes(d.info.GetStorePath())
	if err != nil {
		d.warn("disk space", "Run this on the device, as a user who may see the store's folder.", "the store's folder cannot be looked at: %s", rootProblem(err))
		return
	}
	if need := max(diskLow, 2*d.info.GetStoreBytes()); free < need {
		d.warn("disk space", "Free space on the device; without it writes are refused.", "%d MiB free beside the store, %d MiB are wanted", free>>20, need>>20)
		return
	}
	d.ok("disk space", "%d MiB free beside the store", free>>20)
}
