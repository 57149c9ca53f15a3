//go:build linux

package e2e

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab/system"
)

// TestOneFlippedBit: bbolt goes on from the change before when its newer meta
// page is damaged. The nodes prove what was lost, keep it, and every
// answer says so, until an operator takes it over.
func TestOneFlippedBit(t *testing.T) {
	s := start(t, system.Options{})
	store := filepath.Join(s.Lab.StateDir, "host", "hcsroute.db")
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	cli(t, s, 0, "add", "Port3", "192.168.22.0/24", "192.168.20.1")
	if err := s.StopService(t.Context()); err != nil {
		t.Fatal(err)
	}
	flipNewerMeta(t, store)
	if err := s.StartService(t.Context()); err != nil {
		t.Fatal(err)
	}
	polltest.Until(t, "both nodes prove the loss", func() bool {
		res, err := s.CLI(t.Context(), "store", "behind", "-o", "json")
		return err == nil && strings.Count(res.Stdout, "192.168.22.0/24") == 2
	})
	if res := cli(t, s, 10, "doctor"); !contains(res.Stdout, "STORE_BEHIND") {
		t.Errorf("doctor says %s", res.Stdout)
	}
	if res := cli(t, s, 10, "check"); !contains(res.Stderr, "meta page") {
		t.Errorf("check says %s", res.Stderr)
	}
	if res := cli(t, s, 0, "get"); !contains(res.Stderr, "STORE_BEHIND") || contains(res.Stdout, "192.168.22.0/24") {
		t.Errorf("get says %s%s", res.Stdout, res.Stderr)
	}
	for _, node := range []string{"k8s-master", "k8s-worker"} {
		if n := own(t, s, node); n != 2 {
			t.Fatalf("%s has %d routes in the kernel", node, n)
		}
	}
	cli(t, s, 0, "add", "Port3", "192.168.24.0/24", "192.168.20.1", "--wait", "stored")
	if res := cli(t, s, 0, "store", "accept", "--take-over", "--yes"); !contains(res.Stdout, "1 route taken over") ||
		!contains(res.Stdout, `hcsroute remove "Port3" 192.168.24.0/24 192.168.20.1`) || strings.Count(res.Stdout, "hcsroute remove") != 1 {
		t.Errorf("accept says %s", res.Stdout)
	}
	cli(t, s, 0, "wait", "--timeout", "60s")
	if res := cli(t, s, 0, "get"); contains(res.Stderr, "STORE_BEHIND") || !contains(res.Stdout, "192.168.22.0/24") {
		t.Errorf("after accept get says %s%s", res.Stdout, res.Stderr)
	}
	cli(t, s, 0, "check")
	if res := cli(t, s, 0, "audit", "list"); !contains(res.Stdout, "accept-loss") || !contains(res.Stdout, "loss-proved") {
		t.Errorf("the audit has %s", res.Stdout)
	}
	if n := own(t, s, "k8s-master"); n != 3 {
		t.Errorf("%d routes in the kernel after accept", n)
	}
	cli(t, s, 5, "store", "accept", "--yes")
}

// flipNewerMeta flips a bit in that of bbolt's two meta pages with the newer
// transaction.
func flipNewerMeta(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const transaction, root = 16 + 48, 16 + 16
	page := int(binary.NativeEndian.Uint32(content[16+8:]))
	at := 0
	if binary.NativeEndian.Uint64(content[page+transaction:]) > binary.NativeEndian.Uint64(content[transaction:]) {
		at = page
	}
	content[at+root] ^= 4
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
