package table

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/agent/kernel"
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
