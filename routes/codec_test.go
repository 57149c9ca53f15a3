package routes_test

import (
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestAppendInterface proves that folding in place is what FoldAlias does.
func TestAppendInterface(t *testing.T) {
	for _, alias := range []string{"", "Port3", "PORT3", "port3", "vEthernet (Türkisch İ)", "Ünter[@`{", "Kelvin K", "a\xffB"} {
		if got, want := string(routes.AppendInterface([]byte("x"), alias)), "x"+routes.FoldAlias(alias)+"\x00"; got != want {
			t.Errorf("%q: %q, want %q", alias, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { routes.AppendInterface(make([]byte, 0, 16), "Port3") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
