package boltstore

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/routes"
)

// lockPath is the file whose lock says that a process has the store open. It
// is not the store's own, which changes with a compaction or a restore.
func lockPath(path string) string { return path + ".lock" }

// lockStore takes the lock, or fails after wait naming who holds it. The lock
// ends with the process, however that ends; the file stays.
func lockStore(path string, wait time.Duration) (*os.File, error) {
	deadline := time.Now().Add(wait)
	again := time.NewTicker(20 * time.Millisecond) // flock has no timeout
	defer again.Stop()
	for {
		f, err := openLock(path)
		if err != nil {
			return nil, openError(path, err)
		}
		locked, err := tryLock(f)
		if err != nil {
			_ = f.Close()
			return nil, openError(path, err)
		}
		if locked && leadsTo(lockPath(path), f) {
			// Who holds it is a help only: a full disk must not keep the store closed.
			if err := f.Truncate(0); err == nil {
				_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
			}
			return f, nil
		}
		holder := readHolder(f)
		_ = f.Close()
		if time.Now().After(deadline) {
			return nil, &routes.Error{
				Reason: routes.Unavailable, Field: "store", Value: path, Problem: "in use by " + holder,
				Action: "Stop the other instance, or give this one a store of its own", Params: map[string]string{"holder": holder},
			}
		}
		<-again.C
	}
}

func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(lockPath(path), os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err == nil {
		err = unlinked(f, lockPath(path))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// leadsTo reports whether the name is still that of f: a lock on a file that was
// taken away meanwhile keeps nobody out.
func leadsTo(path string, f *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(named, open)
}

func readHolder(f *os.File) string {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	pid := strings.TrimSpace(string(b))
	if _, perr := strconv.Atoi(pid); err != nil || perr != nil {
		return "another process"
	}
	return fmt.Sprintf("process %s", pid)
}

// unlinked refuses a lock file that is another file as well: it is written to.
func unlinked(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || links(info) > 1 {
		return foreign(path, "the lock file is not a file of its own")
	}
	return nil
}
