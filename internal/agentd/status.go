package agentd

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// statusLine is what the service manager shows of the process: what it does not
// listen on and why, and how the last reload went.
type statusLine struct {
	notify func(state string)

	mu       sync.Mutex
	silent   map[string]string // the reason, by address
	reloaded string
}

// waits notes why an address is not listened on.
func (s *statusLine) waits(address string, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent == nil {
		s.silent = map[string]string{}
	}
	s.silent[address] = why.Error()
	s.show()
}

// listens notes that an address is listened on.
func (s *statusLine) listens(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waited := s.silent[address]; waited {
		delete(s.silent, address)
		s.show()
	}
}

// reloads notes how a reload went.
func (s *statusLine) reloads(how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reloaded = how
	s.show()
}

func (s *statusLine) show() {
	var parts []string
	for _, address := range slices.Sorted(maps.Keys(s.silent)) {
		parts = append(parts, "Not listening on "+address+": "+s.silent[address])
	}
	if s.reloaded != "" {
		parts = append(parts, s.reloaded)
	}
	if len(parts) == 0 {
		parts = []string{"Listening"}
	}
	s.notify("STATUS=" + strings.Join(parts, "; "))
}
