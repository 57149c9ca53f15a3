package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const events = `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN TestA\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: no team driver in this kernel\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p"}
`

func run(t *testing.T, input, skips string, ci bool) (string, bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "skips")
	if err := os.WriteFile(path, []byte(skips), 0o600); err != nil {
		t.Fatal(err)
	}
	allowed, err := loadDeclared(path)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s := newSummary(&out)
	if err := read(strings.NewReader(input), s); err != nil {
		t.Fatal(err)
	}
	ok := s.print(allowed, ci)
	return out.String(), ok
}

func TestSkipsAreToldAndInCIMustBeDeclared(t *testing.T) {
	out, ok := run(t, events, "", false)
	if !ok || !strings.Contains(out, "SKIPPED p.TestB: b_test.go:7: no team driver in this kernel (CI does not accept this skip)\n") || !strings.Contains(out, "\n1 passed, 0 failed, 1 skipped\n") {
		t.Errorf("outside CI: %v\n%s", ok, out)
	}
	if out, ok := run(t, events, "", true); ok {
		t.Errorf("an undeclared skip passes in CI:\n%s", out)
	}
	if out, ok := run(t, events, `^p\.TestB$ # no team driver`, true); !ok {
		t.Errorf("a declared skip fails in CI:\n%s", out)
	}
}

func TestChildrenAreNoTests(t *testing.T) {
	child := strings.Replace(events, "no team driver in this kernel", "only as a child of TestKill", 1)
	if out, ok := run(t, child, "", true); !ok || !strings.Contains(out, "\n1 passed, 0 failed, 0 skipped\n") {
		t.Errorf("%v\n%s", ok, out)
	}
}

func TestFailuresFail(t *testing.T) {
	failed := strings.Replace(events, `"pass","Package":"p","Test":"TestA"`, `"fail","Package":"p","Test":"TestA"`, 1)
	if out, ok := run(t, failed, "", false); ok || !strings.Contains(out, "--- FAILED p TestA") {
		t.Errorf("%v\n%s", ok, out)
	}
	broken := `{"Action":"build-output","ImportPath":"p","Output":"syntax error\n"}
{"Action":"fail","Package":"p"}
`
	if out, ok := run(t, broken, "", false); ok || !strings.Contains(out, "syntax error") || !strings.Contains(out, "0 passed, 1 failed") {
		t.Errorf("%v\n%s", ok, out)
	}
	if out, ok := run(t, "", "", false); ok {
		t.Errorf("nothing ran, yet it passes:\n%s", out)
	}
}

// TestUnfinishedTestsAreNamed: a package that runs out of time says in which test.
func TestUnfinishedTestsAreNamed(t *testing.T) {
	const hung = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: test timed out after 10m0s\n"}
{"Action":"fail","Package":"p","Elapsed":600}
`
	out, ok := run(t, hung, "", false)
	if ok || !strings.Contains(out, "--- FAILED p TestB\npanic: test timed out after 10m0s\n") || !strings.Contains(out, "\n1 passed, 1 failed, 0 skipped\n") {
		t.Errorf("%v\n%s", ok, out)
	}
}
