// Package latest holds the newest value of something that changes.
package latest

import "sync"

// Value is the newest of a series of immutable values. Its zero value holds nil.
type Value[T any] struct {
	mu      sync.Mutex
	current *T
	changed chan struct{}
}

// Current returns the newest value; nil before the first Set.
func (v *Value[T]) Current() *T {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.current
}

// Changed returns a channel that the next Set closes. Take it before Current,
// so that no value is missed.
func (v *Value[T]) Changed() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return v.changed
}

// Set makes x the newest value.
func (v *Value[T]) Set(x *T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current = x
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}
