package boltstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hcsroute/hcsroute/store"
	"github.com/hcsroute/hcsroute/store/boltstore"
	"github.com/hcsroute/hcsroute/store/storetest"
)

func TestConformance(t *testing.T) {
	open := func(t testing.TB, dir string, s storetest.Settings) store.Store {
		t.Helper()
		st, err := boltstore.Open(filepath.Join(dir, "hcsroute.db"), boltstore.Options{
			Now: s.Now, Uptime: s.Uptime, EventChanges: s.EventChanges,
			AuditAge: s.AuditAge, AuditBytes: s.AuditBytes, AuditLeast: s.AuditLeast, Archive: s.Archive,
		})
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	storetest.Run(t, storetest.Backend{Open: open, OpenBackup: func(t testing.TB, dir string, backup []byte) store.Store {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "hcsroute.db"), backup, 0o600); err != nil {
			t.Fatal(err)
		}
		return open(t, dir, storetest.Settings{})
	}})
}
