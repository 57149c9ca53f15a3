//go:build linux

package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// window is the grain in which a process counts as woken: once, however many
// of its threads one timer wakes, and again in each window that it goes on.
const window = 10 * time.Millisecond

// waking counts the windows in which a process ran, by what its threads spent
// on a processor (schedstat in proc(5)). Reading that wakes nobody.
type waking struct {
	dir     string
	threads map[string]*os.File
	spent   map[string]string
	windows int
}

func newWaking(pid int) *waking {
	return &waking{dir: filepath.Join("/proc", strconv.Itoa(pid), "task"), threads: map[string]*os.File{}, spent: map[string]string{}}
}

// wakings counts, for so long, how often each process woke up.
func wakings(ctx context.Context, pids map[string]int, during time.Duration) (map[string]int, error) {
	all := map[string]*waking{}
	for name, pid := range pids {
		w := newWaking(pid)
		defer w.close()
		all[name] = w
	}
	tick := time.NewTicker(window)
	defer tick.Stop()
	start := time.Now()
	for i := range int(during / window) {
		for _, w := range all {
			if err := w.look(i == 0); err != nil {
				return nil, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
	// A late look sees several windows as one.
	if took := time.Since(start); took > during*21/20 {
		return nil, fmt.Errorf("looks at idle processes for %s took %s: the machine is too busy", during, took)
	}
	counts := map[string]int{}
	for name, w := range all {
		counts[name] = w.windows
	}
	return counts, nil
}

// look counts the window that ends now if a thread ran in it; the first look
// begins one.
func (w *waking) look(first bool) error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return err
	}
	ran := false
	for _, e := range entries {
		thread := e.Name()
		f, ok := w.threads[thread]
		if !ok {
			if f, err = os.Open(filepath.Join(w.dir, thread, "schedstat")); err != nil {
				continue // it has ended meanwhile
			}
			w.threads[thread] = f
		}
		var buf [128]byte
		n, _ := f.ReadAt(buf[:], 0) // to the end; nothing of a thread that has ended
		if spent := string(buf[:n]); spent != w.spent[thread] {
			w.spent[thread], ran = spent, true
		}
	}
	if ran && !first {
		w.windows++
	}
	return nil
}

func (w *waking) close() {
	for _, f := range w.threads {
		_ = f.Close()
	}
}
