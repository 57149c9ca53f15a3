//go:build linux

package lab

import (
	"bytes"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

const natTable = "hcsroute-lab"

// masquerade installs the rule in the namespace of the calling thread.
func masquerade(n nat) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	family := nftables.TableFamilyIPv4
	if n.source.Addr().Is6() {
		family = nftables.TableFamilyIPv6
	}
	table := conn.AddTable(&nftables.Table{Family: family, Name: natTable})
	chain := conn.AddChain(&nftables.Chain{
		Name: "postrouting", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookPostrouting, Priority: nftables.ChainPriorityNATSource,
	})
	conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: n.expressions()})
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("masquerade %s by nftables: %w", n.source, err)
	}
	return nil
}

func (n nat) expressions() []expr.Any {
	var list []expr.Any
	if n.out != "" {
		name := append([]byte(n.out), bytes.Repeat([]byte{0}, unix.IFNAMSIZ-len(n.out))...)
		list = append(list,
			&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: name})
	}
	// The offsets of the addresses in the two headers.
	source, destination := uint32(12), uint32(16)
	if n.source.Addr().Is6() {
		source, destination = 8, 24
	}
	list = append(list, matchPrefix(source, n.source, expr.CmpOpEq)...)
	if n.except.IsValid() {
		list = append(list, matchPrefix(destination, n.except, expr.CmpOpNeq)...)
	}
	return append(list, &expr.Masq{})
}

func matchPrefix(offset uint32, p netip.Prefix, op expr.CmpOp) []expr.Any {
	p = p.Masked()
	size := uint32(p.Addr().BitLen() / 8)
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: size, Mask: ipNet(p).Mask, Xor: make([]byte, size)},
		&expr.Cmp{Op: op, Register: 1, Data: p.Addr().AsSlice()},
	}
}
