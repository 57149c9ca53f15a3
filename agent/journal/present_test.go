package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestFolderTaken: what is written where no restart would look for it is not
// durable, and is not said to be.
func TestFolderTaken(t *testing.T) {
	for name, take := range map[string]func(dir string) error{
		"deleted":  os.RemoveAll,
		"moved":    func(dir string) error { return os.Rename(dir, dir+".old") },
		"replaced": func(dir string) error { return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			j, _, _ := open(t, dir)
			s := build(t, 10)
			must(t, j.Replace(s))
			compaction := j.Begin(s)
			must(t, take(dir))
			lost := change(t, s, route(t, 11, 256), false)
			for range 2 {
				if err := j.Append(s, lost); !errors.Is(err, ErrTaken) {
					t.Fatalf("Append: %v", err)
				}
			}
			if err := j.Replace(s); !errors.Is(err, ErrTaken) {
				t.Fatalf("Replace: %v", err)
			}
			compaction.Write()
			if err := j.Finish(compaction); !errors.Is(err, ErrTaken) {
				t.Fatalf("Finish: %v", err)
			}
		})
	}
}

// TestLogTaken: where only the log is gone, the agent holds all of it and
// writes it again.
func TestLogTaken(t *testing.T) {
	for name, take := range map[string]func(path string) error{
		"deleted":  os.Remove,
		"replaced": func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state")
			j, _, log := open(t, dir)
			s := build(t, 10)
			must(t, j.Replace(s))
			must(t, take(filepath.Join(dir, logName)))
			must(t, j.Append(s, change(t, s, route(t, 11, 256), false)))
			if log.Len() == 0 {
				t.Error("nothing in the log")
			}
			if _, got, _ := reopen(t, j); got.Version != s.Version {
				t.Fatalf("%+v, want %+v", got.Version, s.Version)
			}
		})
	}
}
