package journal

import (
	"os"
	"testing"

	"github.com/hcsroute/hcsroute/agent/desired"
)

// TestSyncs counts how often the log waits for the disk: once for any number
// of changes that came together, once for a whole set.
func TestSyncs(t *testing.T) {
	j, _, err := Open(Options{Dir: t.TempDir(), Node: "node"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}()
	syncs, real := 0, j.sync
	j.sync = func(f *os.File) error {
		syncs++
		return real(f)
	}
	expect := func(what string, want int, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if syncs != want {
			t.Errorf("%s: %d syncs, want %d", what, syncs, want)
		}
		syncs = 0
	}
	s := build(t, 1000)
	expect("a whole set", 1, j.Replace(s))
	expect("one change", 1, j.Append(s, change(t, s, route(t, 1000, 256), false)))
	var many []desired.Change
	for i := range 100 {
		many = append(many, change(t, s, route(t, 2000+i, 256), false))
	}
	expect("100 changes", 1, j.Append(s, many...))
}
