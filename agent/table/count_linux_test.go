package table

import (
	"testing"
)

// TestCounts holds what does not depend on the machine: kernel writes, netlink
// messages and system calls of a set, of the same set and of one change.
func TestCounts(t *testing.T) {
	const count, perSend = 10_000, 256
	testVeth().Add(t)
	r := run(t, Options{})
	all := manyWants(t, count+1)
	r.set(t)
	begun, writes := r.k.Stats(), r.last.Counters.Writes
	r.set(t, all[:count]...)
	full := r.k.Stats()
	if got := r.last.Counters.Writes - writes; got != count {
		t.Errorf("%d kernel writes for %d routes", got, count)
	}
	// One message for each route, and a few to read the table back.
	const dumps = 12
	if got := full.Requests - begun.Requests; got < count || got > count+dumps {
		t.Errorf("%d netlink messages for %d routes", got, count)
	}
	if got := full.Sends - begun.Sends; got > count/perSend+4096/perSend+dumps {
		t.Errorf("%d sends for %d routes, at most %d to a send", got, count, perSend)
	}

	writes = r.last.Counters.Writes
	r.set(t, all[:count]...)
	same := r.k.Stats()
	if got := r.last.Counters.Writes - writes; got != 0 {
		t.Errorf("the same set took %d kernel writes", got)
	}
	if got := same.Requests - full.Requests; got > dumps {
		t.Errorf("the same set took %d netlink messages", got)
	}

	r.apply(t, all[count:])
	one := r.k.Stats()
	if got := r.last.Counters.Writes - writes; got != 1 {
		t.Errorf("one more route took %d kernel writes", got)
	}
	// The write, whose echo is its read-back, and one look-up for who else is
	// there; no dump, whatever the size of the table.
	if got := one.Requests - same.Requests; got > 2 {
		t.Errorf("one more route took %d netlink messages", got)
	}
	if got := one.Receives - same.Receives; got > 6 {
		t.Errorf("one more route took %d reads of the socket", got)
	}
}
