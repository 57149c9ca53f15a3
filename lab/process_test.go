//go:build linux

package lab_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

func helperProcess(l *lab.Lab, helper string) lab.ProcessOptions {
	return lab.ProcessOptions{Name: helper, NS: l.NS(lab.Host), Path: "/proc/self/exe", Env: []string{helperVar + "=" + helper}}
}

func logHas(l *lab.Lab, name, text string) func(context.Context) error {
	return func(context.Context) error {
		b, err := os.ReadFile(filepath.Join(l.StateDir, "logs", name+".log"))
		if err == nil && !strings.Contains(string(b), text) {
			err = errors.New("not in the log yet")
		}
		return err
	}
}

func TestProcess(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := labtest.New(t, lab.Options{Workers: -1, NoPods: true})
	o := helperProcess(l, "term")
	o.Ready = logHas(l, "term", "waiting")
	p, err := l.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := p.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait for a running process: %v", err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Wait(t.Context()); err == nil || err.Error() != "exit status 7" {
		t.Errorf("ended with %v, want exit status 7", err)
	}
	if err := p.Kill(); err != nil {
		t.Errorf("kill after the end: %v", err)
	}
}

func TestProcessNotReady(t *testing.T) {
	l := labtest.New(t, lab.Options{Workers: -1, NoPods: true})
	o := helperProcess(l, "netns")
	o.Ready = func(context.Context) error { return errors.New("never") }
	if _, err := l.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "ended before it was ready") || !strings.Contains(err.Error(), "net:[") {
		t.Errorf("a process that ends: %v", err)
	}
	o = helperProcess(l, "sleep")
	if _, err := l.Start(t.Context(), lab.ProcessOptions{Name: "x", NS: l.NS("none")}); err == nil {
		t.Error("started without a namespace")
	}
	o.Ready, o.ReadyTimeout = lab.ReadySocket(filepath.Join(l.StateDir, "none.sock")), 50*time.Millisecond
	if _, err := l.Start(t.Context(), o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a process that is never ready: %v", err)
	}
}

func TestCloseKillsProcesses(t *testing.T) {
	labtest.Require(t)
	l, err := lab.New(t.Context(), lab.Options{Workers: -1, NoPods: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Start(t.Context(), helperProcess(l, "sleep"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("the process runs on")
	}
	if err := syscall.Kill(p.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is not collected: %v", err)
	}
}

func TestFindBinaries(t *testing.T) {
	dir := t.TempDir()
	if _, err := lab.FindBinaries(dir); err == nil || !strings.Contains(err.Error(), lab.BinVar) {
		t.Errorf("in an empty folder: %v", err)
	}
	for _, name := range []string{"hcsrouted", "hcsroute", "hcsroute-agent"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(lab.BinVar, dir)
	b, err := lab.FindBinaries("")
	if err != nil || b.Agent != filepath.Join(dir, "hcsroute-agent") {
		t.Errorf("by %s: %v, %v", lab.BinVar, b, err)
	}
	if err := os.Chmod(b.CLI, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.FindBinaries(dir); err == nil || !strings.Contains(err.Error(), "not an executable") {
		t.Errorf("with a file that is no program: %v", err)
	}
}
