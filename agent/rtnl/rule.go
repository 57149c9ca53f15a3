package rtnl

import (
	"fmt"
	"net/netip"
	"strings"
)

// Rule is a policy rule (ip rule): which packets ask which table.
type Rule struct {
	V4       bool
	Priority uint32 // rules are asked in this order
	Action   uint8  // ToTable, or a refusal: 6 blackhole, 7 unreachable, 8 prohibit
	Table    uint32
	// To is what the rule selects by destination; all where it is of length 0.
	To netip.Prefix
	// Inverted rules select what does not match.
	Inverted bool
	// Selective rules look at more than the destination: source, mark, link,
	// user, ports. Others concern every packet to their destination.
	Selective bool
	// Suppresses says that the rule passes over some routes of its table.
	Suppresses bool
}

// ToTable is the action of a rule that asks a table (FR_ACT_TO_TBL).
const ToTable = 1

// String is the rule as an operator knows it from 'ip rule'.
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "policy rule %d:", r.Priority)
	if r.Inverted {
		b.WriteString(" not")
	}
	if r.To.Bits() > 0 {
		fmt.Fprintf(&b, " to %s", r.To)
	}
	if r.Selective {
		b.WriteString(" of some packets")
	}
	if r.Action == ToTable {
		fmt.Fprintf(&b, " lookup %d", r.Table)
	} else {
		fmt.Fprintf(&b, " %s", TypeName(r.Action))
	}
	return b.String()
}
