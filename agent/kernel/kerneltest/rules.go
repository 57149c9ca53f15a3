package kerneltest

import (
	"slices"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/rtnl"
)

// policyRules: they are read in the order in which the kernel asks them, and a
// change of them is an event.
func (s *suite) policyRules() {
	tables := func(v4 bool) (all []uint32) {
		rules, err := s.k.Rules(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		for _, r := range rules {
			if r.V4 == v4 {
				if r.Action != rtnl.ToTable || r.To.Bits() != 0 || r.To.Addr().Is4() != v4 || r.Selective || r.Inverted || r.Suppresses {
					s.Errorf("%+v", r)
				}
				all = append(all, r.Table)
			}
		}
		return all
	}
	want := func(v4 bool, want ...uint32) {
		s.Helper()
		if got := tables(v4); !slices.Equal(got, want) {
			s.Errorf("tables %v, want %v", got, want)
		}
	}
	want(true, 255, 254, 253)
	want(false, 255, 254)
	events, err := s.k.Watch(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	s.AskBefore(s.T, 100)
	for e := range events {
		if e.Kind == kernel.RuleChanged {
			break
		}
	}
	want(true, 255, 100, 254, 253)
	want(false, 255, 100, 254)
}
