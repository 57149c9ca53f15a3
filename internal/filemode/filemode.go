// Package filemode reports whether files that others must not read or change
// are safe from them.
package filemode

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Secret refuses the file of a secret that anybody but its owner and the owner's
// group can read, or anybody but its owner can change.
func Secret(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); kept && mode&0o027 != 0 {
		return fmt.Errorf("its mode %04o lets others at it; run: chmod 0600 %s", mode, path)
	}
	return nil
}

// Changeable says how everybody can change what is at path; empty where
// nobody can but those whom the modes name, or where there is nothing.
func Changeable(path string) string {
	if !kept {
		return ""
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o002 != 0 {
		return fmt.Sprintf("every user can change %s (mode %04o); run: chmod o-w %s", path, info.Mode().Perm(), path)
	}
	folder := filepath.Dir(path)
	if info, err := os.Stat(folder); err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Sprintf("every user can replace %s (its folder has mode %04o); run: chmod o-w %s", path, info.Mode().Perm(), folder)
	}
	return ""
}
