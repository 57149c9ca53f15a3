package file_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcsroute/hcsroute/hostvm"
	"github.com/hcsroute/hcsroute/hostvm/file"
	"github.com/hcsroute/hcsroute/routes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = `ports:
  - alias: Port5
    team: Team1
  - alias: Port1
    role: management
  - {alias: Port9, mac: "02:00:00:00:00:09", up: true, addressing: static, addresses: [192.168.90.10/24], switch: vswitch-Port9}
nodes:
  - name: k8s-master
    role: master
    state: running
    endpoint: unix:///run/agent.sock
    nics:
      - {mac: "02-00-00-00-10-11", switch: vswitch-internal}
      - {mac: "02:00:00:00:20:11", switch: vswitch-Port3, addresses: [192.168.20.11/24, "fd00::11/64"]}
  - name: k8s-worker
    id: 7b4c
    endpoint: tcp://10.0.10.12:7444
`

func TestParse(t *testing.T) {
	d, err := file.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Ports) != 3 || *d.Ports[0].Team != "Team1" || d.Ports[0].Role != nil || *d.Ports[1].Role != routes.PortRoleManagement {
		t.Errorf("ports %+v", d.Ports)
	}
	if p := d.Ports[2]; !*p.Up || *p.Addressing != routes.AddressingStatic || p.Addresses[0] != netip.MustParsePrefix("192.168.90.10/24") || *p.Switch != "vswitch-Port9" {
		t.Errorf("Port9 %+v", p)
	}
	master, worker := d.Nodes[0], d.Nodes[1]
	if master.ID != "k8s-master" || master.State != hostvm.NodeRunning || master.NICs[0].MAC != "02:00:00:00:10:11" || len(master.NICs[1].Addresses) != 2 {
		t.Errorf("master %+v", master)
	}
	if worker.ID != "7b4c" || worker.State != hostvm.NodeAuto || worker.Role != "worker" {
		t.Errorf("worker %+v", worker)
	}
	for _, empty := range []string{"ports: []\nnodes: []\n", "nodes: []\n"} {
		if d, err := file.Parse([]byte(empty)); err != nil || len(d.Nodes) != 0 {
			t.Errorf("%q: %+v, %v", empty, d, err)
		}
	}
}

func TestParseNamesTheLine(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"prots:\n", `line 1`},
		{"ports:\n  - alias: Port1\n    rolle: data\n", `line 3: unknown key "rolle"`},
		{"nodes:\n  - name: a\n    nics:\n      - {mac: \"02:00:00:00:00:01\", swich: x}\n", `line 4: unknown key "swich"`},
		{"ports:\n  - alias: Port1\n  - alias: port1\n", `line 3: the port "port1" is in line 2`},
		{"ports:\n  - Port1\n", "line 2"},
		{"ports:\n  - alias: Port1\n    up: maybe\n", "line 3"},
		{"ports:\n  - {alias: Port1, role: datta}\n", `line 2: role "datta"; use one of data`},
		{"ports:\n  - {alias: Port1, addressing: fixed}\n", `addressing "fixed"`},
		{"ports:\n  - {alias: Port1, addresses: [192.168.1.1]}\n", "prefix length"},
		{"ports:\n  - {alias: '*'}\n", "not an interface alias"},
		{"nodes:\n  - id: x\n", "line 2: node: a name"},
		{"nodes:\n  - {name: a, state: up}\n", `state "up"`},
		{"nodes:\n  - {name: a, role: boss}\n", `role "boss"`},
		{"nodes:\n  - {name: a, endpoint: /run/a.sock}\n", "unix:///path"},
		{"nodes:\n  - {name: a, endpoint: 'unix:///a'}\n  - {name: b, endpoint: 'unix:///a'}\n", `line 3: the endpoint "unix:///a"`},
		{"nodes:\n  - {name: a}\n  - {name: b, id: a}\n", `line 3: the node id "a"`},
		{"nodes:\n  - name: a\n    nics: [{mac: 1, switch: x}]\n", `line 3: MAC "1"`},
		{"nodes:\n  - name: a\n    nics: [{mac: '02:00:00:00:00:01'}]\n", "a switch is required"},
		{"nodes:\n  - name: a\n    nics:\n      - {mac: '02:00:00:00:00:01', switch: x}\n      - {mac: '02:00:00:00:00:02', switch: x}\n", "line 5: the switch of a second NIC"},
		{"nodes:\n  - name: a\n    nics:\n      - {mac: '02:00:00:00:00:01', switch: x}\n      - {mac: '02-00-00-00-00-01', switch: y}\n", "line 5: the MAC"},
		{"ports: []\n---\nnodes: []\n", "more than one YAML document"},
		{"ports: []\n---\n", "more than one YAML document"},
		{"ports:\n  - {alias: Port1, alias: Port2}\n", `"alias" already defined`},
		{"ports: []\nports: []\n", `"ports" already defined`},
		{"nodes: [\n", "line"},
		// A file that was cut says nothing; nothing is not none.
		{"", "says nothing"},
		{"# nothing yet\n", "says nothing"},
		{"{}\n", "says nothing"},
		{"ports: []\nnodes:\n", `line 2: "nodes" has no value`},
		{"ports:\n", `line 1: "ports" has no value`},
		{"nodes:\n  - name: a\n    nics:\n", `line 3: "nics" has no value`},
		{"ports:\n  - {alias: Port1, addresses: null}\n", `line 2: "addresses" has no value`},
	} {
		_, err := file.Parse([]byte(c.content))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q:\n got %v\nwant %s", c.content, err, c.want)
		}
	}
}

// TestAFaultIsNamedWithItsLine: as PATH:LINE, which an editor takes.
func TestAFaultIsNamedWithItsLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	for content, want := range map[string]string{
		"ports:\n  - alias: Port1\n    rolle: data\n": path + `:3: unknown key "rolle"`,
		"ports: [\n":                 path + ":1: did not find",
		"ports: [}\n":                path + ":1: did not find",
		"ports: []\nnodes:\n\t- x\n": path + ":3: found character",
		"ports:\n  - alias: Port1\n    up: maybe\n": path + ":3: cannot unmarshal",
		"ports: []\nnodes: *x\n":                    path + ": unknown anchor",
		"":                                          path + ": the file says nothing",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Open(path); err == nil || !strings.Contains(err.Error(), "inventory file "+want) {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
}

// watched runs a file and waits for its declarations.
type watched struct {
	*testing.T
	*file.File
	path string
}

func open(t *testing.T) watched {
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	w := watched{T: t, path: path}
	w.write(good)
	f, err := file.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	w.File = f
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w watched) write(content string) {
	w.Helper()
	if err := os.WriteFile(w.path, []byte(content), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (w watched) until(what string, cond func(*hostvm.Declared) bool) {
	w.Helper()
	limit := time.After(time.Minute)
	for {
		changed := w.Changed()
		if cond(w.Declared()) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			w.Fatalf("not within 10 s: %s; %+v", what, w.Declared())
		}
	}
}

func TestLiveReload(t *testing.T) {
	w := open(t)
	w.write("nodes: [{name: a}]\n")
	w.until("edit in place", func(d *hostvm.Declared) bool { return len(d.Nodes) == 1 && len(d.Ports) == 0 })
	other := w.path + ".new"
	if err := os.WriteFile(other, []byte("nodes: [{name: a}, {name: b}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, w.path); err != nil {
		t.Fatal(err)
	}
	w.until("replaced by rename", func(d *hostvm.Declared) bool { return len(d.Nodes) == 2 })
	w.write("nodes: [{name: a}\n")
	w.until("broken edit", func(d *hostvm.Declared) bool {
		return len(d.Nodes) == 2 && strings.Contains(d.Problem, ".yaml:1: ") && strings.Contains(d.Problem, "last good")
	})
	if err := os.Remove(w.path); err != nil {
		t.Fatal(err)
	}
	w.until("removed", func(d *hostvm.Declared) bool { return len(d.Nodes) == 2 && strings.Contains(d.Problem, "no such file") })
	w.write("nodes: [{name: c}]\n")
	w.until("repaired", func(d *hostvm.Declared) bool { return len(d.Nodes) == 1 && d.Problem == "" })
}

// A folder that is never quiet delays an edit, but does not hide it.
func TestReloadAmidConstantWrites(t *testing.T) {
	w := open(t)
	w.write("nodes: [{name: a}]\n")
	w.until("an edit in a quiet folder", func(d *hostvm.Declared) bool { return len(d.Nodes) == 1 })
	begun, stop, stopped := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		begin := sync.OnceFunc(func() { close(begun) })
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := os.WriteFile(w.path+".log", nil, 0o600); err != nil {
				begin()
				stopped <- err
				return
			}
			begin()
		}
	}()
	defer func() {
		close(stop)
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}()
	<-begun
	w.write("nodes: [{name: a}, {name: b}]\n")
	w.until("an edit amid writes", func(d *hostvm.Declared) bool { return len(d.Nodes) == 2 })
}

func TestOpenRefusesWhatIsBroken(t *testing.T) {
	dir := t.TempDir()
	if _, err := file.Open(filepath.Join(dir, "missing.yaml")); err == nil {
		t.Error("a missing file is accepted")
	}
	path := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(path, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Open(path); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("2 MiB: %v", err)
	}
}
