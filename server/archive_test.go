package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/certs"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/server"
	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
)

// TestAnArchiveThatFailsIsTold while records cannot leave, and no longer.
func TestAnArchiveThatFailsIsTold(t *testing.T) {
	var up, asked atomic.Int64 // the machine's time, and archives
	var mended atomic.Bool
	r := start(t, rigOptions{bolt: boltstore.Options{
		AuditAge: time.Hour, Uptime: func() (string, time.Duration) { return "boot", time.Duration(up.Load()) },
		Archive: func([]store.AuditRecord) error {
			asked.Add(1)
			if mended.Load() {
				return nil
			}
			return errors.New("audit.jsonl: no space left on device")
		},
	}})
	problem := func() string {
		t.Helper()
		must(t, r.store.Note(t.Context(), store.Caller{Actor: "test"}, "test", "a record"))
		info, err := r.maint.GetServiceInfo(t.Context(), &pb.GetServiceInfoRequest{})
		must(t, err)
		return info.ArchiveProblem
	}
	problem()
	if p := problem(); p != "" || asked.Load() != 0 {
		t.Fatalf("before any record is due: %q", p)
	}
	// Records leave beside the changes that make them due.
	until := func(ok func(problem string) bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			p := problem()
			if ok(p) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q after %d archives", p, asked.Load())
			}
		}
	}
	up.Add(int64(2 * time.Hour))
	until(func(p string) bool { return strings.Contains(p, "no space left") })
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	mended.Store(true)
	up.Add(int64(2 * time.Minute))
	until(func(p string) bool { return p == "" })
}

// TestOwners: the store knows who is an admin of the device itself.
func TestOwners(t *testing.T) {
	dir := pki(t)
	must(t, certs.Issue(certs.LeafOptions{Dir: dir, Kind: certs.Client, Name: "ann", Role: "admin"}))
	remote, err := server.ListenTCP(t.Context(), server.RemoteOptions{Address: "127.0.0.1:0", TLS: files(t, dir, "server", dir).ServerConfig()})
	must(t, err)
	var asked owners
	r := start(t, rigOptions{listeners: []*server.Listener{remote}, wrap: func(s store.Store) store.Store { asked.Store = s; return &asked }})
	config, err := files(t, dir, "ann", dir).ClientConfig("127.0.0.1")
	must(t, err)
	for n, client := range []pb.RouteServiceClient{r.routes, pb.NewRouteServiceClient(dialRemote(t, remote.Addr().String(), config))} {
		_, err := client.AddRoute(t.Context(), &pb.AddRouteRequest{Route: route("Port3", fmt.Sprintf("10.%d.0.0/16", 20+n), "192.168.20.1", 7)})
		must(t, err)
	}
	if len(asked.owner) != 2 || !asked.owner[0] || asked.owner[1] {
		t.Errorf("owners: %v", asked.owner)
	}
}

// owners notes for each caller whether the store takes it for an owner.
type owners struct {
	store.Store
	owner []bool
}

func (o *owners) Apply(ctx context.Context, req store.Request) (store.Result, error) {
	o.owner = append(o.owner, req.Owner)
	return o.Store.Apply(ctx, req)
}
