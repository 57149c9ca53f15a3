package kernelfake_test

import (
	"net/netip"
	"testing"

	"github.com/hcsroute/hcsroute/agent/kernel"
	"github.com/hcsroute/hcsroute/agent/kernel/kernelfake"
	"github.com/hcsroute/hcsroute/agent/kernel/kerneltest"
	"github.com/hcsroute/hcsroute/routes"
)

func TestConformance(t *testing.T) {
	kerneltest.Run(t, func(*testing.T) kerneltest.Node {
		k := kernelfake.New(157)
		k.AddLink(kernel.Link{Index: link, Name: "eth0", MAC: "02:00:00:00:00:01", Up: true, Lower: true, Addresses: []kernel.Address{
			{Prefix: netip.MustParsePrefix("10.200.0.1/24")}, {Prefix: netip.MustParsePrefix("fd00:200::1/64")},
		}})
		return node{k}
	})
}

const link = 7

type node struct{ fake *kernelfake.Kernel }

func (n node) Kernel() kernel.Kernel       { return n.fake }
func (n node) Link() int32                 { return link }
func (n node) SetUp(_ *testing.T, up bool) { n.fake.SetUp(link, up) }

func (n node) ForeignAdd(_ *testing.T, legs ...kernel.Route)     { n.fake.ForeignAdd(legs...) }
func (n node) ForeignReplace(_ *testing.T, legs ...kernel.Route) { n.fake.ForeignReplace(legs...) }

func (n node) ForeignDelete(_ *testing.T, r kernel.Route) {
	n.fake.ForeignDelete(func(o kernel.Route) bool { return o.FIBEntry == r.FIBEntry && o.Protocol == r.Protocol })
}

func (n node) ForeignDeleteKey(_ *testing.T, key routes.FIBKey) { n.fake.ForeignDeleteKey(key) }
func (n node) AskBefore(_ *testing.T, table uint32)             { n.fake.AskBefore(table) }
