package hostvm_test

import (
	"context"
	"net/netip"
	"time"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/internal/latest"
	"github.com/hcsroute/hcsroute/routes"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// inventory is one that the test sets.
type inventory struct{ latest.Value[hostvm.Snapshot] }

func (*inventory) Run(ctx context.Context) error { <-ctx.Done(); return nil }

func port3() routes.Port {
	return routes.Port{Alias: "Port3", Link: routes.LinkStateUp, Addressing: routes.AddressingStatic, Switch: "vswitch-Port3", Addresses: []netip.Prefix{netip.MustParsePrefix("192.168.20.10/24")}}
}

func nodeAt(id, endpoint string) hostvm.Node {
	return hostvm.Node{ID: id, Name: id, Endpoint: endpoint}
}
