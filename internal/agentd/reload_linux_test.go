package agentd

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

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
	write("log: {level: loud}\n")
	hangup()
	says(t, p.log, "nothing was reloaded", "agent.yaml:1: log.level")
	write("log: {level: debug}\nresync_interval: 5s\n")
	hangup()
	says(t, p.log, "msg=reloaded keys=[log.level]", "a restart is needed", "keys=[resync_interval]")
	syncSet(t, p, agenttest.NewHost("store-1", "Port3", mac))
}
