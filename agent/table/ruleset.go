package table

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/hcsroute/hcsroute/agent/kernel"
)

// ruleset is the policy rules of the node, and which of them have a say before
// table main.
type ruleset struct {
	all    []kernel.Rule
	v4, v6 []kernel.Rule
}

// newRuleset sorts out the rules that may send packets past table main. Those
// that look at more than the destination concern some packets only, and a
// packet from the node itself not at all.
func newRuleset(all []kernel.Rule) ruleset {
	rs := ruleset{all: all}
	for _, family := range []struct {
		v4     bool
		before *[]kernel.Rule
	}{{true, &rs.v4}, {false, &rs.v6}} {
		main, any := false, false
		for _, r := range all {
			if r.V4 != family.v4 || main {
				continue
			}
			any = true
			everything := r.To.Bits() == 0 && !r.Inverted && !r.Selective && !r.Suppresses && r.Action == kernel.ToTable
			main = everything && r.Table == kernel.TableMain
			if main || everything && r.Table == kernel.TableLocal || r.Selective && !r.Inverted {
				continue
			}
			*family.before = append(*family.before, r)
		}
		if any && !main { // nothing asks table main: that concerns all
			*family.before = append(*family.before, kernel.Rule{V4: family.v4, Inverted: true})
		}
	}
	return rs
}

// concern reports whether a rule has a say in packets to a destination.
func (rs *ruleset) concern(d dstKey) bool {
	before := rs.v6
	if d.v4 {
		before = rs.v4
	}
	return len(before) > 0 && slices.ContainsFunc(before, func(r kernel.Rule) bool {
		return r.Inverted || r.To.Bits() == 0 || r.To.Overlaps(d.prefix())
	})
}

// any reports whether a rule concerns anything at all.
func (rs *ruleset) any() bool { return len(rs.v4)+len(rs.v6) > 0 }

// sending is the first rule that has packets to a ask a table.
func (rs *ruleset) sending(table uint32, a netip.Addr) (kernel.Rule, bool) {
	return rs.first(a, func(r kernel.Rule) bool { return r.Action == kernel.ToTable && r.Table == table })
}

// refusing is the first rule that refuses packets to a in a way that routes of
// that type do.
func (rs *ruleset) refusing(kind uint8, a netip.Addr) (kernel.Rule, bool) {
	return rs.first(a, func(r kernel.Rule) bool { return r.Action == kind })
}

func (rs *ruleset) first(a netip.Addr, match func(kernel.Rule) bool) (kernel.Rule, bool) {
	i := slices.IndexFunc(rs.all, func(r kernel.Rule) bool {
		return r.V4 == a.Is4() && match(r) && (r.Inverted || !r.Selective && (r.To.Bits() == 0 || r.To.Contains(a)))
	})
	if i < 0 {
		return kernel.Rule{}, false
	}
	return rs.all[i], true
}

// needJudging has the routes judged again that rules concern: what other tables
// hold may have changed.
func (t *Table) needJudging() {
	if t.rules.any() {
		earlier(&t.judgeAt, t.now())
	}
}

// judgeAgain has those routes judged: soon, not too often, and the less often
// the longer it takes.
func (t *Table) judgeAgain(now time.Time) {
	if t.judgeAt = t.judging.next(now); t.judgeAt.After(now) {
		return
	}
	t.judgeAt = time.Time{}
	t.judging.begin(now)
	t.queueRuled(&t.rules)
}

// readRules reads the policy rules again; where they changed, what they have or
// had a say in is judged again.
func (t *Table) readRules(ctx context.Context) {
	all, err := t.kernel.Rules(ctx)
	if err != nil {
		t.rulesAt = t.now().Add(factsRetry)
		t.opts.Log.Error("read policy rules", "error", err, "retry", factsRetry)
		return
	}
	t.rulesAt = time.Time{}
	if slices.Equal(all, t.rules.all) {
		return
	}
	old := t.rules
	t.rules = newRuleset(all)
	if !slices.Equal(old.v4, t.rules.v4) || !slices.Equal(old.v6, t.rules.v6) {
		t.queueRuled(&old)
	}
}

// queueRuled has the routes judged again in which these rules, or today's, have
// a say.
func (t *Table) queueRuled(old *ruleset) {
	if !old.any() && !t.rules.any() {
		return
	}
	for i := range t.slots {
		if s := &t.slots[i]; s.has(flagUsed) && (t.rules.concern(s.key()) || old.concern(s.key())) {
			t.queue(int32(i))
		}
	}
}
