//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/lab/system"
)

// TestAutomationPage: the page shows the example files as they are.
func TestAutomationPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/automation.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"addroute/main.go", "list_routes.py", "grpcurl.sh"} {
		example, err := os.ReadFile(filepath.Join("../../docs/examples", name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "\n"+string(example)+"```") {
			t.Errorf("docs/automation.md does not show docs/examples/%s as it is", name)
		}
	}
}

// TestAutomationExamples runs what the page shows.
func TestAutomationExamples(t *testing.T) {
	s := start(t, system.Options{})
	t.Run("Go", func(t *testing.T) {
		bin := filepath.Join(t.TempDir(), "addroute")
		if out, err := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", bin, "../../docs/examples/addroute").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for range 2 { // the second is a change of its own, not a retry of the first
			cli(t, s, 0, "remove", "Port3", "192.168.21.0/24", "--if-exists")
			out, err := s.Command(t.Context(), bin).Output()
			if err != nil || !contains(string(out), "k8s-master STATE_PROGRAMMED", "k8s-worker STATE_PROGRAMMED") {
				t.Fatalf("%v\n%s", err, out)
			}
		}
	})
	t.Run("Python", func(t *testing.T) {
		const python = "/usr/bin/python3"
		plugin, err := exec.LookPath("grpc_python_plugin")
		_, wellKnown := os.Stat("/usr/include/google/protobuf/timestamp.proto")
		if err != nil || wellKnown != nil || exec.Command(python, "-c", "import grpc").Run() != nil || exec.Command("protoc", "--version").Run() != nil {
			t.Skip("needs python3-grpcio and protobuf packages, which sh .ci/install-system installs as root")
		}
		stubs := t.TempDir()
		args := []string{"-I", "../../proto", "--python_out=" + stubs, "--grpc_python_out=" + stubs, "--plugin=protoc-gen-grpc_python=" + plugin}
		for _, pattern := range []string{"hcsroute/v1/*.proto", "google/api/*.proto"} {
			files, err := filepath.Glob("../../proto/" + pattern)
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, files...)
		}
		if out, err := exec.Command("protoc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		cmd := s.Command(t.Context(), python, "../../docs/examples/list_routes.py")
		cmd.Env = append(cmd.Env, "PYTHONPATH="+stubs)
		out, err := cmd.Output()
		if err != nil || !contains(string(out), "192.168.21.0/24 via 192.168.20.1 on Port3 PROGRAMMED", "refused: NOT_FOUND\n") {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	t.Run("grpcurl", func(t *testing.T) {
		if _, err := exec.LookPath("grpcurl"); err != nil {
			t.Skip("no grpcurl; make test builds it")
		}
		out, err := s.Command(t.Context(), "/bin/sh", "-e", "../../docs/examples/grpcurl.sh").Output()
		if err != nil || !contains(string(out), "hcsroute.v1.RouteService", `"destination": "192.168.21.0/24"`, `"ours": true`, "OUTCOME_REMOVED") {
			t.Fatalf("%v\n%s", err, out)
		}
		if n := own(t, s, "k8s-master"); n != 0 {
			t.Fatalf("removed, yet %d routes are in the kernel", n)
		}
	})
}
