//go:build linux

package guide

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const repository = "../.."

func page(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(repository + "/" + strings.Join(path, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOldGoIsToldWhatToType: where Debian's own Go is too old or missing, make
// prints the lines that README.md has.
func TestOldGoIsToldWhatToType(t *testing.T) {
	version := regexp.MustCompile(`(?m)^go (.*)$`).FindStringSubmatch(page(t, "go.mod"))
	if version == nil {
		t.Fatal("go.mod names no Go")
	}
	_, block, _ := strings.Cut(page(t, "README.md"), "where Go is too old):\n\n```sh\n")
	block, _, ok := strings.Cut(block, "```")
	if !ok || !strings.Contains(block, "https://go.dev/dl/go"+version[1]+".linux-") {
		t.Fatalf("README.md does not say how to install Go %s:\n%s", version[1], block)
	}
	old := t.TempDir() + "/go"
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho go version go1.19.8 linux/amd64\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	for arch, tools := range map[string]string{
		"amd64": "dpkg() { echo amd64; }", "arm64": "dpkg() { return 127; }; uname() { echo aarch64; }",
	} {
		for _, name := range []string{old, "no-such-go"} {
			cmd := exec.Command("sh", "-c", tools+"; . ./.ci/check-go", ".ci/check-go", name)
			cmd.Dir = repository
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Fatalf("check-go %s: %v\n%s", name, err, out)
			}
			var typed strings.Builder
			for _, m := range regexp.MustCompile(`(?m)^    (.*\n)`).FindAllStringSubmatch(string(out), -1) {
				typed.WriteString(m[1])
			}
			if want := strings.ReplaceAll(block, "$(dpkg --print-architecture)", arch); typed.String() != want {
				t.Errorf("check-go %s on %s prints\n%swant, as README.md has it,\n%s", name, arch, out, want)
			}
		}
	}
}
