//go:build unix

package filemode_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/filemode"
)

func TestModes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, folder   fs.FileMode
		secret         bool
		changeableSays string
	}{
		{0o600, 0o755, true, ""}, {0o640, 0o755, true, ""}, {0o400, 0o700, true, ""},
		{0o644, 0o755, false, ""}, {0o660, 0o755, false, ""}, {0o604, 0o755, false, ""},
		{0o666, 0o755, false, "every user can change"}, {0o602, 0o755, false, "every user can change"},
		{0o600, 0o777, true, "every user can replace"}, {0o600, 0o777 | fs.ModeSticky, true, ""},
	} {
		for name, mode := range map[string]fs.FileMode{path: c.file, dir: c.folder} {
			if err := os.Chmod(name, mode); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := filemode.Secret(path, info); (err == nil) != c.secret || err != nil && !strings.Contains(err.Error(), "chmod 0600 "+path) {
			t.Errorf("%v as a secret: %v", c.file, err)
		}
		if says := filemode.Changeable(path); (says == "") != (c.changeableSays == "") || !strings.Contains(says, c.changeableSays) {
			t.Errorf("%v in a folder %v: %q", c.file, c.folder, says)
		}
	}
	if says := filemode.Changeable(filepath.Join(dir, "gone", "f")); says != "" {
		t.Errorf("what is not there: %q", says)
	}
}
