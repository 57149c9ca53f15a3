package hostd

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// journalled is the service as a process whose stderr is what JOURNAL_STREAM
// names; end stops it.
func journalled(t *testing.T, config string) (log *logFile, end func()) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	info, err := w.Stat()
	must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	cmd := exec.Command("/proc/self/exe", "--config", config)
	cmd.Env, cmd.Stderr = append(os.Environ(), serviceVar+"=1", fmt.Sprintf("JOURNAL_STREAM=%d:%d", stat.Dev, stat.Ino)), w
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	must(t, w.Close())
	log = &logFile{}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(log, r) // ends with the process
	}()
	return log, func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-copied
		_ = cmd.Wait()
		_ = r.Close()
	}
}

// TestLinesForTheJournal: the service's lines have priorities, also the last
// ones of a start that fails.
func TestLinesForTheJournal(t *testing.T) {
	config, _ := device(t)
	log, end := journalled(t, config)
	text := log.await(t, "msg=ready")
	end()
	for line := range strings.Lines(text + log.b.String()) {
		if !regexp.MustCompile(`^<[346]>level=(ERROR|WARN|INFO) msg=`).MatchString(line) {
			t.Errorf("the journal gets %q", line)
		}
	}
	must(t, os.WriteFile(config, []byte("log: {level: loud}\nlimits: {connections: 0}\n"), 0o600))
	log, end = journalled(t, config)
	text = log.await(t, "log.level")
	end()
	text += log.b.String()
	if !strings.HasPrefix(text, "<3>hcsrouted: ") || strings.Count(text, "\n") < 2 || strings.Count(text, "\n") != strings.Count("\n"+text, "\n<3>") {
		t.Errorf("the last words are %q", text)
	}
}
