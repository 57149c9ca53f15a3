//go:build linux

// Package deploy_test checks what is installed on an appliance and its nodes.
package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hcsroute/hcsroute/hostvm/file"
	"github.com/hcsroute/hcsroute/internal/config"
)

// service is a unit, and all capabilities that it may have.
type service struct{ name, program, capabilities string }

func services() []service {
	return []service{{"hcsrouted.service", "hcsrouted", ""}, {"hcsroute-agent.service", "hcsroute-agent", "CAP_NET_ADMIN"}}
}

// install installs into a folder, with a stand-in for each program.
func install(t *testing.T, root, prefix string) {
	t.Helper()
	bin := t.TempDir()
	for _, program := range []string{"hcsrouted", "hcsroute", "hcsroute-agent"} {
		if err := os.WriteFile(filepath.Join(bin, program), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "install.sh")
	cmd.Env = append(os.Environ(), "DESTDIR="+root, "PREFIX="+prefix, "BIN="+bin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// value is the last setting of a key in a unit.
func value(unit, key string) string {
	all := regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1)
	if len(all) == 0 {
		return "(none)"
	}
	return all[len(all)-1][1]
}

func TestUnitsFindWhatIsInstalled(t *testing.T) {
	for _, prefix := range []string{"/usr/local", "/opt/hcsroute"} {
		root := t.TempDir()
		install(t, root, prefix)
		for _, s := range services() {
			unit := read(t, filepath.Join(root, prefix, "lib/systemd/system", s.name))
			start := strings.Fields(value(unit, "ExecStart"))
			if len(start) != 3 || start[0] != prefix+"/bin/"+s.program || start[1] != "--config" {
				t.Fatalf("%s with prefix %s: ExecStart=%s", s.name, prefix, value(unit, "ExecStart"))
			}
			info, err := os.Stat(filepath.Join(root, start[0]))
			if err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s: the program: %v %v", s.name, info, err)
			}
			if _, err := os.Stat(filepath.Join(root, start[2])); err != nil {
				t.Errorf("%s: the configuration: %v", s.name, err)
			}
			if _, err := os.Stat(filepath.Join(root, strings.TrimPrefix(value(unit, "Documentation"), "file:"))); err != nil {
				t.Errorf("%s: the documentation: %v", s.name, err)
			}
		}
	}
}

func TestConfigurationIsKept(t *testing.T) {
	root := t.TempDir()
	install(t, root, "/usr")
	if info, err := os.Stat(filepath.Join(root, "etc/hcsroute/pki")); err != nil || !info.IsDir() || info.Mode().Perm() != 0o755 {
		t.Errorf("the folder that the samples have the certificates in: %v, %v", info, err)
	}
	path := filepath.Join(root, "etc/hcsroute/agent.yaml")
	if err := os.WriteFile(path, []byte("node: mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	install(t, root, "/usr")
	if got := read(t, path); got != "node: mine\n" {
		t.Errorf("the operator's configuration was overwritten:\n%s", got)
	}
}

func TestUnits(t *testing.T) {
	for _, s := range services() {
		unit := read(t, filepath.Join("systemd", s.name))
		for key, want := range map[string]string{
			"CapabilityBoundingSet": s.capabilities, "AmbientCapabilities": s.capabilities,
			"NoNewPrivileges": "yes", "ProtectSystem": "strict", "User": "hcsroute", "Type": "notify",
			"ExecReload": "/bin/kill -HUP $MAINPID",
		} {
			if got := value(unit, key); got != want {
				t.Errorf("%s: %s=%s, want %s", s.name, key, got, want)
			}
		}
	}
	agent := read(t, "systemd/hcsroute-agent.service")
	if got := value(agent, "Before"); got != "kubelet.service" {
		t.Errorf("the agent starts before %s", got)
	}
	for _, key := range []string{"After", "Wants", "Requires"} {
		if got := value(agent, key); strings.Contains(got, "network-online.target") {
			t.Errorf("the agent's routes wait: %s=%s", key, got)
		}
	}
}

// maxExposure is systemd-analyze's measure times ten: 1.5 of 10.
const maxExposure = "15"

func TestSystemdAccepts(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze")
	}
	root := t.TempDir()
	install(t, root, "/usr/local")
	for _, s := range services() {
		// Systemd must find the program.
		unit := filepath.Join(t.TempDir(), s.name)
		text := strings.ReplaceAll(read(t, filepath.Join(root, "/usr/local/lib/systemd/system", s.name)), "/usr/local/bin", root+"/usr/local/bin")
		if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput(); err != nil || strings.Contains(string(out), s.name) {
			t.Errorf("verify %s: %v\n%s", s.name, err, out)
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold="+maxExposure, unit).CombinedOutput()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if t.Log(lines[len(lines)-1]); err != nil {
			t.Errorf("security %s: %v\n%s", s.name, err, out)
		}
	}
}

// uncommented is a sample with its optional parts: "# key: value" is one, and
// what is indented under it, "# Words" is not.
func uncommented(sample string) string {
	return regexp.MustCompile(`(?m)^( *)# ((?: *)(?:[a-z_]+:( |$)|- ).*)$`).ReplaceAllString(sample, "$1$2")
}

func TestSamplesLoad(t *testing.T) {
	folder := t.TempDir()
	for _, form := range []struct {
		name string
		edit func(string) string
	}{{"as they are", func(s string) string { return s }}, {"with every option", uncommented}} {
		t.Run(form.name, func(t *testing.T) {
			path := func(name string) string {
				to := filepath.Join(folder, name)
				if err := os.WriteFile(to, []byte(form.edit(read(t, filepath.Join("config", name)))), 0o600); err != nil {
					t.Fatal(err)
				}
				return to
			}
			service, err := config.LoadService(config.Sources{File: path("hcsrouted.yaml")})
			if err != nil {
				t.Error(err)
			}
			optional := form.name == "with every option"
			if (service.Listen.Remote != nil) != optional || service.Agents.TLS.IsZero() {
				t.Errorf("the listeners and the agents' certificates: %+v, %+v", service.Listen, service.Agents)
			}
			defaults := config.DefaultService()
			if service.Store != defaults.Store || service.Limits != defaults.Limits || service.Log != defaults.Log || service.Policy.Rules().CoverServices != defaults.Policy.CoverServices {
				t.Errorf("what the sample calls the default is not: %+v", service)
			}
			agent, err := config.LoadAgent(config.Sources{File: path("agent.yaml")})
			if d := config.DefaultAgent(); err != nil || agent.Protocol != d.Protocol || agent.Resync != d.Resync || agent.StateDir != d.StateDir {
				t.Errorf("agent: %+v, %v", agent, err)
			}
			inventory, err := file.Parse([]byte(read(t, path("inventory.yaml"))))
			if err != nil || len(inventory.Nodes) != 2 || inventory.Nodes[0].ID != agent.Node || inventory.Nodes[0].Endpoint != agent.Listen[0].String() {
				t.Errorf("inventory: %+v, %v; agent %s at %v", inventory, err, agent.Node, agent.Listen)
			}
		})
	}
}

// TestProtocolNumber: iproute2 knows the number that the agent uses.
func TestProtocolNumber(t *testing.T) {
	want := regexp.MustCompile(`(?m)^157\thcsroute$`)
	if config.DefaultAgent().Protocol != 157 || !want.MatchString(read(t, "rt_protos.d/hcsroute.conf")) {
		t.Error("rt_protos.d and the agent disagree")
	}
}
