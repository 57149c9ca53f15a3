package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// asOwner calls fn to make files in the store's folder. Only the folder's owner
// may do so, or root, which then works with that owner's rights: whatever else
// that user has put there, such as a link, leads to nothing that is not its own.
func asOwner(path string, fn func() error) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			info, err = os.Stat(dir)
		}
	}
	if err != nil {
		return err
	}
	owner, self := ownerOf(info), os.Geteuid()
	switch present, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !present.Mode().IsRegular():
		return foreign(path, "it is not a regular file")
	case owner.Uid != ownerOf(present).Uid && (self != 0 || owner.Uid != 0):
		return foreign(path, fmt.Sprintf("it belongs to uid %d, its folder to uid %d", ownerOf(present).Uid, owner.Uid))
	}
	switch {
	case info.Mode().Perm()&0o002 != 0:
		return foreign(path, "everybody may write its folder")
	case int(owner.Uid) == self:
		return fn()
	case self != 0:
		return foreign(path, fmt.Sprintf("its folder belongs to uid %d, this is uid %d", owner.Uid, self))
	}
	done := make(chan error, 1)
	go func() {
		// The thread keeps these rights, and ends with the goroutine.
		runtime.LockOSThread()
		err := takeRights(owner)
		if err == nil {
			err = fn()
		}
		done <- err
	}()
	return <-done
}

func ownerOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }

// takeRights gives this thread the rights of an owner on files.
func takeRights(owner *syscall.Stat_t) error {
	// Root's own groups go as well; a user namespace may forbid that, and has none then.
	_, _, _ = unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
	_, _ = unix.SetfsgidRetGid(int(owner.Gid))
	_, _ = unix.SetfsuidRetUid(int(owner.Uid))
	// These calls do not fail, they tell what is so now.
	if uid, _ := unix.SetfsuidRetUid(-1); uid != int(owner.Uid) {
		return fmt.Errorf("the rights of uid %d cannot be taken", owner.Uid)
	}
	return nil
}

// like gives a new file owner and mode of the one whose place it takes.
func like(path string, old os.FileInfo) error {
	if old == nil {
		return nil
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if now, want := ownerOf(info), ownerOf(old); now.Uid != want.Uid || now.Gid != want.Gid {
		if err := os.Chown(path, int(want.Uid), int(want.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, old.Mode().Perm())
}
