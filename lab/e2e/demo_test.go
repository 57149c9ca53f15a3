//go:build linux

package e2e

import (
	"bytes"
	"testing"

	"github.com/hcsroute/hcsroute/lab/demo"
	"github.com/hcsroute/hcsroute/lab/system"
)

func TestDemo(t *testing.T) {
	s := start(t, system.Options{})
	var out bytes.Buffer
	if err := demo.Run(t.Context(), s, demo.Options{Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
}
