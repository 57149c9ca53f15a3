package boltstore

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/storetest"
)

// TestTakenOnce: records that the archive has taken, and whose trim could not be
// written, stay, and are not handed on again.
func TestTakenOnce(t *testing.T) {
	var up, handed atomic.Int64
	var fault commitFault
	added := make(chan struct{})
	s := mustOpen(t, dbPath(t), Options{
		AuditAge: time.Hour, Uptime: func() (string, time.Duration) { return "boot", time.Duration(up.Load()) }, commit: fault.commit,
		look: 10 * time.Millisecond,
		Archive: func(recs []store.AuditRecord) error {
			handed.Add(int64(len(recs)))
			<-added
			fault.fault = failBefore(syscall.ENOSPC) // nothing else commits any more: it is the trim's
			return nil
		},
	})
	for n := range 5 {
		mustAdd(t, s, n, 1)
	}
	up.Store(int64(2 * time.Hour))
	mustAdd(t, s, 5, 1)
	close(added)
	first := func() (first uint64) {
		proof, err := s.VerifyAudit(context.Background())
		if err != nil || proof.Problem != "" {
			t.Fatalf("%+v %v", proof, err)
		}
		return proof.First
	}
	storetest.Eventually(t, "the trim", func() bool { return first() == 6 })
	if n := handed.Load(); n != 5 || fault.fault != nil {
		t.Errorf("%d records were handed on", n)
	}
	wantSound(t, s)
}
