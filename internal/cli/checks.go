package cli

import (
	"context"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/internal/diskspace"
	"github.com/hcsroute/hcsroute/internal/version"
	"github.com/hcsroute/hcsroute/internal/wire/publicapi"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
)

// Limits at which doctor warns.
const (
	repairsMany = 100
	diskLow     = 64 << 20
)

// service asks the service, and looks at its configuration where it is this
// machine's: a service without one that is sound does not start.
func (d *diagnosis) service(ctx context.Context) bool {
	start := time.Now()
	info, err := d.client.Maintenance.GetServiceInfo(ctx, &pb.GetServiceInfoRequest{})
	if err != nil {
		e := d.explain(err)
		if d.client.Local() && d.client.Absent(e) {
			e = d.notStarted(e)
		}
		d.fail("service", e)
		return false
	}
	d.info = info
	d.configured()
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
	before := len(d.checks)
	if !d.info.GetWritable() {
		e := publicapi.FromError(d.info.GetStoreError())
		if e == nil { // an older service
			e = &routes.Error{Reason: routes.StoreFailed, Problem: d.info.GetProblem()}
		}
		problem := "no writes are accepted"
		if e.Reason == routes.DiskFull {
			problem = "the last write was refused" // the next one is tried
		}
		d.fail("store", &routes.Error{Reason: e.Reason, Problem: problem + ", " + string(e.Reason) + ": " + e.Message(), Action: e.Remedy()})
	}
	if nodes := d.info.GetBehindNodes(); len(nodes) > 0 {
		behind, _ := routes.WarnStoreBehind.Info()
		d.fail("store", &routes.Error{Reason: behind.Reason, Problem: string(behind.Code) + ": it has " + routes.LostChanges(nodes), Action: behind.Remedy})
	}
	if opened := d.info.GetStoreOpened(); opened != "" && len(d.info.GetBehindNodes()) == 0 {
		d.fail("store", &routes.Error{
			Reason: routes.StoreFailed, Problem: opened + "; its newest change before that may be missing",
			Action: "Check the disk and the newest changes ('hcsroute audit list'); once every node has a session and none proved a loss, run 'hcsroute store accept'",
		})
	}
	if len(d.checks) == before {
		d.ok("store", "writable, %s, revision %d, epoch %d, %d bytes", routeCount(d.info.GetRoutes()), d.info.GetRevision(), d.info.GetEpoch(), d.info.GetStoreBytes())
	}
}

// audit says when records cannot leave: none is lost, yet the store grows, and
// whoever fills it is refused in the end.
func (d *diagnosis) audit() {
	if problem := d.info.GetArchiveProblem(); problem != "" {
		d.warn("audit archive", "Mend what store.archive names, or the service's log where it is empty; the records leave within two minutes.", "audit records cannot leave, so the store grows: %s", problem)
	}
}

// inventory fails where nothing is known of the ports. What is odd about one of
// them or the file is a warning: what it costs a route is found with the routes.
func (d *diagnosis) inventory(ctx context.Context) {
	resp, err := d.client.Inventory.ListInterfaces(ctx, &pb.ListInterfacesRequest{})
	if err != nil {
		d.fail("inventory", d.explain(err))
		return
	}
	eligible, gone := 0, 0
	var unknown []*pb.Interface
	for _, i := range resp.GetInterfaces() {
		switch {
		case i.GetEligible():
			eligible++
		case i.GetReason() == string(routes.InterfaceNotFound):
			gone++
		case i.GetReason() == string(routes.InventoryUnavailable):
			unknown = append(unknown, i)
		}
	}
	all := len(resp.GetInterfaces()) - gone
	if problem := d.info.GetInventoryProblem(); problem != "" && all == len(unknown) {
		d.fail("inventory", &routes.Error{Reason: routes.InventoryUnavailable, Problem: problem, Action: "Correct the inventory file, or see 'journalctl -u hcsrouted'"})
		return
	}
	for _, p := range d.inventoryProblems() {
		d.warn("inventory", p.GetRemedy(), "%s", p.GetProblem())
	}
	for _, i := range unknown {
		d.warn("port "+i.GetAlias(), "Correct that on the device; until then it takes no new routes, and keeps the "+routeCount(i.GetRoutes())+" that it has.", "%s", i.GetMessage())
	}
	if eligible == 0 {
		d.warn("ports", "Give a port a static address; 'hcsroute interfaces' says what each lacks.", "none takes routes")
		return
	}
	d.ok("ports", "%d of %d take routes", eligible, all)
}

// inventoryProblems leaves out what the check of the configuration has said of the
// same file.
func (d *diagnosis) inventoryProblems() []*pb.InventoryProblem {
	all := d.info.GetInventoryProblems()
	if problem := d.info.GetInventoryProblem(); len(all) == 0 && problem != "" { // an older service
		all = []*pb.InventoryProblem{{Problem: problem, Remedy: "Correct the inventory file (docs/inventory.md has every key), or give the device what it names."}}
	}
	return slices.DeleteFunc(all, func(p *pb.InventoryProblem) bool { return p.GetRefused() && d.refused })
}

// disk looks at the store's file system where it is this machine's.
func (d *diagnosis) disk() {
	if !d.client.Local() || d.info.GetStorePath() == "" {
		return
	}
	free, err := diskspace.Free(d.info.GetStorePath())
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
