package routes_test

import (
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/routes"
)

// TestEachAlarmHasItsRemedy: of its own, and what to do in full sentences. Only an
// alarm that this version does not know leads to the log.
func TestEachAlarmHasItsRemedy(t *testing.T) {
	seen := map[string]routes.AlarmKind{}
	for _, kind := range []routes.AlarmKind{
		routes.AlarmDiskFull, routes.AlarmStateTaken, routes.AlarmUnsaved, routes.AlarmCertificate, routes.AlarmWithdrawn, routes.AlarmFoughtFor, "NEWER",
	} {
		remedy := kind.Remedy()
		if other, twice := seen[remedy]; twice || !strings.HasSuffix(remedy, ".") || strings.Contains(remedy, "journalctl") != (kind == "NEWER") {
			t.Errorf("%s: %q, as of %q", kind, remedy, other)
		}
		seen[remedy] = kind
	}
}
