// Package linkwatch tells when the kernel's links or addresses change.
package linkwatch

// Watch is a subscription to changes of links and addresses.
type Watch struct {
	c   chan struct{}
	err error
}

// C signals changes; several may be one signal. It is closed when the
// subscription has ended. What exactly changed is not told: whoever is
// signalled reads everything.
func (w *Watch) C() <-chan struct{} { return w.c }

// Err says why the subscription ended, once C is closed: ctx's error, or the socket's.
func (w *Watch) Err() error { return w.err }
