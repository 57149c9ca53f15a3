//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrOutside means that the program is not in the namespaces of [Enter].
var ErrOutside = errors.New("lab: not inside the lab's namespaces; call lab.Enter first and go on only where Entry.Inside is true")

// Options choose the size of the network. The zero value is the vendor's
// diagram with one worker and pods.
type Options struct {
	// Workers is the number of worker nodes; zero means one, negative none.
	Workers int
	// NoPods leaves out pods and their networks.
	NoPods bool
	// NoNAT behaves as if the kernel had no NAT.
	NoNAT bool
}

// Lab is a network that is up.
type Lab struct {
	// StateDir is a folder of the lab's own that Close removes.
	StateDir string
	// TeamIsDeclared is true where the kernel cannot bond: Port5 and Port6
	// are then plain, and only the inventory file says that they are teamed.
	TeamIsDeclared bool
	// NATProblem says why there is no NAT; the internet side and the camera
	// gateway then have routes back to nodes and pods. Empty with NAT.
	NATProblem string

	ns    map[string]*NS
	ports []Port
	nodes []Node

	mu        sync.Mutex
	processes []*Process
}

// New brings up the vendor's diagram.
func New(ctx context.Context, o Options) (*Lab, error) {
	if o.Workers > maxWorkers {
		return nil, fmt.Errorf("lab: %d workers; at most %d have addresses", o.Workers, maxWorkers)
	}
	workers := max(o.Workers, 0)
	if o.Workers == 0 {
		workers = 1
	}
	l, err := empty()
	if err != nil {
		return nil, err
	}
	specs := nodeSpecs(workers)
	p := diagram(specs, !o.NoPods)
	if err := l.buildDiagram(ctx, p, o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.ports = l.describePorts()
	for _, s := range specs {
		l.nodes = append(l.nodes, l.describeNode(s, !o.NoPods))
	}
	if err := l.makeNodeDirs(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) buildDiagram(ctx context.Context, p plan, o Options) error {
	if err := l.build(ctx, p); err != nil {
		return err
	}
	bonded, err := l.makeTeam()
	if err != nil {
		return err
	}
	l.TeamIsDeclared = !bonded
	if o.NoNAT {
		l.NATProblem = "switched off"
	} else if err := l.addNATs(p.nats); err != nil {
		l.NATProblem = err.Error()
	}
	if l.NATProblem != "" {
		return l.addRoutes(p.returns)
	}
	return nil
}

func (l *Lab) addNATs(list []nat) error {
	for _, n := range list {
		if err := l.ns[n.ns].Do(func() error { return masquerade(n) }); err != nil {
			return err
		}
	}
	return nil
}

// empty makes a lab without network.
func empty() (*Lab, error) {
	if !inside() {
		return nil, ErrOutside
	}
	dir, err := os.MkdirTemp(os.Getenv(dirVar), "")
	if err != nil {
		return nil, fmt.Errorf("lab: state folder: %w", err)
	}
	return &Lab{StateDir: dir, ns: map[string]*NS{}}, nil
}

// inside reports whether the state folder is the tmpfs that [Enter] mounts.
func inside() bool {
	dir := os.Getenv(dirVar)
	if dir == "" {
		return false
	}
	var here, parent unix.Stat_t
	if unix.Stat(dir, &here) != nil || unix.Stat(filepath.Dir(dir), &parent) != nil {
		return false
	}
	return here.Dev != parent.Dev
}

// NS returns the namespace of that name: one of the constants, or a node or
// pod of [Lab.Nodes]. It returns nil if there is none.
func (l *Lab) NS(name string) *NS { return l.ns[name] }

// Names returns the names of all namespaces, sorted.
func (l *Lab) Names() []string { return slices.Sorted(maps.Keys(l.ns)) }

// Close kills all processes that [Lab.Start] started, and takes the network
// and the state folder away.
func (l *Lab) Close() error {
	var errs []error
	l.mu.Lock()
	processes := l.processes
	l.processes = nil
	l.mu.Unlock()
	for _, p := range processes {
		errs = append(errs, p.Kill())
	}
	for _, ns := range l.ns {
		errs = append(errs, ns.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(l.StateDir))...)
}
