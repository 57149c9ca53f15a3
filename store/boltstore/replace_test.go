package boltstore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Where an open file cannot be replaced (Windows), the store is without a file
// for a moment. If the new one cannot be opened, it says so from then on.
func TestReplaceByAFileThatCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	temp := compactionPath(path)
	if err := os.WriteFile(temp, []byte("not a store"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = s.enqueue(t.Context(), &call{err: make(chan error, 1), alone: func() error { return s.replaceClosed(temp) }})
	if routes.ReasonOf(err) != routes.StoreFailed {
		t.Errorf("replace: %v", err)
	}
	if err := s.Note(t.Context(), store.Caller{}, "note", ""); routes.ReasonOf(err) != routes.StoreFailed {
		t.Errorf("a write afterwards: %v", err)
	}
	if _, err := s.KnownNodes(t.Context()); routes.ReasonOf(err) != routes.StoreFailed {
		t.Errorf("a read afterwards: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
