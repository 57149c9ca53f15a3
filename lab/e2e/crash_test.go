//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab/system"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
)

// TestKilledInAStorm kills the service with SIGKILL again and again while
// writers add routes: what was acknowledged is there afterwards, on the host
// and in both kernels.
func TestKilledInAStorm(t *testing.T) {
	s := start(t, system.Options{})
	client := routeClient(t, s)
	var mu sync.Mutex
	acked, news := map[string]bool{}, make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				r := &pb.Route{Interface: "Port3", Destination: fmt.Sprintf("100.%d.%d.0/24", 64+w*10+i/256, i%256), NextHop: "192.168.20.1"}
				if _, err := client.AddRoute(ctx, &pb.AddRouteRequest{Route: r}); err == nil {
					mu.Lock()
					acked[r.Destination] = true
					mu.Unlock()
					select {
					case news <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	for range 5 {
		for range 10 + rand.IntN(20) {
			select {
			case <-news:
			case <-time.After(time.Minute):
				t.Fatal("nothing is acknowledged for a minute")
			}
		}
		time.Sleep(time.Duration(rand.IntN(5000)) * time.Microsecond) // somewhere in the next commit
		if err := s.KillService(); err != nil {
			t.Fatal(err)
		}
		if err := s.StartService(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	writers.Wait()
	cli(t, s, 0, "wait", "--timeout", "60s")
	stored := map[string]bool{}
	list, err := client.ListRoutes(t.Context(), &pb.ListRoutesRequest{PageSize: 10000})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Routes {
		stored[r.Destination] = true
		if r.State != pb.State_STATE_PROGRAMMED {
			t.Errorf("%s is %s after wait", r.Destination, r.State)
		}
	}
	for destination := range acked {
		if !stored[destination] {
			t.Errorf("%s was acknowledged and is lost", destination)
		}
	}
	for _, node := range s.Names() {
		if n := own(t, s, node); n != len(stored) {
			t.Errorf("%s has %d routes, the store %d", node, n, len(stored))
		}
	}
	cli(t, s, 0, "check")
	t.Logf("%d acknowledged adds over 5 kills, %d stored", len(acked), len(stored))
}

// TestReplayAfterACrash: a retry with the same request id gets the first answer.
func TestReplayAfterACrash(t *testing.T) {
	s := start(t, system.Options{})
	client := routeClient(t, s)
	req := &pb.AddRouteRequest{
		Route:     &pb.Route{Interface: "Port3", Destination: "192.168.21.0/24", NextHop: "192.168.20.1"},
		RequestId: "7f1d8a52-7b53-4f57-9d7f-6d1c2f0f9a01",
	}
	first, err := client.AddRoute(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.KillService(); err != nil {
		t.Fatal(err)
	}
	if err := s.StartService(t.Context()); err != nil {
		t.Fatal(err)
	}
	var again *pb.AddRouteResponse
	polltest.Until(t, "the client connects again", func() bool {
		again, err = client.AddRoute(t.Context(), req)
		return err == nil
	})
	if again.Outcome != first.Outcome || again.Revision != first.Revision {
		t.Fatalf("replay: %v, first: %v", again, first)
	}
	req.Route.Destination = "192.168.22.0/24"
	if _, err := client.AddRoute(t.Context(), req); err == nil {
		t.Fatal("the id is accepted for another request")
	}
}

// TestBackupRestoreAdopt moves a node through a restore and to another store.
func TestBackupRestoreAdopt(t *testing.T) {
	s := start(t, system.Options{})
	backup := filepath.Join(s.Lab.StateDir, "backup.db")
	store := filepath.Join(s.Lab.StateDir, "host", "hcsroute.db")
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	cli(t, s, 0, "backup", backup)
	cli(t, s, 0, "add", "Port3", "192.168.22.0/24", "192.168.20.1")
	if n := own(t, s, "k8s-master"); n != 2 {
		t.Fatalf("%d routes in the kernel", n)
	}
	if err := s.StopService(t.Context()); err != nil {
		t.Fatal(err)
	}
	cli(t, s, 0, "restore", backup, "--store", store, "--yes")
	if err := s.StartService(t.Context()); err != nil {
		t.Fatal(err)
	}
	polltest.Until(t, "the nodes follow the older set of the newer epoch", func() bool {
		return own(t, s, "k8s-master") == 1 && own(t, s, "k8s-worker") == 1
	})

	if err := s.StopService(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(store); err != nil {
		t.Fatal(err)
	}
	if err := s.StartService(t.Context()); err != nil {
		t.Fatal(err)
	}
	polltest.Until(t, "the nodes refuse another store", func() bool {
		res, err := s.CLI(t.Context(), "nodes", "-o", "json")
		return err == nil && contains(res.Stdout, "adopt")
	})
	if own(t, s, "k8s-master") != 1 {
		t.Fatal("an empty new store took the routes away without adoption")
	}
	cli(t, s, 0, "nodes", "adopt", "k8s-master", "--yes")
	polltest.Until(t, "the adopted node follows the new, empty store", func() bool { return own(t, s, "k8s-master") == 0 })
	if own(t, s, "k8s-worker") != 1 {
		t.Fatal("a node that was not adopted followed")
	}
	cli(t, s, 0, "audit", "verify")
}

// TestFullDisk: a clear error, nothing lost, reads go on, writes resume.
func TestFullDisk(t *testing.T) {
	dir, err := os.MkdirTemp("", "full")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := start(t, system.Options{StorePath: filepath.Join(dir, "hcsroute.db")})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	client := routeClient(t, s)
	var full error
	for i := 0; i < 200 && full == nil; i++ {
		_, full = client.BatchAddRoutes(t.Context(), &pb.BatchAddRoutesRequest{Routes: batch(i, 100)})
	}
	if full == nil || !contains(full.Error(), "full") {
		t.Fatalf("the disk is full, yet: %v", full)
	}
	res := cli(t, s, 0, "get", "192.168.21.0/24")
	if !contains(res.Stdout, "192.168.21.0/24") {
		t.Fatalf("reads do not go on:\n%s", res.Stdout)
	}
	if out := cli(t, s, 10, "doctor").Stdout; !contains(out, "FAIL  store: the last write was refused, DISK_FULL: ", "hint: Free space on the device; writes resume by themselves") || contains(out, "estart") {
		t.Errorf("doctor, with the disk full:\n%s", out)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	polltest.Until(t, "writes resume", func() bool {
		res, err := s.CLI(t.Context(), "add", "Port3", "192.168.22.0/24", "192.168.20.1")
		return err == nil && res.Code == 0
	})
	cli(t, s, 0, "check")
}

func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// batch makes the n-th batch of count routes.
func batch(n, count int) []*pb.Route {
	var list []*pb.Route
	for i := range count {
		list = append(list, &pb.Route{Interface: "Port3", Destination: fmt.Sprintf("100.%d.%d.%d/32", 64+n%60, n/60, i), NextHop: "192.168.20.1"})
	}
	return list
}
