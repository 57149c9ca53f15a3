//go:build linux

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/hcsroute/hcsroute/lab"
)

// tableSize reads how many routes a namespace has, without netlink: asking
// would hold up what is being measured.
type tableSize struct {
	file   *os.File
	family family
	buf    []byte
}

func openTableSize(ns *lab.NS, f family) (*tableSize, error) {
	name := "/proc/thread-self/net/fib_triestat"
	if f == v6 {
		name = "/proc/thread-self/net/rt6_stats"
	}
	t := &tableSize{family: f, buf: make([]byte, 8192)}
	err := ns.Do(func() (err error) {
		t.file, err = os.Open(name)
		return err
	})
	return t, err
}

func (t *tableSize) close() { _ = t.file.Close() }

func (t *tableSize) read() (int, error) {
	n, err := t.file.ReadAt(t.buf, 0)
	if n == 0 {
		return 0, fmt.Errorf("%s: %w", t.file.Name(), err)
	}
	text := t.buf[:n]
	if t.family == v6 {
		// Nodes, nodes with routes, allocations, entries, ... (seq_printf in rt6_stats_seq_show).
		fields := bytes.Fields(text)
		if len(fields) < 4 {
			return 0, fmt.Errorf("%s: %q", t.file.Name(), text)
		}
		entries, err := strconv.ParseUint(string(fields[3]), 16, 32)
		return int(entries), err
	}
	_, after, ok := bytes.Cut(text, []byte("Prefixes:"))
	if !ok {
		return 0, fmt.Errorf("%s: no count of prefixes", t.file.Name())
	}
	first, _, _ := bytes.Cut(after, []byte("\n"))
	return strconv.Atoi(string(bytes.TrimSpace(first)))
}

// watchShare is how many times as long as a look at the table the pause after
// it is: a look walks the whole table, and must not cost whoever fills it a core.
const watchShare = 15

// reach polls until the table has at least want routes.
func (t *tableSize) reach(ctx context.Context, want int) error {
	for {
		start := time.Now()
		n, err := t.read()
		if err != nil || n >= want {
			return err
		}
		if err := pause(ctx, max(watchShare*time.Since(start), 500*time.Microsecond)); err != nil {
			return fmt.Errorf("%d of %d routes came: %w", n, want, err)
		}
	}
}
