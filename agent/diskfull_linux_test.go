package agent_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/agent/agenttest"
	"github.com/hcsroute/hcsroute/routes"
)

// diskEnv holds the folder of the children on a small disk.
const diskEnv = "HCSROUTE_AGENT_TEST_DISK"

// TestDiskFullChild runs in user, mount and network namespaces of its own,
// with the agent's state on a small tmpfs.
func TestDiskFullChild(t *testing.T) {
	dir := os.Getenv(diskEnv)
	if dir == "" {
		t.Skip("only as a child of TestDiskFull")
	}
	r, s, h, disk := smallDisk(t, dir)
	disk.fill()
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
	if kind := s.Last.GetAlarms()[0].GetKind(); kind != string(routes.AlarmDiskFull) {
		t.Errorf("an alarm of the kind %s", kind)
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
	disk.free()
	s.Carried(t, h)
	if s.Last.Alarm != "" {
		t.Fatalf("with space again: %q", s.Last.Alarm)
	}
	r.restart()
	r.open(h).Carried(t, h)
	t.Log("disk full: proved")
}

// TestSaveRetryChild runs as TestDiskFullChild does.
func TestSaveRetryChild(t *testing.T) {
	dir := os.Getenv(diskEnv)
	if dir == "" {
		t.Skip("only as a child of TestSaveRetry")
	}
	r, s, h, disk := smallDisk(t, dir)
	metric := uint32(300)
	for _, c := range []struct {
		name string
		more int    // changes that wait for the disk
		last string // destination of one more
	}{{"changes", 3, "10.3.0.0/16"}, {"more changes than are kept: the whole set", 1100, "10.4.0.0/16"}} {
		disk.fill()
		change := func() {
			metric++
			s.Send(t, h.Change([]routes.Route{route(t, "10.2.0.0/16", hop, metric)}))
		}
		for s.Last.GetAlarm() == "" {
			change()
			s.Until(t, "an answer", func() bool {
				return s.Last.GetAlarm() != "" || s.Last.GetVersion().GetRevision() == uint64(h.Version.Revision)
			})
		}
		for range c.more {
			change()
		}
		s.Send(t, h.Change([]routes.Route{route(t, c.last, hop, 256)}))
		// Once the last is in the kernel the host says nothing more: the agent
		// itself tries again.
		for limit := time.Now().Add(agenttest.Patience); !slices.Contains(r.held(), c.last+" via "+hop); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("%s: the kernel does not get the last", c.name)
			}
		}
		disk.free()
		s.Carried(t, h)
		s.Until(t, "the end of the alarm", func() bool { return s.Last.Alarm == "" })
		r.restart()
		s = r.open(h)
		if got := s.Hello.Version.GetRevision(); got != uint64(h.Version.Revision) {
			t.Fatalf("%s: after a restart revision %d, carried out was %d", c.name, got, h.Version.Revision)
		}
		s.Carried(t, h)
	}
	t.Log("save retry: proved")
}

// disk is a small file system.
type disk struct{ fill, free func() }

// smallDisk is an agent whose state is on a small tmpfs, with one route.
func smallDisk(t *testing.T, dir string) (*rig, *agenttest.Session, *agenttest.Host, disk) {
	t.Helper()
	must(t, unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"))
	r, h := newRigIn(t, dir), host()
	h.Change([]routes.Route{route(t, "10.1.0.0/16", hop, 256)})
	ballast := filepath.Join(dir, "ballast")
	return r, r.sync(h), h, disk{
		fill: func() {
			if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
				t.Fatalf("the file system does not fill up: %v", err)
			}
		},
		free: func() { must(t, os.Remove(ballast)) },
	}
}

// TestDiskFull: a change that cannot be saved is not reported as carried out.
func TestDiskFull(t *testing.T) { proveOnSmallDisk(t, "TestDiskFullChild", "disk full: proved") }

// TestSaveRetry: what could not be saved is saved when the disk allows it, with
// no help of the host, and is reported as carried out only then.
func TestSaveRetry(t *testing.T) { proveOnSmallDisk(t, "TestSaveRetryChild", "save retry: proved") }

func proveOnSmallDisk(t *testing.T, child, proof string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+child+"$", "-test.v")
	cmd.Env = append(os.Environ(), diskEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("this system forbids user namespaces:", err)
	}
	if err != nil || !strings.Contains(string(out), proof) {
		t.Fatalf("%v\n%s", err, out)
	}
}
