//go:build linux

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hcsroute/hcsroute/lab"
	"github.com/hcsroute/hcsroute/routes"
)

// modulePath is the PowerShell module's, seen from the sources' root, where make
// starts the bench.
const modulePath = "pwsh-module/HcsNetRoute"

// rowModule measures the PowerShell module as whole processes: what an operator
// waits for, beside the CLI with the same file and beside a PowerShell that does
// nothing.
func rowModule(ctx context.Context, b *bench) ([]Line, error) {
	shell, ok := os.Getenv("PWSH"), true
	if shell == "" {
		shell, ok = program("pwsh")
	}
	if !ok {
		return []Line{{Work: "the PowerShell module, as whole processes", Ours: Figure{Name: "pwsh", Text: absent}, Reached: "not measured"}}, nil
	}
	p, err := b.pair(ctx)
	if err != nil {
		return nil, err
	}
	m := module{pair: p, shell: shell}
	if m.dir, err = b.tempDir("module"); err != nil {
		return nil, err
	}
	if err := m.copy(); err != nil {
		return nil, err
	}
	var few, many moduleTimes
	for range b.Rounds {
		if err := m.round(ctx, b.small/10, &few); err != nil {
			return nil, err
		}
		if err := m.round(ctx, b.small, &many); err != nil {
			return nil, err
		}
	}
	start := append(few.nothing, many.nothing...).median()
	line := func(what string, ours func(moduleTimes) sample, limit bool) Line {
		f, t := ours(few), ours(many)
		ratio := (t.median() - start) / (f.median() - start)
		l := Line{
			Work: fmt.Sprintf("%s, %d routes, as a whole process", what, b.small), Ours: figure("pwsh", t),
			Peers: []Figure{figure(fmt.Sprintf("%d routes", b.small/10), f), figure("a pwsh that does nothing", many.nothing)},
			Goal:  "≤ 12 × the time for a tenth, without the start of pwsh", Reached: fmt.Sprintf("%.1f ×", ratio), Verdict: verdict(ratio <= 12),
		}
		if limit {
			l.Limit = figure("hcsroute add --from", many.cli)
		}
		return l
	}
	return []Line{
		line("Import-Csv \\| Add-HcsNetRoute", func(t moduleTimes) sample { return t.add }, true),
		line("Get-HcsNetRoute", func(t moduleTimes) sample { return t.get }, false),
		line("Get-HcsNetRoute \\| Remove-HcsNetRoute", func(t moduleTimes) sample { return t.remove }, false),
	}, nil
}

// module is a copy of the PowerShell module that leads to the pair's service.
type module struct {
	*pair
	shell, dir string
}

// moduleTimes are the times of one number of routes.
type moduleTimes struct{ add, get, remove, cli, nothing sample }

func (m *module) copy() error {
	path := filepath.Join(m.dir, "HcsNetRoute")
	if err := os.CopyFS(path, os.DirFS(modulePath)); err != nil {
		return fmt.Errorf("copy the PowerShell module: %w", err)
	}
	settings := fmt.Sprintf("program: %s\naddress: %s\n", m.sys.Binaries.CLI, m.sys.Address)
	return os.WriteFile(filepath.Join(path, "client.yaml"), []byte(settings), 0o600)
}

// round does each kind of work once with n routes, and looks at the kernels
// after each.
func (m *module) round(ctx context.Context, n int, t *moduleTimes) error {
	set, err := v4.routeSet(4*m.bench.large, n)
	if err != nil {
		return err
	}
	file := filepath.Join(m.dir, fmt.Sprintf("routes-%d.csv", n))
	if err := writeCSV(file, set); err != nil {
		return err
	}
	for _, step := range []struct {
		times *sample
		want  int
		cmd   *lab.Cmd
	}{
		{&t.nothing, 0, m.script(ctx, "exit 0")},
		{&t.add, n, m.script(ctx, "Import-Csv -LiteralPath '"+file+"' | Add-HcsNetRoute -TimeoutSec 60")},
		{&t.get, n, m.script(ctx, fmt.Sprintf("if (@(Get-HcsNetRoute).Count -ne %d) { throw 'not all' }", n))},
		{&t.remove, 0, m.script(ctx, "Get-HcsNetRoute | Remove-HcsNetRoute -TimeoutSec 60")},
		{&t.cli, n, m.sys.Command(ctx, m.sys.Binaries.CLI, "add", "--from", file, "--timeout", "60s")},
	} {
		var said bytes.Buffer
		step.cmd.Stderr = &said
		d, err := timed(step.cmd.Run)
		if err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(step.cmd.Args, " "), err, said.String())
		}
		step.times.add(d)
		if err := errors.Join(m.converged(ctx), m.expect(ctx, step.want)); err != nil {
			return err
		}
	}
	return m.removeAll(ctx, set)
}

// script is a PowerShell of its own that has the module.
func (m *module) script(ctx context.Context, text string) *lab.Cmd {
	text = "$ErrorActionPreference = 'Stop'; Import-Module '" + filepath.Join(m.dir, "HcsNetRoute") + "'; " + text
	return m.sys.Command(ctx, m.shell, "-NoProfile", "-NonInteractive", "-Command", text)
}

func writeCSV(path string, set []routes.Route) error {
	var text strings.Builder
	text.WriteString("InterfaceAlias,DestinationPrefix,NextHop,RouteMetric\n")
	for _, r := range set {
		fmt.Fprintf(&text, "%s,%s,%s,%d\n", r.Interface(), r.Destination(), r.NextHop(), r.Metric())
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}
