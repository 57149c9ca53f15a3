//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/config"
	"github.com/hcsroute/hcsroute/lab/system"
)

// section is the text of a page under a heading.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/%s has no section %q", page, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// commands are the lines of a section that are to be typed, where the programs
// are installed or where they were built.
func commands(text string) (lines [][]string) {
	for _, m := range regexp.MustCompile(`(?m)^(?:    |hcsroute/bin/)hcsroute (.*)$`).FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Fields(m[1]))
	}
	return lines
}

// TestPagesMakeASystemThatWorks types what the operator guide and the
// automation page say, and runs the system on the certificates that come out.
func TestPagesMakeASystemThatWorks(t *testing.T) {
	agents := section(t, "operator-guide.md", "Installing")
	listener := section(t, "automation.md", "The remote listener")
	work := t.TempDir()
	run := func(s *system.System, args []string) string {
		t.Helper()
		cmd := s.Command(t.Context(), s.Binaries.CLI, args...)
		cmd.Dir = work
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("hcsroute %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	plain := start(t, system.Options{}) // only to run commands
	made := 0
	var last []string
	for _, args := range append(commands(agents), commands(listener)...) {
		switch {
		case args[0] != "certs":
			last = args
		case args[1] == "init" && made > 0: // the second page may use the same authority
		default:
			run(plain, args)
			made++
		}
	}
	if made != 8 || len(last) == 0 {
		t.Fatalf("%d certificates were made, then %q", made, last)
	}
	s := start(t, system.Options{TCP: &system.TCP{PKI: filepath.Join(work, "pki")}})
	cli(t, s, 0, "add", "Port3", "192.168.21.0/24", "192.168.20.1")
	if out := run(s, last); !strings.Contains(out, "192.168.21.0/24") {
		t.Errorf("hcsroute %q:\n%s", last, out)
	}
	for who, code := range map[string]int{"viewer": 7, "robot": 0} {
		remote(t, s, code, caller{who, filepath.Join(work, "pki")}, "add", "Port3", "192.168.22.0/24", "192.168.20.1")
	}
	remote(t, s, 0, caller{"lead", filepath.Join(work, "pki")}, "nodes", "adopt", "k8s-master", "--yes")
}

// TestPagesShowConfigurationsThatLoad: and that say what the lab runs.
func TestPagesShowConfigurationsThatLoad(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	dir := t.TempDir()
	load := func(text string, into func(config.Sources) error) {
		t.Helper()
		path := filepath.Join(dir, "page.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := into(config.Sources{File: path}); err != nil {
			t.Errorf("%v in:\n%s", err, text)
		}
	}
	found := blocks.FindAllStringSubmatch(section(t, "operator-guide.md", "Agents over TCP with certificates")+section(t, "automation.md", "The remote listener"), -1)
	if len(found) != 3 {
		t.Fatalf("%d configurations, want the service's, the agent's and the listener's", len(found))
	}
	load(found[0][1]+found[2][1], func(s config.Sources) error {
		c, err := config.LoadService(s)
		if err == nil && (c.Listen.Remote == nil || c.Listen.Remote.Address.String() != system.RemoteAddress || c.Agents.TLS.IsZero()) {
			t.Errorf("the service: %+v", c)
		}
		return err
	})
	load(found[1][1], func(s config.Sources) error {
		c, err := config.LoadAgent(s)
		if err == nil && c.Listen[0].String() != "tcp://"+agentAddress {
			t.Errorf("the agent: %+v", c)
		}
		return err
	})
}
