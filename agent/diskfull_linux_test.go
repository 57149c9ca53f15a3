package agent_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/routes"
)

// diskEnv holds the folder of TestDiskFullChild.
const diskEnv = "HCSROUTE_AGENT_TEST_DISK"

// TestDiskFullChild runs in user, mount and network namespaces of its own,
// with the agent's state on a small tmpfs.
func TestDiskFullChild(t *testing.T) {
	dir := os.Getenv(diskEnv)
	if dir == "" {
		t.Skip("only as a child of TestDiskFull")
	}
	must(t, unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	r, h := newRigIn(t, dir), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	s := r.sync(h)
	ballast := filepath.Join(dir, "ballast")
	fill := func() {
		if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("the file system does not fill up: %v", err)
		}
	}
	fill()
	// The page that the log ends in has room for some changes yet.
	saved := h.Version
	for i := range 200 {
		s.Send(t, h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, uint32(300+i))}))
		s.Until(t, "an answer", func() bool {
			return s.Last.GetAlarm() != "" || s.Last.GetVersion().GetRevision() == uint64(h.Version.Revision)
		})
		if s.Last.GetAlarm() != "" {
			break
		}
		saved = h.Version
	}
	if alarm := s.Last.GetAlarm(); !strings.Contains(alarm, "no space left") || s.Last.Version.GetRevision() != uint64(saved.Revision) {
		t.Fatalf("alarm %q, revision %d reported, %d saved", alarm, s.Last.Version.GetRevision(), saved.Revision)
	}
	s.Send(t, h.Change([]routes.Route{route(t, "10.3.0.0/16", hop, 256)}))
	// A restart goes back to what was saved; the host brings the rest.
	r.restart()
	s = r.open(h)
	if got := s.Hello.Version.GetRevision(); got != uint64(saved.Revision) {
		t.Fatalf("after a restart revision %d, saved was %d", got, saved.Revision)
	}
	s.SendSet(t, h)
	s.Until(t, "the alarm", func() bool { return s.Last.GetAlarm() != "" })
	must(t, os.Remove(ballast))
	s.Carried(t, h)
	if s.Last.Alarm != "" {
		t.Fatalf("with space again: %q", s.Last.Alarm)
	}
	r.restart()
	r.open(h).Carried(t, h)
	t.Log("disk full: proved")
}

// TestDiskFull: a change that cannot be saved is not reported as carried out.
func TestDiskFull(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestDiskFullChild$", "-test.v")
	cmd.Env = append(os.Environ(), diskEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("SKIPPED: this system forbids user namespaces: ", err)
	}
	if err != nil || !strings.Contains(string(out), "disk full: proved") {
		t.Fatalf("%v\n%s", err, out)
	}
}
