package boltstore

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store/storetest"
)

// TestFileTaken: a store whose file was taken away acknowledges nothing more,
// and still gives the backup that saves it.
func TestFileTaken(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"deleted": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			content, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path+".other", content, 0o600)
			}
			if err == nil {
				err = os.Rename(path+".other", path)
			}
			return err
		},
		"deleted but linked elsewhere": func(path string) error {
			if err := os.Link(path, path+".link"); err != nil {
				return err
			}
			return os.Remove(path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := dbPath(t)
			// No look at rest: the write itself has to notice.
			s := mustOpen(t, path, Options{look: time.Hour})
			mustAdd(t, s, 0, 3)
			before := s.Info()
			if err := take(path); err != nil {
				t.Fatal(err)
			}
			if report, err := s.Check(context.Background()); err != nil || len(report.Problems) != 1 || !strings.Contains(report.Problems[0], path) {
				t.Errorf("Check: %+v %v", report, err)
			}
			err := addOne(s, 3)
			wantReason(t, err, routes.StoreFailed)
			if !strings.Contains(routes.AsError(err, "").Action, "hcsroute backup") {
				t.Errorf("no remedy in %v", err)
			}
			wantReason(t, addOne(s, 4), routes.StoreFailed)
			if info := s.Info(); info.Err == nil || info.Version != before.Version {
				t.Errorf("%+v, was %+v", info, before)
			}
			var copied bytes.Buffer
			if _, err := s.Backup(context.Background(), &copied); err != nil {
				t.Fatal(err)
			}
			saved := dbPath(t)
			if err := os.WriteFile(saved, copied.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			if again := mustOpen(t, saved, Options{}); again.Info().Version != before.Version {
				t.Errorf("the backup holds %+v, want %+v", again.Info().Version, before.Version)
			}
		})
	}
}

// TestFileTakenAtRest: nobody needs to write for it to be noticed.
func TestFileTakenAtRest(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{look: time.Millisecond})
	mustAdd(t, s, 0, 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, "its absence is noticed", func() bool { return s.Info().Err != nil })
	wantReason(t, s.Info().Err, routes.StoreFailed)
}

// TestOwnFileStays: what the store itself does to its file is no alarm.
func TestOwnFileStays(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{look: time.Millisecond})
	var checks sync.WaitGroup
	defer checks.Wait()
	for n := range 20 {
		mustAdd(t, s, n*100, 100)
		checks.Go(func() { wantChecked(t, s) })
		if _, _, err := s.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	wantSound(t, s)
}
