//go:build linux

package lab_test

import (
	"context"
	"net/netip"
	"os"
	"testing"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

func TestMain(m *testing.M) {
	if helper := os.Getenv(helperVar); helper != "" {
		os.Exit(runHelper(context.Background(), helper))
	}
	os.Exit(labtest.Main(context.Background(), m))
}

func ping(t *testing.T, ns *lab.NS, dst string) lab.PingResult {
	t.Helper()
	r, err := lab.Ping(t.Context(), ns, netip.MustParseAddr(dst), lab.PingOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustPing(t *testing.T, ns *lab.NS, dst string) {
	t.Helper()
	if r := ping(t, ns, dst); !r.OK() {
		t.Errorf("%s -> %s: %v", ns.Name(), dst, r)
	}
}

func dump(t *testing.T, ns *lab.NS) string {
	t.Helper()
	text, err := ns.RouteDump()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func count(t *testing.T, r *lab.Recorder, dst string) int {
	t.Helper()
	n, err := r.Count(lab.To(netip.MustParseAddr(dst)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func record(t *testing.T, ns *lab.NS, link string) *lab.Recorder {
	t.Helper()
	r, err := lab.Capture(t.Context(), ns, link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}
