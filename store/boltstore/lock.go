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
	f, err := os.OpenFile(lockPath(path), os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err == nil {
		err = unlinked(f, lockPath(path))
	}
	if err != nil {
		_ = f.Close()
		return nil, openError(path, err)
	}
	deadline := time.Now().Add(wait)
	again := time.NewTicker(20 * time.Millisecond) // flock has no timeout
	defer again.Stop()
	for {
		ok, err := tryLock(f)
		if err != nil {
			_ = f.Close()
			return nil, openError(path, err)
		}
		if ok {
			break
		}
		if time.Now().After(deadline) {
			holder := readHolder(f)
			_ = f.Close()
			return nil, &routes.Error{
				Reason: routes.Unavailable, Field: "store", Value: path, Problem: "in use by " + holder,
				Action: "Stop the other instance, or give this one a store of its own", Params: map[string]string{"holder": holder},
			}
		}
		<-again.C
	}
	// Who holds it is a help only: a full disk must not keep the store closed.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
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
