//go:build linux

package lab_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/privilege"
	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

// startLab runs a program in a lab inside this one, and returns it with the
// state folder that it printed.
func startLab(t *testing.T, helper string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVar+"="+helper)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	dir, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if helper == "lab-term" {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return cmd, strings.TrimSpace(dir)
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := lab.Wait(ctx, what, ok); err != nil {
		t.Error(err)
	}
}

// processes returns the ids in this process namespace, with their parents.
func processes(t *testing.T) map[int]int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	list := map[int]int{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		// The name in parentheses may hold spaces.
		after := strings.Fields(string(b)[strings.LastIndex(string(b), ")")+1:])
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			t.Fatal(err)
		}
		if list[pid], err = strconv.Atoi(after[1]); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func child(list map[int]int, parent int) int {
	for pid, p := range list {
		if p == parent {
			return pid
		}
	}
	return 0
}

func mounts(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNothingOutlivesKill(t *testing.T) {
	labtest.Require(t)
	if own, err := os.Readlink("/proc/self"); err != nil || own != strconv.Itoa(os.Getpid()) {
		t.Skip("this system does not let the lab mount /proc, so its processes cannot be listed")
	}
	// How many steps below the outer process the killed one is.
	for name, depth := range map[string]int{"outer process": 0, "first process": 1, "program": 2} {
		for _, helper := range []string{"lab", "lab-plain"} {
			t.Run(name+" of "+helper, func(t *testing.T) {
				before, mountsBefore := processes(t), mounts(t)
				cmd, dir := startLab(t, helper)
				during := processes(t)
				if len(during) != len(before)+4 {
					t.Errorf("%d processes, want 4 more than %d", len(during), len(before))
				}
				victim := cmd.Process.Pid
				for range depth {
					victim = child(during, victim)
				}
				if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				err := cmd.Wait()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || depth > 0 && exit.ExitCode() != 137 {
					t.Errorf("ended with %v, want 137", err)
				}
				waitFor(t, "the end of all processes", func() bool { return len(processes(t)) == len(before) })
				waitFor(t, "the end of "+dir, func() bool {
					_, err := os.Stat(filepath.Dir(dir))
					return errors.Is(err, os.ErrNotExist)
				})
				if mounts(t) != mountsBefore {
					t.Error("the mounts changed")
				}
			})
		}
	}
}

func TestSignalAndExitCodePassThrough(t *testing.T) {
	labtest.Require(t)
	cmd, _ := startLab(t, "lab-term")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("ended with %v, want exit code 7", err)
	}
}

// limit sets a limit of the user namespace of this lab for one test.
func limit(t *testing.T, name, value string) {
	t.Helper()
	path := "/proc/sys/user/" + name
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := os.WriteFile(path, old, 0); err != nil {
			t.Error(err)
		}
	})
}

func TestRefusalNamesSetting(t *testing.T) {
	labtest.Require(t)
	requireOwnUserNS(t)
	limit(t, "max_user_namespaces", "0")
	limit(t, "max_net_namespaces", "0")
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), helperVar+"=lab")
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("entered")
	}
	for _, want := range []string{"user.max_user_namespaces is 0", "user.max_net_namespaces is 0", "sysctl -w user.max_user_namespaces=", "no space left on device"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("text lacks %q: %s", want, out)
		}
	}
}

func TestFallsBackToPlainRoot(t *testing.T) {
	labtest.Require(t)
	requireOwnUserNS(t)
	limit(t, "max_user_namespaces", "0")
	cmd, _ := startLab(t, "lab-term")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("ended with %v, want exit code 7", err)
	}
}

// requireOwnUserNS keeps a test that sets limits from setting the system's.
func requireOwnUserNS(t *testing.T) {
	t.Helper()
	if !privilege.Alone() {
		t.Skip("the lab has no user namespace of its own")
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	labtest.Require(t)
	requireOwnUserNS(t)
	before := mounts(t)
	// Room for three labs: namespaces that stayed would use it up.
	limit(t, "max_net_namespaces", "40")
	for range 8 {
		var l *lab.Lab
		// The kernel takes closed namespaces away a little later.
		waitFor(t, "room for a lab", func() bool {
			var err error
			l, err = lab.New(t.Context(), lab.Options{})
			return err == nil
		})
		if l == nil {
			t.Fatal("no lab")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(l.StateDir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("state folder: %v", err)
		}
	}
	if after := mounts(t); after != before {
		t.Errorf("mounts changed from\n%s\nto\n%s", before, after)
	}
}

func TestFailedNewLeavesNothing(t *testing.T) {
	labtest.Require(t)
	requireOwnUserNS(t)
	before := mounts(t)
	limit(t, "max_net_namespaces", "5")
	if _, err := lab.New(t.Context(), lab.Options{}); err == nil {
		t.Fatal("came up with too few namespaces")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lab.New(ctx, lab.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
	if after := mounts(t); after != before {
		t.Errorf("mounts changed from\n%s\nto\n%s", before, after)
	}
}

func TestOutside(t *testing.T) {
	labtest.Require(t)
	t.Setenv("HCSROUTE_LAB_DIR", t.TempDir())
	if _, err := lab.New(t.Context(), lab.Options{}); !errors.Is(err, lab.ErrOutside) {
		t.Errorf("New outside: %v", err)
	}
}

func TestUncaughtSignalEnds(t *testing.T) {
	labtest.Require(t)
	cmd, _ := startLab(t, "lab-term")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("SIGINT ended it with %v, want 130", err)
	}
}

func TestContextEndsEnter(t *testing.T) {
	labtest.Require(t)
	cmd, _ := startLab(t, "lab-cancel")
	if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil { // ends its context
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 143 {
		t.Errorf("the end of the context ended it with %v, want 143", err)
	}
}
