package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
)

// TestBashCompletesWithoutThePackage presses TAB in a real bash on a terminal
// that has no package bash-completion.
func TestBashCompletesWithoutThePackage(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs bash;", err)
	}
	s := clitest.Start(t, clitest.Options{})
	stdout, stderr, code := run(t, "", map[string]string{"HCSROUTE_ADDRESS": s.Address}, "add", "Port3", "2001:db8:71::/48", "2001:db8:20::1")
	if code != 0 {
		t.Fatal(stdout, stderr)
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "hcsroute")) // TestMain goes by the name
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, shell := openTerminal(t)
	cmd := exec.Command(bash, "--noprofile", "--norc", "-i")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = shell, shell, shell
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin", "HCSROUTE_ADDRESS=" + s.Address, "TERM=dumb", "INPUTRC=/dev/null", "PS1=$ ", "HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shell.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var seen bytes.Buffer
	expect := func(typed, want string) {
		t.Helper()
		seen.Reset()
		if _, err := terminal.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		for again := 0; !strings.Contains(seen.String(), want); {
			_ = terminal.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, err := terminal.Read(buf)
			seen.Write(bytes.ReplaceAll(buf[:n], []byte("\a"), nil))
			if errors.Is(err, os.ErrDeadlineExceeded) && again < 12 {
				// A completion gives the service up after a second; on a busy machine one tries again.
				again++
				_, err = terminal.WriteString("\t")
			}
			if err != nil || strings.Contains(seen.String(), "not found") {
				t.Fatalf("after %q no %q: %v\n%s", typed, want, err, seen.String())
			}
		}
	}
	const clear = "\x15" // control-U: an empty line
	expect("source <(hcsroute completion bash); declare -F _get_comp_words_by_ref || echo with''out\r", "without")
	expect("hcsroute expl\t", "hcsroute explain")
	expect(clear+"hcsroute get --output=wi\t", "--output=wide")
	expect(clear+"hcsroute remove Po\t", "remove Port")
	expect(clear+"hcsroute remove Port3 2001:db8\t", "2001:db8:71::/48")
	expect(clear+"hcsroute wa --output=wide\x01\x1bf\x1bf\t\t", "watch")
}

// openTerminal returns both ends of a pseudo terminal.
func openTerminal(t *testing.T) (terminal, shell *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip("needs a pseudo terminal;", err)
	}
	terminal = os.NewFile(uintptr(fd), "/dev/ptmx") // not blocking, so that reads have deadlines
	t.Cleanup(func() { terminal.Close() })
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		shell, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return terminal, shell
}
