package routes_test

import (
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestProtocolName: a number is always named, at least by itself.
func TestProtocolName(t *testing.T) {
	for number, want := range map[uint32]string{2: "kernel", 4: "static", 17: "mrouted or kube-router", 196: "static (FRR)", 99: "99", 258: "258"} {
		if got := routes.ProtocolName(number); got != want {
			t.Errorf("%d: %s, want %s", number, got, want)
		}
	}
}
