package agent_test

import (
	"testing"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// TestChangedProtocolNumber: an agent that starts under another number writes
// its routes anew and leaves none under the old one.
func TestChangedProtocolNumber(t *testing.T) {
	r, h := newRig(t), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256), route(t, "2001:db8:1::/48", hop6, 256)})
	r.sync(h)
	want := []string{"10.1.0.0/16 via " + hop, "2001:db8:1::/48 via " + hop6}
	for _, number := range []uint8{160, 161, proto} {
		before := r.k.Protocol()
		r.proto = number
		r.restart()
		r.expect(want...)
		must(t, r.k.Survey(t.Context(), func(e kernel.Route) {
			if e.Protocol == before {
				t.Errorf("under the old number: %+v", e)
			}
		}))
	}
	s := r.sync(h)
	if len(s.Exceptions) > 0 {
		t.Errorf("exceptions %v", s.Exceptions)
	}
}
