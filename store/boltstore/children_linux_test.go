package boltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

func children() map[string]func(string) error {
	return map[string]func(string) error{
		"full-disk": childFullDisk, "read-only": childReadOnly, "sync-fails": childSyncFails, "size-limit": childSizeLimit,
		"add": childAdd, "create": childCreate, "hold": childHold,
	}
}

// child prepares this test binary to play a part.
func child(mode, path string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"="+mode, "BOLTSTORE_TEST_PATH="+path)
	return cmd
}

// inNamespace gives the child mounts of its own, without root.
func inNamespace(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return cmd
}

func runChild(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || bytes.Contains(out, []byte("child skipped")) {
		t.Skipf("no user namespaces here: %v %s", err, out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestFullDisk(t *testing.T)       { runChild(t, inNamespace(child("full-disk", t.TempDir()))) }
func TestReadOnlyFolder(t *testing.T) { runChild(t, inNamespace(child("read-only", t.TempDir()))) }
func TestSyncFails(t *testing.T)      { runChild(t, child("sync-fails", dbPath(t))) }
func TestSizeLimit(t *testing.T)      { runChild(t, child("size-limit", dbPath(t))) }

// childFullDisk fills a real file system under the store, frees it again, and
// does so several times.
func childFullDisk(dir string) error {
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=6m"); err != nil {
		return fmt.Errorf("child skipped: %w", err)
	}
	s, err := Open(dir+"/a.db", Options{})
	if err != nil {
		return err
	}
	next, acknowledged := 0, 0
	for round := range 5 {
		if err := fillUp(dir + "/ballast"); err != nil {
			return err
		}
		met := false
		for range 2000 {
			if err = addOne(s, next); err != nil {
				met = true
				break
			}
			next++
			acknowledged++
		}
		if !met || routes.ReasonOf(err) != routes.DiskFull || s.Info().Err == nil {
			return fmt.Errorf("round %d: after %d adds: %w", round, next, err)
		}
		// A large batch fails as a whole as well.
		if _, err := s.Apply(context.Background(), asking(adds(100_000, 5000)...)); routes.ReasonOf(err) != routes.DiskFull {
			return fmt.Errorf("round %d: batch: %w", round, err)
		}
		recs, _, err := s.List(context.Background(), store.Query{})
		if err != nil || len(recs) != acknowledged {
			return fmt.Errorf("round %d: %d records, want %d, %w", round, len(recs), acknowledged, err)
		}
		if _, err := s.Backup(context.Background(), io.Discard); routes.ReasonOf(err) != routes.DiskFull {
			return fmt.Errorf("round %d: backup: %w", round, err)
		}
		if _, _, err := s.Compact(context.Background()); round == 0 && routes.ReasonOf(err) != routes.DiskFull {
			return fmt.Errorf("round %d: compaction: %w", round, err)
		}
		if err := os.Remove(dir + "/ballast"); err != nil {
			return err
		}
		if err := addOne(s, next); err != nil {
			return fmt.Errorf("round %d: space is back, but %w", round, err)
		}
		next++
		acknowledged++
		if err := errors.Join(sound(s), infoError(s)); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = Open(dir+"/a.db", Options{}); err != nil {
		return err
	}
	if n := s.Info().Version.Count; n != uint64(acknowledged) {
		return fmt.Errorf("%d routes, %d were acknowledged", n, acknowledged)
	}
	return errors.Join(sound(s), s.Close())
}

func infoError(s *Store) error {
	if err := s.Info().Err; err != nil {
		return err
	}
	return nil
}

// fillUp takes all space that is left.
func fillUp(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for {
			if _, err = f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return nil
}

// childReadOnly opens stores on a file system that is read-only.
func childReadOnly(dir string) error {
	if err := unix.Mount("none", dir, "tmpfs", 0, "size=6m"); err != nil {
		return fmt.Errorf("child skipped: %w", err)
	}
	s, err := Open(dir+"/a.db", Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(addOne(s, 1), s.Close(), unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "")); err != nil {
		return err
	}
	for _, name := range []string{"/a.db", "/b.db", "/c/d.db"} {
		_, err := Open(dir+name, Options{})
		if routes.ReasonOf(err) != routes.StoreFailed || !errors.Is(err, syscall.EROFS) {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// childSyncFails has the kernel itself fail every fdatasync from a moment on
// (seccomp), as a broken disk does.
func childSyncFails(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	for n := range 5 {
		if err := addOne(s, n); err != nil {
			return err
		}
	}
	if err := failSyscall(unix.SYS_FDATASYNC, unix.EIO); err != nil {
		return fmt.Errorf("child skipped: %w", err)
	}
	if err := unix.Fdatasync(1); err != unix.EIO {
		return fmt.Errorf("the fault is not there: %w", err)
	}
	for range 3 {
		if err := addOne(s, 5); routes.ReasonOf(err) != routes.StoreFailed || !errors.Is(err, syscall.EIO) {
			return fmt.Errorf("with a disk that fails: %w", err)
		}
	}
	if infoError(s) == nil {
		return errors.New("the store says that it is well")
	}
	recs, _, err := s.List(context.Background(), store.Query{})
	if err != nil || len(recs) != 5 {
		return fmt.Errorf("%d records, %w", len(recs), err)
	}
	return sound(s)
}

// failSyscall makes a system call fail for all threads of the process.
func failSyscall(number uint32, errno unix.Errno) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if e != 0 {
		return e
	}
	return nil
}

// childSizeLimit meets the process's limit on file sizes: EFBIG.
func childSizeLimit(path string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 16, Max: old.Max}); err != nil {
		return err
	}
	if _, err := s.Apply(context.Background(), asking(adds(0, 9000)...)); routes.ReasonOf(err) != routes.DiskFull {
		return fmt.Errorf("above the limit: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if _, err := s.Apply(context.Background(), asking(adds(0, 9000)...)); err != nil {
		return err
	}
	// A copy that cannot be written to its end sends nothing, and leaves the store as it is.
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 16, Max: old.Max}); err != nil {
		return err
	}
	var sent bytes.Buffer
	if _, err := s.Backup(context.Background(), &sent); routes.ReasonOf(err) != routes.DiskFull || sent.Len() > 0 || s.Info().Err != nil {
		return fmt.Errorf("a copy above the limit: %d bytes sent, %w", sent.Len(), err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if err := addOne(s, 9000); err != nil {
		return err
	}
	return errors.Join(sound(s), s.Close())
}
