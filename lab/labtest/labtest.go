//go:build linux

package labtest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/hcsroute/hcsroute/lab"
)

// problemVar carries the reason from Main to the tests, where the system
// forbids the namespaces.
const problemVar = "HCSROUTE_LABTEST_PROBLEM"

// Main is the TestMain of a package that uses the lab; pass its result to
// [os.Exit]. Where the system forbids the lab, the tests run outside and
// [Require] skips those that need it.
func Main(ctx context.Context, m *testing.M) int { return enter(ctx, m, lab.EnterOptions{}) }

// MainAsRoot is [Main] for tests that need the rights of real root in the lab.
func MainAsRoot(ctx context.Context, m *testing.M) int {
	return enter(ctx, m, lab.EnterOptions{PlainRoot: true})
}

func enter(ctx context.Context, m *testing.M, o lab.EnterOptions) int {
	entry, err := lab.Enter(ctx, o)
	if err != nil {
		if err := os.Setenv(problemVar, err.Error()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}
	if !entry.Inside {
		return entry.ExitCode
	}
	return m.Run()
}

// Require skips the test where the system forbids the lab.
func Require(tb testing.TB) {
	tb.Helper()
	if problem := os.Getenv(problemVar); problem != "" {
		tb.Skip(problem)
	}
}

// New brings up the vendor's diagram for a test, and takes it away after it.
func New(tb testing.TB, o lab.Options) *lab.Lab {
	tb.Helper()
	Require(tb)
	return clean(tb)(lab.New(tb.Context(), o))
}

// Bare brings up bare nodes for a test, and takes them away after it.
func Bare(tb testing.TB, count int) *lab.Lab {
	tb.Helper()
	Require(tb)
	return clean(tb)(lab.Bare(tb.Context(), count))
}

func clean(tb testing.TB) func(*lab.Lab, error) *lab.Lab {
	return func(l *lab.Lab, err error) *lab.Lab {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := l.Close(); err != nil {
				tb.Error(err)
			}
		})
		return l
	}
}
