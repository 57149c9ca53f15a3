package diskspace

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Free is what the caller may still write beside path.
func Free(path string) (uint64, error) {
	dir := filepath.Dir(path)
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return free, nil
}
