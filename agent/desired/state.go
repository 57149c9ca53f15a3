package desired

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hcsroute/hcsroute/routes"
)

// Port is one device port as the node sees it.
type Port struct {
	Alias string
	MAC   string // of the node's NIC on the port's switch; empty where there is none
}

// Ports are the NICs that routes go to, and the policy that the node needs.
type Ports struct {
	List                []Port
	AllowOverrideOnLink bool
}

// Equal reports whether p and o say the same.
func (p Ports) Equal(o Ports) bool {
	return p.AllowOverrideOnLink == o.AllowOverrideOnLink && slices.Equal(p.List, o.List)
}

// MACs are the NICs by folded alias; a port without one has none.
func (p Ports) MACs() map[string]string {
	macs := make(map[string]string, len(p.List))
	for _, port := range p.List {
		if port.MAC != "" {
			macs[routes.FoldAlias(port.Alias)] = port.MAC
		}
	}
	return macs
}

// State is a set with the version that proves it complete, and its ports. A
// version without store id means that there is no complete set, which deletes
// nothing; it is not the same as a complete set without routes.
type State struct {
	Version routes.Version
	// Authenticator is what the store gave with the version; it is kept and
	// shown, never read.
	Authenticator []byte
	Ports         Ports
	Set           *Set
}

// Complete reports whether the state is a complete set.
func (s *State) Complete() bool { return s.Version.StoreID != "" }

// Verify compares the set with its version's count and digest.
func (s *State) Verify() error {
	if n := uint64(s.Set.Len()); n != s.Version.Count {
		return fmt.Errorf("%w: %d routes, the version says %d", errMismatch, n, s.Version.Count)
	}
	if s.Set.Digest() != s.Version.Digest {
		return fmt.Errorf("%w: digest %s, the version says %s", errMismatch, s.Set.Digest(), s.Version.Digest)
	}
	return nil
}

// Change turns one state into the next.
type Change struct {
	From     routes.Revision // the revision that it starts from
	Upserts  []routes.Route
	Removals []routes.Key
	Ports    *Ports // nil: as before
	Version  routes.Version
	// Authenticator of the version.
	Authenticator []byte
}

// errMismatch is a change that does not lead to the set that its version
// promises; the set is as before.
var errMismatch = errors.New("the set does not match its version")

// Apply makes the change: removals first, then upserts. If the result is not
// the set that the change's version promises, it is undone and the error is
// errMismatch.
func (s *State) Apply(c Change) error {
	v := s.Version
	if !s.Complete() || c.Version.StoreID != v.StoreID || c.Version.Epoch != v.Epoch || c.From != v.Revision || c.Version.Revision < c.From {
		return fmt.Errorf("%w: a change from revision %d to %d, the set is at %d", errMismatch, c.From, c.Version.Revision, v.Revision)
	}
	if c.Version.Revision == c.From && c.Version != v {
		return fmt.Errorf("%w: a change within revision %d; a version names one set for ever", errMismatch, c.From)
	}
	type step struct {
		key    routes.Key
		before routes.Route
	}
	undo := make([]step, 0, len(c.Removals)+len(c.Upserts))
	for _, k := range c.Removals {
		undo = append(undo, step{k, s.Set.Remove(k)})
	}
	for _, r := range c.Upserts {
		undo = append(undo, step{r.Key(), s.Set.Put(r)})
	}
	next := State{Version: c.Version, Authenticator: c.Authenticator, Ports: s.Ports, Set: s.Set}
	if c.Ports != nil {
		next.Ports = *c.Ports
	}
	if err := next.Verify(); err != nil {
		for _, u := range slices.Backward(undo) {
			s.Set.Remove(u.key)
			if !u.before.IsZero() {
				s.Set.Put(u.before)
			}
		}
		return err
	}
	*s = next
	return nil
}
