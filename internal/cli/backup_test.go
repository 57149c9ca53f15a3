package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
)

// TestBackupKeepsAFileMadeMeanwhile: without --force a backup replaces nothing,
// also what was not there when it began.
func TestBackupKeepsAFileMadeMeanwhile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "store.bak")
	s := clitest.Start(t, clitest.Options{BackedUp: func() {
		if err := os.WriteFile(path, []byte("another's"), 0o600); err != nil {
			t.Error(err)
		}
	}})
	backup := func(args ...string) (string, int) {
		var out bytes.Buffer
		code := Main(context.Background(), Streams{In: strings.NewReader(""), Out: &out, Err: &out, Getenv: func(name string) string {
			return map[string]string{"HCSROUTE_ADDRESS": s.Address}[name]
		}}, append([]string{"backup", path}, args...))
		return out.String(), code
	}
	if out, code := backup(); code != 2 || !strings.Contains(out, "it exists") || !strings.Contains(out, "--force") {
		t.Errorf("exit %d: %s", code, out)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "another's" {
		t.Errorf("the file made meanwhile has %d bytes, %v", len(content), err)
	}
	if out, code := backup("--force"); code != 0 {
		t.Errorf("exit %d: %s", code, out)
	}
	if info, err := os.Stat(path); err != nil || info.Size() < 4096 {
		t.Errorf("%v %v", info, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("it left %v, %v", files, err)
	}
}

// TestBackupWithoutHardLinks: the way for file systems without them replaces
// nothing either.
func TestBackupWithoutHardLinks(t *testing.T) {
	for name, put := range map[string]func(temp, path string) error{"links": putNew, "none": putReserved} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			temp, path := filepath.Join(dir, "temp"), filepath.Join(dir, "store.bak")
			if err := os.WriteFile(temp, []byte("first"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(temp, path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(temp, []byte("second"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := put(temp, path); !errors.Is(err, fs.ErrExist) {
				t.Errorf("put over a file: %v", err)
			}
			for file, want := range map[string]string{path: "first", temp: "second"} {
				if content, err := os.ReadFile(file); err != nil || string(content) != want {
					t.Errorf("%s: %q %v", file, content, err)
				}
			}
		})
	}
}
