package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hcsroute/hcsroute/internal/cli/clitest"
)

// TestRealService runs the commands against the real service and store.
func TestRealService(t *testing.T) {
	s := clitest.Start(t, clitest.Options{})
	env := map[string]string{"HCSROUTE_ADDRESS": s.Address}
	dir := t.TempDir()
	do := func(want int, args ...string) string {
		t.Helper()
		stdout, stderr, code := run(t, "", env, args...)
		if code != want {
			t.Fatalf("%v: code %d, want %d\n%s%s", args, code, want, stdout, stderr)
		}
		return stdout + stderr
	}
	contains := func(text, part string) {
		t.Helper()
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
	id := "00000000-0000-4000-8000-00000000000a"
	contains(do(0, "add", "port3", "192.168.21.0/24", "192.168.20.1", "-m", "100", "--request-id", id), "added 192.168.21.0/24")
	contains(do(0, "add", "port3", "192.168.21.0/24", "192.168.20.1", "-m", "100", "--request-id", id), "added 192.168.21.0/24")
	contains(do(4, "add", "port3", "192.168.31.0/24", "192.168.20.1", "--request-id", id), "REQUEST_ID_REUSED")
	contains(do(0, "set", "Port3", "192.168.21.0/24", "-m", "50"), "changed 192.168.21.0/24")
	contains(do(3, "add", "Port3", "192.168.22.1/24", "192.168.20.1"), "Use 192.168.22.0/24")
	contains(do(6, "add", "Port2", "192.168.22.0/24", "203.0.113.1"), "INTERFACE_NOT_STATIC")
	contains(do(0, "add", "Port3", "192.168.29.0/24", "192.168.20.1", "--dry-run"), "k8s-worker")
	do(5, "get", "192.168.29.0/24")
	contains(do(0, "get", "--metric", "50", "--ipv4", "--state", "PROGRAMMED", "-i", "Port*"), "192.168.21.0/24")

	file := filepath.Join(dir, "routes.yaml")
	exported := do(0, "export")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(do(0, "apply", file, "--prune"), "1 unchanged")
	do(0, "add", "Port3", "10.9.0.0/16", "192.168.20.1")
	contains(do(0, "apply", file, "--prune", "--yes"), "applied")
	if again := do(0, "export"); again != exported {
		t.Errorf("export after apply:\n%s\nbefore:\n%s", again, exported)
	}
	do(0, "add", "Port3", "192.168.21.0/24", "192.168.20.5", "-m", "60")
	swapped := filepath.Join(dir, "swapped.yaml")
	if err := os.WriteFile(swapped, []byte("- {interface: Port3, destination: 192.168.21.0/24, next_hop: 192.168.20.1, metric: 60}\n"+
		"- {interface: Port3, destination: 192.168.21.0/24, next_hop: 192.168.20.5, metric: 50}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(do(0, "apply", swapped, "--yes"), "applied")
	contains(do(0, "get", "--metric", "60", "-o", "name"), "192.168.20.1")
	do(0, "apply", file, "--prune", "--yes")
	do(5, "remove", "Port3", "192.168.21.0/24", "192.168.20.5")
	contains(do(0, "remove", "Port3", "192.168.21.0/24", "192.168.20.5", "--if-exists"), "nothing to remove")
	contains(do(0, "audit", "list", "-o", "wide"), id)
	contains(do(0, "audit", "verify"), "unbroken")
	contains(do(0, "explain", "192.168.21.15"), "hcsroute")
	contains(do(0, "interfaces", "-o", "wide"), "INTERFACE_NOT_STATIC: its address comes from DHCP")
	contains(do(0, "check"), "sound")
	contains(do(0, "compact"), "bytes before")
	do(0, "doctor")
	do(0, "wait")
	backup := filepath.Join(dir, "store.bak")
	do(0, "backup", backup)
	do(0, "remove", "Port3", "192.168.21.0/24")
	do(5, "get", "10.0.0.0/8")
	s.Stop()
	contains(do(0, "restore", backup, "--store", s.Store, "--yes"), "restored 1 routes")
	contains(do(0, "restore", backup, "--store", s.Store, "--yes", "-o", "yaml"), "routes: 1\n")
	s.Restart(t)
	if again := do(0, "export"); again != exported {
		t.Errorf("export after restore:\n%s", again)
	}
}

// TestRealBulk sends 10,000 routes through jsonl and as a file to the real service.
func TestRealBulk(t *testing.T) {
	s := clitest.Start(t, clitest.Options{})
	env := map[string]string{"HCSROUTE_ADDRESS": s.Address}
	var lines, csv bytes.Buffer
	csv.WriteString("interface,destination,next_hop\n")
	for r := range 50 {
		fmt.Fprintf(&lines, `{"v":1,"id":"r%d","op":"add","wait":"programmed","routes":[`, r)
		for i := range 200 {
			n := r*200 + i
			if i > 0 {
				lines.WriteByte(',')
			}
			fmt.Fprintf(&lines, `{"interface":"Port3","destination":"10.%d.%d.0/24","next_hop":"192.168.20.1"}`, n/256, n%256)
			fmt.Fprintf(&csv, "Port3,10.%d.%d.0/24,192.168.20.1\n", n/256, n%256)
		}
		lines.WriteString("]}\n")
	}
	start := time.Now()
	stdout, stderr, code := run(t, lines.String(), env, "jsonl")
	t.Logf("jsonl: 10,000 routes in %s", time.Since(start))
	if code != 0 || stderr != "" || strings.Count(stdout, `"created":200,`) != 50 {
		t.Fatalf("code %d, %d requests done, stderr %q, output %.500s", code, strings.Count(stdout, `"created":200,`), stderr, stdout)
	}
	start = time.Now()
	stdout, stderr, code = run(t, csv.String(), env, "add", "--from", "-")
	t.Logf("add --from: %s", time.Since(start))
	if code != 0 || !strings.Contains(stdout, "10000 unchanged") {
		t.Errorf("code %d %q %q", code, stdout, stderr)
	}
	start = time.Now()
	stdout, _, _ = run(t, `{"v":1,"id":"g","op":"get"}`, env, "jsonl")
	t.Logf("get: %s", time.Since(start))
	if got := strings.Count(stdout, `"destination"`); got != 10_000 {
		t.Errorf("get has %d routes", got)
	}
	// The audit of it is more than one page of the service's: all of it comes,
	// or it is said that there is more.
	for _, command := range []string{"remove", "add"} {
		if _, stderr, code = run(t, csv.String(), env, command, "--from", "-"); code != 0 {
			t.Fatalf("%s: code %d %q", command, code, stderr)
		}
	}
	for name, got := range map[string]answer{
		"list":  atRest(t, env, func(int) string { return ask(t, env, "", "audit", "list", "-o", "json") }),
		"jsonl": atRest(t, env, func(int) string { return ask(t, env, `{"v":1,"id":"a","op":"audit"}`, "jsonl") }),
	} {
		if n := strings.Count(got.text, `"sequence":`); n != got.records {
			t.Errorf("%s: %d of %d audit records", name, n, got.records)
		}
		if n := strings.Count(got.text, "10.39.15.0/24 "); n != 3 {
			t.Errorf("%s: the last route is in %d records", name, n)
		}
	}
	for missing, more := range []bool{false, true} {
		got := atRest(t, env, func(records int) string {
			_, stderr, _ := run(t, "", env, "audit", "list", "--limit", fmt.Sprint(records-missing))
			return stderr
		})
		if strings.Contains(got.text, "older records") != more {
			t.Errorf("a list of all but %d of %d records says %q", missing, got.records, got.text)
		}
	}
}

// answer is what a command said while the audit had so many records.
type answer struct {
	records int
	text    string
}

// atRest asks until no record came meanwhile: the service writes some by
// itself, such as the count of calls that changed nothing.
func atRest(t *testing.T, env map[string]string, ask func(records int) string) answer {
	t.Helper()
	for {
		before := newestRecord(t, env)
		if text := ask(before); newestRecord(t, env) == before {
			return answer{before, text}
		}
	}
}

func newestRecord(t *testing.T, env map[string]string) int {
	t.Helper()
	_, newest, _ := strings.Cut(ask(t, env, "", "audit", "list", "--limit", "1", "-o", "csv"), "\n")
	sequence, _, _ := strings.Cut(newest, ",")
	n, err := strconv.Atoi(sequence)
	if err != nil {
		t.Fatalf("the newest record is %.200q", newest)
	}
	return n
}

// ask runs a command that succeeds.
func ask(t *testing.T, env map[string]string, in string, args ...string) string {
	t.Helper()
	stdout, stderr, code := run(t, in, env, args...)
	if code != 0 {
		t.Fatalf("%v: code %d %s", args, code, stderr)
	}
	return stdout
}

// TestRealSilentNode: a pipeline waits for a silent node once, and a command
// no longer than its flag says.
func TestRealSilentNode(t *testing.T) {
	s := clitest.Start(t, clitest.Options{Silent: "k8s-worker"})
	env := map[string]string{"HCSROUTE_ADDRESS": s.Address}
	var in strings.Builder
	const requests = 60
	for i := range requests {
		fmt.Fprintf(&in, `{"v":1,"id":"%d","op":"add","wait":"programmed","timeout":2,"request_id":"00000000-0000-4000-8000-%012d","routes":[{"interface":"Port3","destination":"10.%d.0.0/16","next_hop":"192.168.20.1"}]}`+"\n", i, i, i)
	}
	start := time.Now()
	stdout, _, code := run(t, in.String(), env, "jsonl")
	if took := time.Since(start); code != 0 || took > time.Minute {
		t.Errorf("code %d, took %s", code, took)
	}
	if strings.Count(stdout, `"acknowledged":false`) != requests || strings.Count(stdout, `"code":"NOT_PROGRAMMED"`) != requests {
		t.Errorf("output %s", stdout)
	}
	_, stderr, code := run(t, "", env, "add", "Port3", "10.99.0.0/16", "192.168.20.1", "--timeout", "50ms")
	if code != 9 || !strings.Contains(stderr, "warning: NOT_PROGRAMMED") {
		t.Errorf("code %d %q", code, stderr)
	}
	// A file that changes nothing waits for its routes all the same.
	file := filepath.Join(t.TempDir(), "routes.yaml")
	exported, _, _ := run(t, "", env, "export", "10.99.0.0/16")
	if err := os.WriteFile(file, []byte(exported), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = run(t, "", env, "apply", file, "--timeout", "50ms")
	if code != 9 || !strings.Contains(stdout, "1 unchanged") || !strings.Contains(stderr, "warning: NOT_PROGRAMMED") {
		t.Errorf("apply of what is stored: code %d %q %q", code, stdout, stderr)
	}
	if stdout, _, code = run(t, "", env, "apply", file, "--timeout", "50ms", "-o", "json"); code != 9 || !strings.Contains(stdout, `"acknowledged": false`) {
		t.Errorf("apply of what is stored: code %d %s", code, stdout)
	}
	// So does one whose only change is acknowledged at once: no node has a NIC on Port4.
	more := exported + "---\nroutes:\n- {interface: Port4, destination: 10.98.0.0/16, next_hop: 192.168.40.1}\n"
	if err := os.WriteFile(file, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code = run(t, "", env, "apply", file, "--yes", "--timeout", "50ms")
	if code != 9 || !strings.Contains(stdout, "applied, revision") || !strings.Contains(stderr, "NOT_PROGRAMMED") {
		t.Errorf("apply of another route beside it: code %d %q %q", code, stdout, stderr)
	}
	if _, stderr, code = run(t, "", env, "add", "Port4", "10.97.0.0/16", "192.168.40.1"); code != 0 {
		t.Errorf("that route's kind by itself: code %d %q", code, stderr)
	}
	for _, args := range [][]string{{"--wait", "stored"}, {"--dry-run"}} {
		if _, _, code := run(t, "", env, append([]string{"apply", file}, args...)...); code != 0 {
			t.Errorf("apply %v: code %d", args, code)
		}
	}
}

// TestRealRemoveTwice: as a command, so in JSON lines.
func TestRealRemoveTwice(t *testing.T) {
	s := clitest.Start(t, clitest.Options{})
	env := map[string]string{"HCSROUTE_ADDRESS": s.Address}
	const route = `"routes":[{"interface":"Port3","destination":"192.168.21.0/24","next_hop":"192.168.20.1"}]}` + "\n"
	stdout, _, code := run(t, `{"v":1,"id":"a","op":"add",`+route+`{"v":1,"id":"b","op":"remove",`+route+`{"v":1,"id":"c","op":"remove",`+route+
		`{"v":1,"id":"d","op":"remove","if_exists":true,`+route, env, "jsonl")
	for _, part := range []string{`"id":"b","type":"done","counts":{"created":0,"updated":0,"unchanged":0,"removed":1,`, `"id":"c","type":"error","index":0,"reason":"NOT_FOUND"`,
		`"id":"d","type":"done","counts":{"created":0,"updated":0,"unchanged":1,"removed":0,"refused":0}`} {
		if !strings.Contains(stdout, part) {
			t.Errorf("code %d, no %s in %s", code, part, stdout)
		}
	}
}
