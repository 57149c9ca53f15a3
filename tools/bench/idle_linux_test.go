package bench

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestWakings: a process that works now and then wakes up, one that has been
// stopped does not.
func TestWakings(t *testing.T) {
	begin := func(script string) (*waking, int) {
		cmd := exec.Command("sh", "-c", script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		w := newWaking(cmd.Process.Pid)
		t.Cleanup(w.close)
		return w, cmd.Process.Pid
	}
	restless, _ := begin("while :; do sleep 0.02; done")
	stopped, pid := begin("kill -STOP $$")
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatal(status, err)
	}
	deadline := time.Now().Add(time.Minute)
	for first := true; restless.windows < 5; first = false {
		for _, w := range []*waking{stopped, restless} {
			if err := w.look(first); err != nil {
				t.Fatal(err)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d windows in which a process ran that never rests for long", restless.windows)
		}
		time.Sleep(window)
	}
	if stopped.windows != 0 {
		t.Errorf("%d windows in which a stopped process ran", stopped.windows)
	}
}
