package boltstore

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// fullErrors are what a full disk or quota answers.
func fullErrors() []error {
	return []error{windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED}
}

// tryLock takes the exclusive lock of f, or says that another has it. The
// locked byte lies behind the content, which others must be able to read.
func tryLock(f *os.File) (ok bool, err error) {
	at := &windows.Overlapped{Offset: math.MaxUint32 - 1}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

// dropLock gives a lock up, then removes its file, which is not possible while it is
// open: neither here nor where another process has it by now.
func dropLock(f *os.File, path string) error {
	err := f.Close()
	_ = os.Remove(lockPath(path))
	return err
}

// unlock is not possible here: bbolt's lock belongs to its handle.
func unlock(*os.File) (ok bool) { return false }

// canReplaceOpen says that an open file can be renamed and replaced.
const canReplaceOpen = false

// syncDir does nothing: Windows has no way to sync a directory, and NTFS
// journals its entries.
func syncDir(string) error { return nil }

// noFollow is not needed: only administrators make links.
const noFollow = 0

// links is how many names a file has; here nobody else could have given it one.
func links(os.FileInfo) uint64 { return 1 }
