//go:build linux

package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hcsroute/hcsroute/lab"
)

// Options change how the system is set up. The zero value is the demo's.
type Options struct {
	// Policy is the policy section of the service's configuration, as YAML
	// lines without indentation.
	Policy []string
	// StorePath is where the store is; empty: in the lab's state folder.
	StorePath string
	// Disk is a folder for the store and for the agents' states; empty: they
	// are in the lab's state folder, which is in memory.
	Disk string
	// Service and Agent are more lines of the configurations.
	Service, Agent []string
	// TCP, where set, puts TCP with mutual TLS between service and agents, and
	// gives the service its remote listener.
	TCP *TCP
}

// System is a lab with its service and agents running.
type System struct {
	Lab      *lab.Lab
	Binaries lab.Binaries
	// Address is where the service listens, as the CLI takes it.
	Address string

	options Options
	mu      sync.Mutex
	service *lab.Process
	agents  map[string]*lab.Process
	stopped map[string]bool
}

// Start writes the configurations, starts all agents and the service, and waits
// until they work together.
func Start(ctx context.Context, l *lab.Lab, bin lab.Binaries, o Options) (*System, error) {
	s := &System{
		Lab: l, Binaries: bin, options: o, agents: map[string]*lab.Process{}, stopped: map[string]bool{},
		Address: "unix://" + filepath.Join(l.StateDir, "host", "hcsroute.sock"),
	}
	if err := os.MkdirAll(s.path("host"), 0o700); err != nil {
		return nil, err
	}
	if err := s.setUpTLS(ctx); err != nil {
		return nil, err
	}
	if err := s.writeInventory(); err != nil {
		return nil, err
	}
	for _, n := range l.Nodes() {
		if err := s.startAgent(ctx, n); err != nil {
			return nil, err
		}
	}
	if err := s.StartService(ctx); err != nil {
		return nil, err
	}
	return s, s.awaitNodes(ctx)
}

func (s *System) path(parts ...string) string {
	return filepath.Join(append([]string{s.Lab.StateDir}, parts...)...)
}

// StartService starts the service, after KillService or StopService.
func (s *System) StartService(ctx context.Context) error {
	config := s.path("host", "hcsrouted.yaml")
	if err := os.WriteFile(config, []byte(s.serviceConfig()), 0o600); err != nil {
		return err
	}
	p, err := s.Lab.Start(ctx, lab.ProcessOptions{
		Name: "hcsrouted", NS: s.Lab.NS(lab.Host), Path: s.Binaries.Service, Args: []string{"--config", config}, Ready: s.serviceReady,
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.service = p
	return nil
}

// KillService kills the service with SIGKILL.
func (s *System) KillService() error { return s.Service().Kill() }

// StopService ends the service with SIGTERM.
func (s *System) StopService(ctx context.Context) error { return s.Service().Stop(ctx) }

// Service is the service's process.
func (s *System) Service() *lab.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.service
}

// Agent is the process of a node's agent; nil where it does not run.
func (s *System) Agent(node string) *lab.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agents[node]
}

// Node returns the node of that name.
func (s *System) Node(name string) (lab.Node, error) {
	for _, n := range s.Lab.Nodes() {
		if n.Name == name {
			return n, nil
		}
	}
	return lab.Node{}, fmt.Errorf("the lab has no node %s", name)
}

func (s *System) startAgent(ctx context.Context, n lab.Node) error {
	config := filepath.Join(n.StateDir, "agent.yaml")
	if err := os.WriteFile(config, []byte(s.agentConfig(n)), 0o600); err != nil {
		return err
	}
	p, err := s.Lab.Start(ctx, lab.ProcessOptions{
		Name: "agent-" + n.Name, NS: s.Lab.NS(n.Name), Path: s.Binaries.Agent, Args: []string{"--config", config}, Ready: s.agentReady(n),
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents[n.Name] = p
	return nil
}

// KillAgent kills a node's agent with SIGKILL; its routes stay in the kernel.
func (s *System) KillAgent(node string) error {
	p := s.Agent(node)
	if p == nil {
		return fmt.Errorf("no agent runs in %s", node)
	}
	return p.Kill()
}

// StartAgent starts a node's agent again, after KillAgent.
func (s *System) StartAgent(ctx context.Context, node string) error {
	n, err := s.Node(node)
	if err != nil {
		return err
	}
	return s.startAgent(ctx, n)
}

// PowerOff turns a node off: its agent dies, its kernel forgets our routes,
// and the inventory says that it is stopped. Its namespace stays, because a
// namespace cannot be rebooted.
func (s *System) PowerOff(node string) error {
	if err := s.KillAgent(node); err != nil {
		return err
	}
	own, err := s.OwnRoutes(node)
	if err != nil {
		return err
	}
	for _, r := range own {
		if err := s.Lab.NS(node).DelRoute(r); err != nil {
			return err
		}
	}
	return s.setStopped(node, true)
}

// PowerOn boots a node that PowerOff turned off.
func (s *System) PowerOn(ctx context.Context, node string) error {
	return errors.Join(s.StartAgent(ctx, node), s.setStopped(node, false))
}

func (s *System) setStopped(node string, stopped bool) error {
	s.mu.Lock()
	s.stopped[node] = stopped
	s.mu.Unlock()
	return s.writeInventory()
}

// Result is what a command printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Command is a command on the host that finds the service by its environment.
func (s *System) Command(ctx context.Context, path string, args ...string) *lab.Cmd {
	cmd := s.Lab.NS(lab.Host).Command(ctx, path, args...)
	cmd.Env = append(os.Environ(), s.Env()...)
	return cmd
}

// Env is the environment of a command on the host: the service's address, the
// programs in PATH, and a description of the lab as JSON.
func (s *System) Env() []string {
	dir := filepath.Dir(s.Binaries.CLI)
	return []string{
		"HCSROUTE_ADDRESS=" + s.Address,
		"HCSROUTE_BIN=" + dir,
		"HCSROUTE_LAB=" + s.path("lab.json"),
		"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

// CLI runs hcsroute on the host.
func (s *System) CLI(ctx context.Context, args ...string) (Result, error) {
	cmd := s.Command(ctx, s.Binaries.CLI, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Result{}, fmt.Errorf("hcsroute %s: %w", strings.Join(args, " "), err)
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}, nil
}

// Names are the names of the nodes.
func (s *System) Names() []string {
	var names []string
	for _, n := range s.Lab.Nodes() {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	return names
}
