package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/privilege"
)

// asOwner calls fn to make files in the store's folder. Only the folder's owner
// may do so, or root, which then works with the rights of the user who can change the way
// there: whatever that user has put on it, such as a link, leads to nothing that
// is not its own.
func asOwner(path string, fn func() error) error {
	self := os.Geteuid()
	if self != 0 || privilege.Alone() {
		return inFolderOf(self, path, fn)
	}
	owner, err := wayOwner(path)
	if err != nil {
		return err
	}
	if owner.Uid == 0 {
		return inFolderOf(self, path, fn)
	}
	done := make(chan error, 1)
	go func() {
		// The thread keeps these rights, and ends with the goroutine.
		runtime.LockOSThread()
		err := takeRights(owner)
		if err == nil {
			err = inFolderOf(int(owner.Uid), path, fn)
		}
		done <- err
	}()
	return <-done
}

// maxLinks on one way are a circle, as for the kernel.
const maxLinks = 40

// wayOwner is who can change the way to the folder of path, besides root: the
// owner of the first thing on it that is not root's, links included. Where all
// of it is root's, that is the owner.
func wayOwner(path string) (*syscall.Stat_t, error) {
	rest, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	at, links := "/", 0 // no link is left in at, so .. leads to its parent
	for {
		folder, err := os.Lstat(at)
		if err != nil {
			return nil, err
		}
		if rest == "" || ownerOf(folder).Uid != 0 {
			return ownerOf(folder), nil
		}
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		next := filepath.Join(at, part)
		info, err := os.Lstat(next)
		missing := errors.Is(err, fs.ErrNotExist)
		if folder.Mode().Perm()&0o002 != 0 && (missing || folder.Mode()&fs.ModeSticky == 0) {
			return nil, foreign(path, "everybody may change "+at+", which leads to it")
		}
		switch {
		case missing:
			return ownerOf(folder), nil
		case err != nil:
			return nil, err
		case info.Mode()&fs.ModeSymlink == 0:
			at = next
			continue
		case ownerOf(info).Uid != 0:
			return ownerOf(info), nil
		case links == maxLinks:
			return nil, &fs.PathError{Op: "open", Path: next, Err: syscall.ELOOP}
		}
		links++
		to, err := os.Readlink(next)
		if err != nil {
			return nil, err
		}
		if filepath.IsAbs(to) {
			at = "/"
		}
		rest = to + "/" + rest
	}
}

// inFolderOf calls fn where folder and file belong to the user self.
func inFolderOf(self int, path string, fn func() error) error {
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
	owner := ownerOf(info)
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
	case os.Geteuid() == 0:
		return foreign(path, fmt.Sprintf("its folder belongs to uid %d, the way to it to uid %d", owner.Uid, self))
	}
	return foreign(path, fmt.Sprintf("its folder belongs to uid %d, this is uid %d", owner.Uid, self))
}

func ownerOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }

// takeRights gives this thread the rights of an owner on files.
func takeRights(owner *syscall.Stat_t) error {
	// Root's own groups go as well; a user namespace may forbid that, and has none then.
	_, _, _ = unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0)
	_, _ = unix.SetfsgidRetGid(int(owner.Gid))
	_, _ = unix.SetfsuidRetUid(int(owner.Uid))
	// These calls do not fail; they return the ids in force.
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
