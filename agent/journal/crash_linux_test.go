package journal

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/desired"
	"github.com/hcsroute/hcsroute/routes"
)

// childEnv holds the folder that a re-exec'ed test works in.
const childEnv = "HCSROUTE_JOURNAL_CHILD"

const toggled = 40

// toggle is the change that leads to the next revision: it depends on nothing
// but the revision, so that the parent can compute every set.
func toggle(t testing.TB, s *desired.State) desired.Change {
	r := route(t, int(s.Version.Revision)%toggled, 256)
	_, held := s.Set.Get(r.Key())
	return change(t, s, r, held)
}

// TestCrashChild is the child of TestKill: it changes the set until it is killed.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		t.Skip("only as a child of TestKill")
	}
	j, s, _ := open(t, dir)
	if !s.Complete() {
		s = *build(t, 0)
		must(t, j.Replace(&s))
	}
	var running *Compaction
	for i := 1; ; i++ {
		must(t, j.Append(&s, toggle(t, &s)))
		fmt.Printf("acked %d\n", s.Version.Revision)
		switch i % 17 {
		case 5:
			running = j.Begin(&s)
		case 9:
			running.Write()
			must(t, j.Finish(running))
		case 13:
			must(t, j.Append(&s, toggle(t, &s), toggle(t, &s)))
			must(t, j.Replace(&s))
		}
	}
}

// TestKill kills a process at random moments of its work: what it leaves is
// the set of the last acknowledged change or of a later one.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	for range rounds {
		acked := runAndKill(t, dir)
		j, s, log := open(t, dir)
		if s.Version.Revision < acked || strings.Contains(log.String(), "moved aside") {
			t.Fatalf("revision %d was acknowledged, %d is there: %s", acked, s.Version.Revision, log)
		}
		want := build(t, 0)
		for want.Version.Revision < s.Version.Revision {
			toggle(t, want)
		}
		if s.Set.Digest() != want.Set.Digest() {
			t.Fatalf("revision %d has digest %s, want %s", s.Version.Revision, s.Set.Digest(), want.Set.Digest())
		}
		must(t, j.Close())
	}
}

func runAndKill(t *testing.T, dir string) (acked routes.Revision) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestCrashChild$")
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	kill := time.Duration(0)
	for lines.Scan() {
		n, ok := strings.CutPrefix(lines.Text(), "acked ")
		if !ok {
			t.Fatalf("the child failed: %s", lines.Text())
		}
		rev, err := strconv.ParseUint(n, 10, 64)
		must(t, err)
		acked = routes.Revision(rev)
		if kill == 0 {
			kill = time.Duration(1 + rand.IntN(int(20*time.Millisecond)))
			time.AfterFunc(kill, func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || acked == 0 {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return acked
}

// TestDiskFullChild runs in namespaces of its own, on a tmpfs of 64 KiB.
func TestDiskFullChild(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		t.Skip("only as a child of TestDiskFull")
	}
	must(t, unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	j, _, _ := open(t, dir)
	s := build(t, 10)
	must(t, j.Replace(s))
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the file system does not fill up: %v", err)
	}
	var pending []desired.Change
	acked := s.Version
	for len(pending) == 0 {
		c := toggle(t, s)
		if err := j.Append(s, c); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				t.Fatalf("Append on a full disk: %v", err)
			}
			pending = append(pending, c)
			continue
		}
		acked = s.Version
	}
	pending = append(pending, toggle(t, s))
	if err := j.Append(s, pending...); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the retry on a full disk: %v", err)
	}
	if err := j.Replace(s); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("Replace on a full disk: %v", err)
	}
	c := j.Begin(s)
	c.Write()
	if err := j.Finish(c); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("a compaction on a full disk: %v", err)
	}
	j, old, log := reopen(t, j)
	if old.Version != acked || log.Len() > 0 {
		t.Fatalf("the acknowledged set is %+v, read %+v: %s", acked, old.Version, log)
	}
	must(t, os.Remove(ballast))
	must(t, j.Append(s, pending...))
	if _, got, _ := reopen(t, j); got.Version != s.Version {
		t.Fatalf("with space again: got %+v, want %+v", got.Version, s.Version)
	}
	fmt.Println("disk full: proved")
}

// TestDiskFull fills a real file system: the old set stays valid, and the
// change goes through when there is space again.
func TestDiskFull(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestDiskFullChild$", "-test.v")
	cmd.Env = append(os.Environ(), childEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("this system forbids user namespaces:", err)
	}
	if err != nil || !strings.Contains(string(out), "disk full: proved") {
		t.Fatalf("%v\n%s", err, out)
	}
}
