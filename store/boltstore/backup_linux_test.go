package boltstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openCopies counts the copies of backups that this process has open.
func openCopies(t *testing.T, path string) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		// One that was closed meanwhile is none.
		if name, err := os.Readlink(fd); err == nil && strings.HasPrefix(name, path+".copy-for-backup.") {
			n++
		}
	}
	return n
}

// TestACopyHasNoName while it is there, so that it ends with the process however that
// ends, and it takes no room when its reader has gone.
func TestACopyHasNoName(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustAdd(t, s, 0, 10)
	ctx, cancel := context.WithCancel(t.Context())
	_, end := stall(t, ctx, s)
	wantNoCopy(t, path)
	if n := openCopies(t, path); n != 1 {
		t.Errorf("%d copies are open", n)
	}
	cancel()
	_, _ = end()
	if n := openCopies(t, path); n != 0 {
		t.Errorf("%d copies are left open", n)
	}
}
