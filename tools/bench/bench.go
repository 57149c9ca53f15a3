//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/lab"
)

// Options say what is measured and where it is written.
type Options struct {
	Binaries lab.Binaries
	// Self is a program that serves [Echo] when called with [EchoCommand].
	Self string
	// Only names the rows to measure; empty for all.
	Only []string
	// Rounds is how often each contender runs; 0 for 5.
	Rounds int
	// Short measures little of everything, to find what is broken. Its
	// figures mean nothing.
	Short bool
	// Disk is a folder on the disk to be measured; it is made.
	Disk string
	// Docs is the folder of performance.md and its chart; empty: not written.
	Docs string
	// Out takes the table and the progress.
	Out io.Writer
}

// row is a row of the table: some work, of one line or several.
type row struct {
	name, about string
	run         func(context.Context, *bench) ([]Line, error)
}

// rows are all rows, in the order of the table. The later ones fill the store.
func rows() []row {
	return []row{
		{"program", "an agent programs 10,000 and 100,000 routes", rowProgram},
		{"batch", "a batch of 10,000 routes, to two nodes", rowBatch},
		{"add", "one route, to two nodes", rowAdd},
		{"writers", "64 writers and one", rowWriters},
		{"module", "the PowerShell module as whole processes", rowModule},
		{"repair", "a hand-deleted route is back", rowRepair},
		{"link", "link down and up, address gone and back", rowLink},
		{"restart", "the service restarts with 100,000 routes", rowRestart},
		{"reboot", "a node reboots with 100,000 routes", rowReboot},
		{"read", "Get, List and Watch", rowRead},
		{"fleet", "50 nodes, one of them hung", rowFleet},
		{"cli", "hcsroute get as a process", rowCLI},
		{"memory", "memory, and an idle minute", rowMemory},
	}
}

// Rows are the names of the rows, for --only.
func Rows() []string {
	var names []string
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// bench is one run.
type bench struct {
	Options
	small, large int // routes
	adds         int // single changes
	deletions    int
	reads        int
	nodes        int
	idle, burst  time.Duration

	dir     string
	closers []func() error
	shared  *pair // see bench.pair
}

// idle is how long processes at rest are looked at: in it each of the agents
// compares its kernel with its set, which with 100,000 routes it does about
// every 200 s to 250 s.
const idle = 240 * time.Second

// Run measures, and prints the table. It must run inside the lab's namespaces.
func Run(ctx context.Context, o Options) (err error) {
	b := &bench{Options: o, small: 10_000, large: 100_000, adds: 2000, deletions: 500, reads: 500, nodes: 50, idle: idle, burst: 2 * time.Second}
	if b.Rounds <= 0 {
		b.Rounds = 5
	}
	if o.Short {
		b.small, b.large, b.adds, b.deletions, b.reads, b.nodes = 200, 1000, 10, 10, 10, 4
		b.idle, b.burst, b.Rounds = time.Second, 100*time.Millisecond, 1
	}
	wanted, err := b.wanted()
	if err != nil {
		return err
	}
	// Less of our own garbage collection beside what is measured.
	debug.SetGCPercent(400)
	if err := os.MkdirAll(b.Disk, 0o700); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(b.Disk, "run-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	m, err := describeMachine(b.dir)
	if err != nil {
		return err
	}
	var table []Line
	var failed error
	start := time.Now()
	for _, r := range wanted {
		fmt.Fprintf(b.Out, "%6.1f s  %s: %s\n", time.Since(start).Seconds(), r.name, r.about)
		got, err := r.run(ctx, b)
		if err != nil {
			// What the others measure is of use all the same.
			failed = errors.Join(failed, fmt.Errorf("row %s: %w", r.name, err))
			if ctx.Err() != nil {
				return failed
			}
			got = append(got, Line{Work: r.about, Reached: "failed"})
		}
		for i := range got {
			got[i].Row = r.name
		}
		table = append(table, got...)
	}
	m.loadAfter = load()
	fmt.Fprintf(b.Out, "%6.1f s  done\n\n%s\n", time.Since(start).Seconds(), markdown(m.String(), table))
	if b.Docs == "" || failed != nil {
		return failed
	}
	return writeDocs(b.Docs, m.String(), table)
}

func (b *bench) wanted() ([]row, error) {
	all := rows()
	for _, name := range b.Only {
		if !slices.Contains(Rows(), name) {
			return nil, fmt.Errorf("no row %q; there are %s", name, strings.Join(Rows(), ", "))
		}
	}
	return slices.DeleteFunc(all, func(r row) bool { return len(b.Only) > 0 && !slices.Contains(b.Only, r.name) }), nil
}

// close takes down what was built, the latest first.
func (b *bench) close() error {
	var errs []error
	for _, f := range slices.Backward(b.closers) {
		errs = append(errs, f())
	}
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

// tempDir makes a folder on the disk.
func (b *bench) tempDir(name string) (string, error) {
	dir, err := os.MkdirTemp(b.dir, name+"-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}
