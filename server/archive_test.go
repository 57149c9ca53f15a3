package server_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
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
	up.Add(int64(2 * time.Hour))
	if p := problem(); !strings.Contains(p, "no space left") || asked.Load() != 1 {
		t.Errorf("%q after %d archives", p, asked.Load())
	}
	mended.Store(true)
	up.Add(int64(2 * time.Minute))
	if p := problem(); p != "" || asked.Load() != 2 {
		t.Errorf("mended: %q after %d archives", p, asked.Load())
	}
}
