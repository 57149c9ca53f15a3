//go:build !windows

package diskspace

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Free is what an ordinary user may still write beside path.
func Free(path string) (uint64, error) {
	var s unix.Statfs_t
	dir := filepath.Dir(path)
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return s.Bavail * uint64(s.Bsize), nil
}
