package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/agent/agenttest"
)

// TestReload: SIGHUP does not end the agent. What can be is reloaded, what
// needs a restart is named, and a bad file changes nothing.
func TestReload(t *testing.T) {
	addNIC(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.yaml")
	write := func(text string) { must(t, os.WriteFile(file, []byte(text), 0o600)) }
	write("log: {level: info}\n")
	p := start(t, dir, "--config", file)
	hangup := func() { must(t, p.cmd.Process.Signal(syscall.SIGHUP)) }
	says := func(words ...string) {
		t.Helper()
		for deadline := time.Now().Add(agenttest.Patience); ; time.Sleep(10 * time.Millisecond) {
			found := true
			for _, w := range words {
				found = found && strings.Contains(p.log.String(), w)
			}
			if found {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("no %q in\n%s", words, p.log)
			}
		}
	}
	write("log: {level: loud}\n")
	hangup()
	says("nothing was reloaded", "agent.yaml:1: log.level")
	write("log: {level: debug}\nresync_interval: 5s\n")
	hangup()
	says("msg=reloaded keys=[log.level]", "a restart is needed", "keys=[resync_interval]")
	syncSet(t, p, agenttest.NewHost("store-1", "Port3", mac))
}
