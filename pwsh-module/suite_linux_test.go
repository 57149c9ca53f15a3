package pwshmodule_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSuiteSaysWhyItDoesNotRun: a PowerShell that cannot run the suite is no
// pass, and fails CI; only where there is none CI goes on.
func TestSuiteSaysWhyItDoesNotRun(t *testing.T) {
	root, bin := t.TempDir(), t.TempDir()
	script := filepath.Join(root, ".ci", "pwsh-suite")
	if err := os.Mkdir(filepath.Dir(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte(read(t, filepath.Join("..", ".ci", "pwsh-suite"))), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"sh", "dirname", "head", "ls", "tail"} { // and no pwsh
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, program)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, powershell, says string
		inCI                   int
	}{
		{"none", "", "SKIPPED (no pwsh;", 0},
		{"broken", "echo no ICU package; exit 134", "no ICU package\nPowerShell suite: SKIPPED (PWSH does not start", 1},
		{"bare", "exit 0", "SKIPPED (PWSH has no Pester 5;", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			pwsh := ""
			if c.powershell != "" {
				pwsh = filepath.Join(t.TempDir(), "pwsh")
				if err := os.WriteFile(pwsh, []byte("#!/bin/sh\n"+c.powershell+"\n"), 0o700); err != nil { //nolint:gosec // a program
					t.Fatal(err)
				}
			}
			for ci, want := range map[string]int{"": 0, "true": c.inCI} {
				cmd := exec.CommandContext(t.Context(), "sh", script)
				cmd.Env = []string{"PATH=" + bin, "PWSH=" + pwsh, "CI=" + ci}
				out, _ := cmd.CombinedOutput()
				text := string(out)
				if pwsh != "" {
					text = strings.ReplaceAll(text, pwsh, "PWSH")
				}
				if code := cmd.ProcessState.ExitCode(); code != want || !strings.Contains(text, c.says) {
					t.Errorf("CI=%s: exit code %d, want %d, and %q in\n%s", ci, code, want, c.says, text)
				}
			}
		})
	}
}
