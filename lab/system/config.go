//go:build linux

package system

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/hcsroute/hcsroute/lab"
)

func (s *System) serviceConfig() string {
	store := s.options.StorePath
	if store == "" && s.options.Disk != "" {
		store = filepath.Join(s.options.Disk, "hcsroute.db")
	}
	if store == "" {
		store = s.path("host", "hcsroute.db")
	}
	lines := []string{
		"store: {path: " + quote(store) + "}",
		"listen:",
		"  local: {address: " + quote(s.Address) + "}",
		"inventory: {provider: linux, file: " + quote(s.path("host", "inventory.yaml")) + "}",
		"log: {level: info, format: text}",
	}
	if s.options.TCP != nil {
		lines = slices.Insert(lines, 3, "  remote: {address: "+quote(RemoteAddress)+", cert: pki/"+ServiceName+".crt, key: pki/"+ServiceName+".key, ca: pki/ca.crt}")
		lines = append(lines, "agents: {tls: {cert: pki/host.crt, key: pki/host.key, ca: pki/ca.crt}}")
	}
	if len(s.options.Policy) > 0 {
		lines = append(lines, "policy:")
		for _, line := range s.options.Policy {
			lines = append(lines, "  "+line)
		}
	}
	return strings.Join(append(lines, s.options.Service...), "\n") + "\n"
}

func (s *System) agentConfig(n lab.Node) string {
	state := filepath.Join(n.StateDir, "state")
	if s.options.Disk != "" {
		state = filepath.Join(s.options.Disk, n.Name)
	}
	lines := []string{
		"node: " + quote(n.Name),
		"listen: [" + quote(s.endpoint(n)) + "]",
		"state_dir: " + quote(state),
	}
	if s.options.TCP != nil {
		lines = append(lines, "tls: {cert: pki/agent.crt, key: pki/agent.key, ca: pki/ca.crt}")
	}
	return strings.Join(append(lines, s.options.Agent...), "\n") + "\n"
}

// quote writes a string as YAML; JSON's form is one of YAML's.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

type inventoryFile struct {
	Ports []inventoryPort `yaml:"ports"`
	Nodes []inventoryNode `yaml:"nodes"`
}

type inventoryPort struct {
	Alias string `yaml:"alias"`
	Role  string `yaml:"role,omitempty"`
	Team  string `yaml:"team,omitempty"`
}

type inventoryNode struct {
	Name     string         `yaml:"name"`
	Role     string         `yaml:"role"`
	State    string         `yaml:"state"`
	Endpoint string         `yaml:"endpoint"`
	NICs     []inventoryNIC `yaml:"nics"`
}

type inventoryNIC struct {
	MAC       string         `yaml:"mac"`
	Switch    string         `yaml:"switch"`
	Addresses []netip.Prefix `yaml:"addresses,flow,omitempty"`
}

// InventoryPath is the inventory file of the service.
func (s *System) InventoryPath() string { return s.path("host", "inventory.yaml") }

// writeInventory declares the nodes, and of the ports what the kernel cannot
// show: the management port, and the team where the kernel has no bonding.
func (s *System) writeInventory() error {
	var file inventoryFile
	for _, p := range s.Lab.Ports() {
		port := inventoryPort{Alias: p.Alias, Role: p.Role}
		if s.Lab.TeamIsDeclared {
			port.Team = p.Team
		}
		file.Ports = append(file.Ports, port)
	}
	s.mu.Lock()
	for _, n := range s.Lab.Nodes() {
		node := inventoryNode{Name: n.Name, Role: n.Role, State: "running", Endpoint: s.endpoint(n)}
		if s.stopped[n.Name] {
			node.State = "stopped"
		}
		for _, nic := range n.NICs {
			node.NICs = append(node.NICs, inventoryNIC{MAC: nic.MAC.String(), Switch: nic.Switch, Addresses: nic.Addresses})
		}
		file.Nodes = append(file.Nodes, node)
	}
	s.mu.Unlock()
	out, err := yaml.Marshal(file)
	if err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	if err := s.describe(); err != nil {
		return err
	}
	return replaceFile(s.InventoryPath(), out)
}

// Description is the lab for tests in other languages, in the file that
// HCSROUTE_LAB names.
type Description struct {
	Address  string            `json:"address"`
	StateDir string            `json:"state_dir"`
	Bin      string            `json:"bin"`
	Service  string            `json:"service_config"`
	Nodes    []DescribedNode   `json:"nodes"`
	Ports    []string          `json:"ports"`
	Cameras  map[string]string `json:"cameras"`
}

// DescribedNode is a node of a Description.
type DescribedNode struct {
	Name string `json:"name"`
	Role string `json:"role"`
}

func (s *System) describe() error {
	d := Description{
		Address: s.Address, StateDir: s.Lab.StateDir, Bin: filepath.Dir(s.Binaries.CLI), Service: s.path("host", "hcsrouted.yaml"),
		Cameras: map[string]string{"camera-21": "192.168.21.15", "camera-22": "192.168.22.15"},
	}
	for _, n := range s.Lab.Nodes() {
		d.Nodes = append(d.Nodes, DescribedNode{n.Name, n.Role})
	}
	for _, p := range s.Lab.Ports() {
		d.Ports = append(d.Ports, p.Alias)
	}
	out, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(s.path("lab.json"), append(out, '\n'))
}

func replaceFile(path string, data []byte) error {
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}
