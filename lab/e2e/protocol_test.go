//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/internal/polltest"
	"github.com/hcsroute/hcsroute/lab/system"
)

// agentOfProtocol builds the agent as a release with another version of the protocol
// has it.
func agentOfProtocol(t *testing.T, version string) string {
	t.Helper()
	const source = "../../internal/wire/agentapi/agentapi.go"
	path, err := filepath.Abs(source)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`(?m)^\tProtocol = \d+$`)
	if n := len(constant.FindAll(text, -1)); n != 1 {
		t.Fatalf("%d constants of the protocol's version in %s", n, source)
	}
	dir := t.TempDir()
	edited, overlay, program := filepath.Join(dir, "agentapi.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "hcsroute-agent")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: edited}})
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{edited: constant.ReplaceAll(text, []byte("\tProtocol = "+version)), overlay: replace} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-overlay", overlay, "-o", program, "../../cmd/hcsroute-agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the agent: %v\n%s", err, out)
	}
	return program
}

// TestAnAgentOfAnotherProtocol: a node whose agent is of another release has no
// session, and every command says so; its kernel keeps what it had, and the other
// node goes on.
func TestAnAgentOfAnotherProtocol(t *testing.T) {
	s := start(t, system.Options{})
	const odd, before, since, hop = "k8s-worker", "192.168.21.0/24", "192.168.22.0/24", "192.168.20.1"
	cli(t, s, 0, "add", "Port3", before, hop)
	ours := s.Binaries.Agent
	replaceAgent := func(program string) {
		t.Helper()
		if err := s.KillAgent(odd); err != nil {
			t.Fatal(err)
		}
		s.Binaries.Agent = program
		if err := s.StartAgent(t.Context(), odd); err != nil {
			t.Fatal(err)
		}
	}
	replaceAgent(agentOfProtocol(t, "250"))

	type nodeView struct {
		Name, State, Problem, Remedy string
		Connected                    bool
		Programmed                   int
	}
	node := func() (found nodeView) {
		t.Helper()
		var answer struct{ Nodes []nodeView }
		decode(t, cli(t, s, 0, "nodes", "-o", "json").Stdout, &answer)
		for _, n := range answer.Nodes {
			if n.Name == odd {
				found = n
			}
		}
		return found
	}
	// That the agent was killed shows first.
	polltest.Until(t, "nodes has both versions", func() bool {
		n := node()
		return !n.Connected && strings.Contains(n.Problem, "250")
	})
	n := node()
	if n.Programmed != 0 || n.Remedy == "" {
		t.Errorf("nodes: %+v", n)
	}

	if got := statusOf(t, s, odd, before, hop); got != "WAITING AGENT_UNREACHABLE" {
		t.Errorf("the stored route is %q there", got)
	}
	var added struct {
		Acknowledged bool
		Warnings     []struct {
			Code   string
			Params map[string]string
		}
	}
	decode(t, cli(t, s, 9, "add", "Port3", since, hop, "--timeout", "500ms", "-o", "json").Stdout, &added)
	if len(added.Warnings) == 0 || added.Warnings[0].Code != "NOT_PROGRAMMED" || added.Warnings[0].Params["node"] != odd || added.Warnings[0].Params["cause"] != "AGENT_UNREACHABLE" {
		t.Errorf("a change meanwhile: %+v", added)
	}
	for _, destination := range []string{before, since} {
		if master, worker := statusOf(t, s, "k8s-master", destination, hop), statusOf(t, s, odd, destination, hop); master != "PROGRAMMED" || worker != "WAITING AGENT_UNREACHABLE" {
			t.Errorf("%s: %q on the other node, %q there", destination, master, worker)
		}
	}
	if n := own(t, s, odd); n != 1 {
		t.Errorf("its kernel has %d of our routes, want the one that it had", n)
	}

	var doctor struct {
		Healthy bool
		Checks  []struct{ Name, Status, Message, Reason, Remedy string }
	}
	decode(t, cli(t, s, 8, "doctor", "-o", "json").Stdout, &doctor)
	found := false
	for _, c := range doctor.Checks {
		if c.Name == "node "+odd {
			found = c.Status == "fail" && c.Reason == "UNAVAILABLE" && strings.Contains(c.Message, n.Problem) && c.Remedy == n.Remedy
		}
	}
	if !found || doctor.Healthy {
		t.Errorf("doctor: %+v", doctor)
	}

	replaceAgent(ours)
	cli(t, s, 0, "wait", "--timeout", "60s")
	diagnosed(t, s, 0, "ok    node "+odd+": connected, 2 routes programmed")
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}
