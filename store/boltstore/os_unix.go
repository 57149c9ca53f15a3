//go:build !windows

package boltstore

import (
	"errors"
	"os"
	"syscall"
)

// fullErrors are what a full disk, quota or file size limit answers.
func fullErrors() []error { return []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} }

// tryLock takes the exclusive lock of f, or says that another has it.
func tryLock(f *os.File) (ok bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// dropLock removes the file of a lock, then gives the lock up: whoever waits for it finds
// that its name is gone.
func dropLock(f *os.File, path string) error {
	return errors.Join(removeTemp(lockPath(path)), f.Close())
}

// unlock gives up the lock, so that the file can be opened a second time while
// readers of the first opening finish.
func unlock(f *os.File) (ok bool) { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) == nil }

// canReplaceOpen says that an open file can be renamed and replaced.
const canReplaceOpen = true

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// noFollow opens no symbolic link.
const noFollow = syscall.O_NOFOLLOW

// links is how many names a file has.
func links(info os.FileInfo) uint64 {
	return uint64(info.Sys().(*syscall.Stat_t).Nlink) //nolint:unconvert // its type differs between systems
}
