package table

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/routes"
)

// TestRandomChanges compares the table with a model after random requests,
// hand deletions, foreign routes and link flaps: what is desired and has no
// exception is in the kernel, nothing else of ours is but what is said to stand
// in for a route, and foreign routes are exactly those that others put there.
func TestRandomChanges(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			fakeTable(t, func(f *faked) {
				m := &trial{faked: f, random: rand.New(rand.NewPCG(seed, 1)), desired: map[routes.FIBKey]Want{}, foreign: map[routes.FIBKey]kernel.Route{}}
				m.replace()
				for range 25 {
					m.step()
				}
				time.Sleep(10 * time.Minute) // retries and slowed repairs are due
				f.rest()
				m.compare()
			})
		})
	}
}

type trial struct {
	*faked
	random  *rand.Rand
	desired map[routes.FIBKey]Want
	foreign map[routes.FIBKey]kernel.Route
}

// draw makes a route out of few destinations, metrics and next hops, so that
// kernel keys collide often.
func (m *trial) draw() Want {
	n := m.random.IntN(3)
	metric := []uint32{100, 256}[m.random.IntN(2)]
	if m.random.IntN(2) == 0 {
		return m.want(fmt.Sprintf("10.%d.0.0/16", n), fmt.Sprintf("10.200.0.%d", 2+m.random.IntN(2)), metric)
	}
	return m.want(fmt.Sprintf("2001:db8:%d::/48", n), fmt.Sprintf("fd00:200::%d", 2+m.random.IntN(2)), metric)
}

func fibKey(r routes.Route) routes.FIBKey {
	return routes.FIBKey{Destination: r.Destination(), Metric: uint32(r.Metric())}
}

// put adds a route to the model as the service would: one for each route key
// and one for each kernel key. It returns the keys of those that left.
func (m *trial) put(w Want) (left []routes.Key) {
	for k, old := range m.desired {
		if k == fibKey(w.Route) || old.Route.Key() == w.Route.Key() {
			delete(m.desired, k)
			left = append(left, old.Route.Key())
		}
	}
	m.desired[fibKey(w.Route)] = w
	return left
}

func (m *trial) replace() {
	clear(m.desired)
	for range m.random.IntN(6) {
		m.put(m.draw())
	}
	m.set(slices.Collect(maps.Values(m.desired))...)
}

func (m *trial) step() {
	switch m.random.IntN(7) {
	case 0:
		m.replace()
	case 1, 2:
		w := m.draw()
		m.gen++
		m.Apply(Delta{Generation: m.gen, Removals: m.put(w), Upserts: []Want{w}})
	case 3:
		for k, w := range m.desired {
			delete(m.desired, k)
			m.gen++
			m.Apply(Delta{Generation: m.gen, Removals: []routes.Key{w.Route.Key()}})
			break
		}
	case 4:
		m.k.ForeignDelete(func(r kernel.Route) bool { return r.Protocol == 157 && m.random.IntN(2) == 0 })
	case 5:
		m.meddle()
	case 6:
		m.k.SetUp(fakeLink, false)
		m.rest()
		m.k.SetUp(fakeLink, true)
		// As in the kernel, a link that goes down loses its IPv6 addresses.
		m.k.AddAddress(fakeLink, kernel.Address{Prefix: netip.MustParsePrefix("fd00:200::1/64")})
		m.foreign = m.others()
	}
	m.rest()
}

// meddle adds a route of another manager to a free kernel key, or takes one away.
func (m *trial) meddle() {
	r := kernel.Route{FIBEntry: routes.FIBEntry{
		Destination: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", m.random.IntN(3))), NextHop: netip.MustParseAddr("10.200.0.9"), Link: fakeLink, Metric: []uint32{100, 256}[m.random.IntN(2)],
	}, Protocol: 4}
	if _, ok := m.foreign[r.Key()]; ok {
		m.k.ForeignDelete(func(o kernel.Route) bool { return o.Protocol == 4 && o.Key() == r.Key() })
		delete(m.foreign, r.Key())
		return
	}
	held := false
	if err := m.k.Survey(m.Context(), func(o kernel.Route) { held = held || o.Key() == r.Key() }); err != nil {
		m.Fatal(err)
	}
	if !held {
		m.k.ForeignAdd(r)
		m.foreign[r.Key()] = r
	}
}

// others are the routes of other managers in the kernel.
func (m *trial) others() map[routes.FIBKey]kernel.Route {
	list := map[routes.FIBKey]kernel.Route{}
	if err := m.k.Survey(m.Context(), func(r kernel.Route) {
		if r.Protocol == 4 {
			list[r.Key()] = kernel.Route{FIBEntry: r.FIBEntry, Protocol: r.Protocol}
		}
	}); err != nil {
		m.Fatal(err)
	}
	return list
}

func (m *trial) compare() {
	m.Helper()
	var there []Want
	for _, w := range m.desired {
		if e, ok := m.excs[w.Route.Key()]; ok && e.State != routes.Programmed {
			if _, conflict := m.foreign[fibKey(w.Route)]; !conflict {
				m.Errorf("%v is %s %s (%s), and no foreign route holds its kernel key", w.Route, e.State, e.Cause, e.Detail)
			}
			if hop, metric, stays := standInTold(e); stays {
				if hop == "" {
					hop = w.Route.NextHop().String()
				}
				there = append(there, m.want(w.Route.Destination().String(), hop, metric))
			}
			continue
		}
		there = append(there, w)
	}
	m.holds(there...)
	if foreign := m.others(); !maps.Equal(foreign, m.foreign) {
		m.Errorf("foreign routes are %v, others put %v there", foreign, m.foreign)
	}
	if len(m.desired) != m.last.Routes {
		m.Errorf("the table has %d routes, the model %d", m.last.Routes, len(m.desired))
	}
}
