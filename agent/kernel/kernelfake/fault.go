package kernelfake

import (
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/rtnl"
)

// Point is where a fault strikes.
type Point string

// The places.
const (
	OnApply  Point = "apply"
	OnList   Point = "list"
	OnSurvey Point = "survey"
	OnMatch  Point = "match"
	OnLinks  Point = "links"
	OnWatch  Point = "watch"
	OnEvent  Point = "event" // a notification that never comes
)

// Fault is one injected failure. Exactly one effect is set.
type Fault struct {
	On Point
	// Kind limits an OnApply fault to one kind of change; 0 means any.
	Kind rtnl.Kind
	// Times is how often it strikes; 0 means once, negative for ever.
	Times int

	Errno      syscall.Errno // OnApply: the kernel refuses (Linux' numbers)
	Message    string        // the kernel's words with Errno
	LoseAnswer bool          // OnApply: carried out, the answer lost
	Drop       bool          // OnApply: not carried out, the answer lost
	HideIPv6   bool          // OnList, OnSurvey: IPv6 routes are missing
	Delay      time.Duration // OnList, OnSurvey: the answer takes so long
	Err        error         // elsewhere: the call fails

	struck int
}

// Inject adds a fault.
func (k *Kernel) Inject(f Fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	k.faults = append(k.faults, &f)
}

// Heal ends all faults; those that never struck still fail AssertConsumed.
func (k *Kernel) Heal() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.faults {
		f.Times = f.struck
	}
}

// AssertConsumed fails the test for every fault that has not struck, or not as
// often as asked.
func (k *Kernel) AssertConsumed(t testing.TB) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.faults {
		if f.struck == 0 || f.Times > f.struck {
			t.Errorf("fault %+v struck %d times only", *f, f.struck)
		}
	}
}

// fault returns the fault that strikes now, if any.
func (k *Kernel) fault(on Point, kind rtnl.Kind) *Fault {
	for _, f := range k.faults {
		if f.On == on && (f.Kind == 0 || f.Kind == kind) && (f.Times < 0 || f.struck < f.Times) {
			f.struck++
			return f
		}
	}
	return nil
}
