// Package polltest is for tests that wait for what sends no event.
package polltest

import (
	"testing"
	"time"
)

// patience is for a machine that does a lot else.
const patience = time.Minute

// Until asks until ok holds; less and less often, for some conditions start a program.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	limit := time.After(patience)
	for pause := 200 * time.Microsecond; !ok(); pause = min(2*pause, 200*time.Millisecond) {
		select {
		case <-limit:
			t.Fatalf("not within %s: %s", patience, what)
		case <-time.After(pause):
		}
	}
}
