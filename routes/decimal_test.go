package routes_test

import (
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

func TestParseDecimal(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "7": 7, " 100 ": 100, "65536": 65536, "18446744073709551615": 1<<64 - 1} {
		if n, err := routes.ParseDecimal(text); err != nil || n != want {
			t.Errorf("%q: %d %v", text, n, err)
		}
	}
	for text, problem := range map[string]string{
		"": "not a number", " ": "not a number", "0100": "write 100", "00": "write 0", "0x64": "digits only", "0b1": "digits only", "0o7": "digits only",
		"1_000": "digits only", "+1": "a sign", "-1": "a sign", "-0": "a sign", "1e2": "digits only", "100.0": "digits only", "1 0": "digits only",
		"١٠٠": "digits only", "abc": "digits only", "18446744073709551616": "larger",
	} {
		if n, err := routes.ParseDecimal(text); err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: %d %v, want %q", text, n, err, problem)
		}
	}
}
