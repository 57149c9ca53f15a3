//go:build linux

package boot_test

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/lab/boot"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

func TestMain(m *testing.M) {
	if boot.Problem() != nil {
		os.Exit(m.Run())
	}
	os.Exit(labtest.MainAsRoot(context.Background(), m))
}

func TestTerminal(t *testing.T) {
	if err := boot.Problem(); err != nil {
		t.Skip(err)
	}
	l := labtest.Bare(t, 1)
	node := l.Nodes()[0]
	m, err := boot.Start(t.Context(), boot.Options{Name: node.Name, NS: l.NS(node.Name), Dir: node.StateDir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	term, err := m.Open(ctx, "GREETING=hello")
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	mark := "/etc/hcsroute-boot-test"
	for _, c := range []struct {
		lines  []string
		react  *boot.Reaction
		output string
		code   int
	}{
		{lines: []string{"echo $GREETING; hostname; pwd"}, output: "hello\n" + node.Name + "\n/root\n"},
		{lines: []string{"cd /etc", "pwd"}, output: "/etc\n"},
		{lines: []string{"cat <<'END'", "one", "$two", "END"}, output: "one\n$two\n"},
		{lines: []string{"false"}, code: 1},
		{lines: []string{"tput cols"}, output: "80\n"},
		{lines: []string{"read -p 'sure? [y/N] ' a; echo got $a"}, react: &boot.Reaction{At: regexp.MustCompile(`\[y/N\] $`), Type: "y\n"}, output: "sure? [y/N] got y\n"},
		// The program itself shows that it runs: before that Ctrl-C is the shell's.
		{lines: []string{"sh -c 'echo begun; exec sleep 1000'"}, react: &boot.Reaction{At: regexp.MustCompile("begun"), Type: "\x03"}, output: "begun\n\n", code: 130},
		{lines: []string{"cat /proc/1/comm"}, output: "systemd\n"},
		{lines: []string{"echo 1 > /proc/sys/kernel/pid_max"}, output: "bash: /proc/sys/kernel/pid_max: Read-only file system\n", code: 1},
		{lines: []string{"echo here > " + mark + " && cat " + mark}, output: "here\n"},
	} {
		var a boot.Answer
		for _, line := range c.lines {
			if a, err = term.Type(ctx, line, c.react); err != nil {
				t.Fatal(err)
			}
		}
		if a.Output != c.output || a.Code != c.code || a.More {
			t.Errorf("%s\n shows %q, code %d, more %v\nwant   %q, code %d", strings.Join(c.lines, "\n"), a.Output, a.Code, a.More, c.output, c.code)
		}
	}
	if _, err := os.Stat(mark); err == nil {
		t.Errorf("what the machine writes is in this system: %s", mark)
	}
	if text, err := os.ReadFile(m.Path(mark)); err != nil || string(text) != "here\n" {
		t.Errorf("what the machine has written, from outside: %q, %v", text, err)
	}
}
