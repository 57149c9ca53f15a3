//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab/system"
)

// TestAnAgentThatCannotSaveSaysSo: its state folder is gone. Routes, nodes and doctor
// say that and what to do, and with the folder back everything is programmed.
func TestAnAgentThatCannotSaveSaysSo(t *testing.T) {
	s := start(t, system.Options{})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	worker, err := s.Node("k8s-worker")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(worker.StateDir, "state")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CLI(t.Context(), "add", "Port3", "192.168.22.0/24", "192.168.20.1", "--timeout", "2s"); err != nil {
		t.Fatal(err)
	}
	shows := func(command ...string) func(parts ...string) {
		return func(parts ...string) {
			t.Helper()
			polltest.Until(t, strings.Join(command, " ")+" says "+strings.Join(parts, ", "), func() bool {
				res, err := s.CLI(t.Context(), command...)
				return err == nil && contains(res.Stdout, parts...)
			})
		}
	}
	const lost, remedy = "the state folder was deleted, moved or replaced", "Put the agent's state folder in the node back"
	shows("get")("192.168.22.0/24", "NOT_SAVED on k8s-worker: changes after revision 1 would not survive a restart", lost)
	shows("nodes", "-o", "json")(lost, remedy)
	diagnosed(t, s, 9, "warn  node k8s-worker: changes after revision 1", lost, "hint: "+remedy, "FAIL  1 route WAITING NOT_SAVED on k8s-worker: changes after revision 1", lost)
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	diagnosed(t, s, 0, "ok    node k8s-worker: connected, 2 routes programmed", "ok    routes: nothing is wrong with the 2 ")
}
