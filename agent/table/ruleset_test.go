package table

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
)

// TestRuleset: which rules make it necessary to ask for which destinations.
func TestRuleset(t *testing.T) {
	all := netip.MustParsePrefix("0.0.0.0/0")
	rule := func(priority, table uint32) kernel.Rule {
		return kernel.Rule{V4: true, Priority: priority, Action: kernel.ToTable, Table: table, To: all}
	}
	to := rule(50, 100)
	to.To = netip.MustParsePrefix("10.0.0.0/8")
	from := rule(50, 100)
	from.Selective = true // by its source
	notMarked := rule(50, 100)
	notMarked.Selective, notMarked.Inverted = true, true
	passing := rule(32766, kernel.TableMain)
	passing.Suppresses = true
	local, main := rule(0, kernel.TableLocal), rule(32766, kernel.TableMain)
	for name, c := range map[string]struct {
		rules         []kernel.Rule
		inside, other bool
	}{
		"Linux' own":          {[]kernel.Rule{local, main, rule(32767, 253)}, false, false},
		"none at all":         {nil, false, false},
		"to a part":           {[]kernel.Rule{local, to, main}, true, false},
		"for everything":      {[]kernel.Rule{local, rule(50, 100), main}, true, true},
		"by source":           {[]kernel.Rule{local, from, main}, false, false},
		"for what is unlike":  {[]kernel.Rule{local, notMarked, main}, true, true},
		"after main":          {[]kernel.Rule{local, main, rule(40000, 100)}, false, false},
		"main is not asked":   {[]kernel.Rule{local, rule(32767, 253)}, true, true},
		"main, but for parts": {[]kernel.Rule{local, passing, main}, true, true},
	} {
		rs := newRuleset(c.rules)
		for dst, want := range map[string]bool{"10.1.0.0/16": c.inside, "172.30.0.0/16": c.other, "2001:db8::/32": false} {
			if got := rs.concern(packDst(netip.MustParsePrefix(dst))); got != want {
				t.Errorf("%s: %s: %v", name, dst, got)
			}
		}
	}
}

// TestRulesOfOthersJudgeNothing: policy rules for some packets only, as CNIs have
// one for each pod, come and go and no route is judged again.
func TestRulesOfOthersJudgeNothing(t *testing.T) {
	k := &withRules{Kernel: kernelfake.New(157)}
	table := New(k, Options{})
	table.SetDesired(Set{Generation: 1, Routes: slices.Values([]Want{want(t, "10.1.0.0/16", "10.200.0.2", 256)})})
	table.takeRequests()
	everything := kernel.Rule{V4: true, Priority: 50, Action: kernel.ToTable, Table: 100, To: netip.MustParsePrefix("0.0.0.0/0")}
	pod := everything
	pod.Priority, pod.Selective = 40, true
	for _, c := range []struct {
		rules  []kernel.Rule
		judged int
	}{{[]kernel.Rule{everything}, 1}, {[]kernel.Rule{pod, everything}, 0}, {[]kernel.Rule{everything}, 0}, {[]kernel.Rule{pod}, 1}} {
		table.due = nil
		table.slots[0].clear(flagQueued)
		k.rules = c.rules
		if table.readRules(t.Context()); len(table.due) != c.judged {
			t.Errorf("%v: %d routes are judged again, want %d", c.rules, len(table.due), c.judged)
		}
	}
}

// withRules is a kernel with the rules that a test gives it.
type withRules struct {
	*kernelfake.Kernel
	rules []kernel.Rule
}

func (r *withRules) Rules(context.Context) ([]kernel.Rule, error) { return r.rules, nil }

// TestRefusedByARuleThatIsNotReadYet: the kernel's refusal may be a rule's before
// the rule is known here, and is not said to be a route's.
func TestRefusedByARuleThatIsNotReadYet(t *testing.T) {
	const prohibit = 8 // rtm_type, and the action of a rule
	to, asked := netip.MustParsePrefix("10.1.0.0/16"), verdict{asked: netip.MustParseAddr("10.1.224.1")}
	refusal := []kernel.Route{{Type: prohibit}}
	table := &Table{}
	said := table.rival(packDst(to), asked, refusal)
	if !strings.HasPrefix(said, "a policy rule or a route of another table") || !strings.Contains(said, "prohibit") {
		t.Errorf("it says %q", said)
	}
	table.rules = newRuleset([]kernel.Rule{{Priority: 60, V4: true, To: to, Action: prohibit}})
	if said := table.rival(packDst(to), asked, refusal); !strings.HasPrefix(said, "policy rule 60") {
		t.Errorf("with the rule known it says %q", said)
	}
}
