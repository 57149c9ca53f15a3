package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
)

// asProgram makes the test's own executable the program.
const asProgram = "HCSROUTE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run())
	}
	os.Exit(m.Run())
}

// TestAnInterruptEndsWatch: what control-C sends ends a watch quietly, with the
// shells' code for it.
func TestAnInterruptEndsWatch(t *testing.T) {
	s := clitest.Start(t, clitest.Options{})
	program := func(args ...string) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), self, args...)
		cmd.Env = append(os.Environ(), asProgram+"=1", "HCSROUTE_ADDRESS="+s.Address)
		return cmd
	}
	if out, err := program("add", "Port3", "192.168.21.0/24", "192.168.20.1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	watch := program("watch")
	var errs bytes.Buffer
	watch.Stderr = &errs
	out, err := watch.StdoutPipe()
	if err == nil {
		err = watch.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = watch.Process.Kill() })
	defer stuck.Stop()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "CURRENT  192.168.21.0/24") {
		t.Errorf("the first line is %q", lines.Text())
	}
	if err := watch.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	for lines.Scan() {
		t.Errorf("a line too many: %q", lines.Text())
	}
	if err := watch.Wait(); watch.ProcessState.ExitCode() != 130 || errs.Len() > 0 {
		t.Errorf("%v, errors %q", err, errs.String())
	}
}
