package fleet

import (
	"sync"

	"github.com/hcsroute/hcsroute/routes"
)

// maxFeed is how many changes the feed keeps; for a reader who is further behind
// every route may have changed.
const maxFeed = 16384

// changeFeed remembers the latest changes of statuses.
type changeFeed struct {
	raised signal
	mu     sync.Mutex
	next   uint64       // position of the next change
	ring   []feedChange // those before next, oldest first
}

type feedChange struct {
	key routes.Key
	all bool
}

func (f *changeFeed) add(keys []routes.Key) {
	if len(keys) > maxFeed {
		f.addAll()
		return
	}
	changes := make([]feedChange, len(keys))
	for i, k := range keys {
		changes[i].key = k
	}
	f.append(changes...)
}

func (f *changeFeed) addAll() { f.append(feedChange{all: true}) }

func (f *changeFeed) append(changes ...feedChange) {
	f.mu.Lock()
	f.ring = append(f.ring, changes...)
	f.next += uint64(len(changes))
	if len(f.ring) > 2*maxFeed {
		f.ring = f.ring[:copy(f.ring, f.ring[len(f.ring)-maxFeed:])]
	}
	f.mu.Unlock()
	f.raised.raise()
}

// StatusChanges implements Fleet. Position 0 starts with all.
func (m *Manager) StatusChanges(pos uint64) (keys []routes.Key, all bool, next uint64, changed <-chan struct{}) {
	changed = m.feed.raised.wait()
	m.feed.mu.Lock()
	defer m.feed.mu.Unlock()
	f := &m.feed
	oldest := f.next - uint64(len(f.ring))
	if pos == 0 || pos < oldest || pos > f.next {
		return nil, true, f.next, changed
	}
	seen := map[routes.Key]struct{}{}
	for _, c := range f.ring[pos-oldest:] {
		if c.all {
			return nil, true, f.next, changed
		}
		if _, ok := seen[c.key]; !ok {
			seen[c.key] = struct{}{}
			keys = append(keys, c.key)
		}
	}
	return keys, false, f.next, changed
}
