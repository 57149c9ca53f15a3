package fleet

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hcsroute/hcsroute/routes"
)

// The log answers with the first report that carried a revision out, or,
// where it has thinned out, with a later one; never with an earlier one.
func TestAckLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var log ackLog
		epoch := time.Unix(0, 0)
		var rev routes.Revision
		revs := rapid.SliceOfN(rapid.Uint64Range(0, 3), 1, 5000).Draw(t, "steps")
		times := map[routes.Revision]time.Time{}
		var reports []routes.Revision
		for i, step := range revs {
			rev += routes.Revision(step)
			at := epoch.Add(time.Duration(i) * time.Second)
			log.add(rev, at)
			if _, ok := times[rev]; !ok {
				times[rev] = at
				reports = append(reports, rev)
			}
		}
		if len(log.entries) >= maxAcks {
			t.Fatalf("%d entries", len(log.entries))
		}
		first := 0
		for r := routes.Revision(1); r <= rev; r++ {
			for reports[first] < r {
				first++
			}
			if got := log.at(r); got.Before(times[reports[first]]) || got.After(times[rev]) {
				t.Fatalf("revision %d at %s, reported at %s", r, got, times[reports[first]])
			}
		}
		if !log.at(rev + 1).IsZero() {
			t.Fatal("a revision that nobody reported has a time")
		}
	})
}

func TestChangeFeed(t *testing.T) {
	m := &Manager{}
	key := func(i int) routes.Key { return routes.Key{Interface: time.Duration(i).String()} }
	m.feed.addAll()
	if _, all, next, _ := m.StatusChanges(0); !all || next != 1 {
		t.Errorf("from 0: all %v, next %d", all, next)
	}
	m.feed.add([]routes.Key{key(1), key(2), key(1)})
	keys, all, next, changed := m.StatusChanges(1)
	if all || len(keys) != 2 || next != 4 {
		t.Errorf("keys %v, all %v, next %d", keys, all, next)
	}
	m.feed.add([]routes.Key{key(3)})
	select {
	case <-changed:
	default:
		t.Error("nobody was woken")
	}
	for i := range 3 * maxFeed {
		m.feed.add([]routes.Key{key(i)})
	}
	if len(m.feed.ring) > 2*maxFeed {
		t.Errorf("the ring has %d entries", len(m.feed.ring))
	}
	if _, all, _, _ := m.StatusChanges(4); !all {
		t.Error("a reader who is too far behind is not sent to read all again")
	}
	if _, all, _, _ := m.StatusChanges(1 << 60); !all {
		t.Error("a position of the future was believed")
	}
}

func TestBackoff(t *testing.T) {
	var b backoff
	want := 200 * time.Millisecond
	for range 10 {
		got := b.next(200*time.Millisecond, 15*time.Second)
		if got > want || got < want*3/4-1 {
			t.Errorf("pause %s, want %s less up to a quarter", got, want)
		}
		want = min(2*want, 15*time.Second)
	}
}
