//go:build linux

package guide

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/lab/boot"
	"github.com/hcsroute/hcsroute/lab/labtest"
)

func TestMain(m *testing.M) {
	if missing() != "" {
		os.Exit(m.Run())
	}
	os.Exit(labtest.MainAsRoot(context.Background(), m))
}

// TestGuideTyped types every block of commands of the operator guide, from its
// first line to its last, at the terminals of systems that have just booted, and
// then what makes a remote listener. Each line must succeed, and show what the
// page shows.
func TestGuideTyped(t *testing.T) {
	list := read(t, "operator-guide.md", "")
	list = append(list, read(t, "automation.md", "The remote listener")...)
	s := newSite(t)
	situations, last := s.situations(), ""
	for _, b := range list {
		if prepare := situations[b.heading]; b.heading != last && prepare != nil {
			prepare()
		}
		last = b.heading
		for _, machine := range machines()[b.where] {
			s.block(machine, b)
		}
	}
	// What the guide enables starts with the system, and needs nobody then.
	for _, machine := range []string{"host", "k8s-worker"} {
		s.reboot(machine)
	}
	s.until("k8s-worker", "ip route show proto hcsroute", func(out string) bool { return strings.Contains(out, "192.168.21.0/24") })
	s.until("host", "hcsroute doctor", func(out string) bool {
		return strings.Contains(out, "ok    node k8s-master: connected") && strings.Contains(out, "ok    node k8s-worker: connected")
	})
}

// read reads the blocks of a page, or of one section.
func read(t *testing.T, name, section string) []block {
	t.Helper()
	list, err := blocks(page(t, "docs", name), section)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(list) == 0 {
		t.Fatalf("%s has no blocks of commands", name)
	}
	for i := range list {
		list[i].page = name
	}
	return list
}

// situations bring about what a section of the guide is written for.
func (s *site) situations() map[string]func() {
	return map[string]func(){"A store that has lost something (STORE_BEHIND)": func() {
		const store = "/var/lib/hcsroute/hcsroute.db"
		s.do("host", "systemctl stop hcsrouted && cp "+store+" older && systemctl start hcsrouted")
		s.do("host", "hcsroute add Port3 192.168.24.0/24 192.168.20.1")
		s.do("host", "systemctl stop hcsrouted && cat older > "+store+" && systemctl start hcsrouted")
		s.until("host", "hcsroute store behind", func(out string) bool {
			return strings.Contains(out, "k8s-master") && strings.Contains(out, "k8s-worker")
		})
	}}
}

// block types a block and compares what its last command shows.
func (s *site) block(machine string, b block) {
	s.Helper()
	var a boot.Answer
	for i, line := range b.lines {
		where := fmt.Sprintf("%s:%d: %s", b.page, b.first+i+1, line)
		a = s.enter(machine, line, reaction(line))
		if a.Code != wanted(line) && !a.More {
			s.failed(machine, fmt.Sprintf("%s\nends with code %d:\n%s", where, a.Code, a.Output))
		}
		if asked := strings.Contains(a.Output, "[y/N]"); asked != strings.Contains(line, asks) {
			s.failed(machine, fmt.Sprintf("%s\nasks: %v, and the guide says otherwise:\n%s", where, asked, a.Output))
		}
		s.Logf("%s\n%s", where, a.Output)
	}
	if a.More {
		s.failed(machine, fmt.Sprintf("%s:%d: the block ends within a command", b.page, b.first))
	}
	if b.shown != "" && !shows(a.Output, b.shown) {
		s.failed(machine, fmt.Sprintf("%s:%d: the block shows\n%s\nwhere the page has\n%s", b.page, b.first, a.Output, b.shown))
	}
}

// The words of a line's comment that say what the reader does while it runs.
const (
	asks      = "then asks"
	interrupt = "Ctrl-C"
)

// reaction is what the comment behind a command has its reader do. A question
// that the guide does not mention is not answered.
func reaction(line string) *boot.Reaction {
	question := regexp.MustCompile(`\[y/N\] $`)
	switch {
	case strings.Contains(line, asks):
		return &boot.Reaction{At: question, Type: "y\n"}
	case strings.Contains(line, interrupt):
		return &boot.Reaction{At: regexp.MustCompile(`\n`), Type: "\x03"}
	}
	return &boot.Reaction{At: question, Type: "\x03"}
}

// wanted is the exit code of a line.
func wanted(line string) int {
	if strings.Contains(line, interrupt) {
		return 130
	}
	return 0
}
