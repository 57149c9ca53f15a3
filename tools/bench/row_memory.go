//go:build linux

package bench

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// usage is what a process has used so far.
type usage struct {
	anon     uint64  // RssAnon, bytes
	cpu      float64 // seconds on a processor
	switches uint64  // voluntary context switches of all threads
}

// rowMemory measures the processes with many routes, at rest.
func rowMemory(ctx context.Context, b *bench) ([]Line, error) {
	p, err := b.full(ctx)
	if err != nil {
		return nil, err
	}
	// Their garbage collectors and journals come to rest.
	if err := pause(ctx, b.idle/12); err != nil {
		return nil, err
	}
	before, err := p.usages()
	if err != nil {
		return nil, err
	}
	pids := map[string]int{}
	for name, process := range p.processes() {
		pids[name] = process.PID()
	}
	woken, err := wakings(ctx, pids, b.idle)
	if err != nil {
		return nil, err
	}
	after, err := p.usages()
	if err != nil {
		return nil, err
	}
	var out []Line
	for _, name := range slices.Sorted(maps.Keys(after)) {
		const mib = 1 << 20
		limit := uint64(64 * mib)
		if name == serviceName {
			limit = 128 * mib
		}
		amount := func(u usage) string { return fmt.Sprintf("%.1f MiB", float64(u.anon)/mib) }
		out = append(out, Line{
			Work: fmt.Sprintf("memory of the %s, %s routes, two nodes", name, thousands(b.large)), Ours: Figure{Name: "RssAnon at rest", Text: amount(after[name])},
			Limit: Figure{Name: "right after they were added", Text: amount(p.fresh[name])},
			Goal:  fmt.Sprintf("≤ %d MiB", limit/mib), Verdict: verdict(after[name].anon <= limit && p.fresh[name].anon <= limit),
		})
		cpu := 100 * (after[name].cpu - before[name].cpu) / b.idle.Seconds()
		wakes := float64(woken[name]) / b.idle.Seconds()
		switches := float64(after[name].switches-before[name].switches) / b.idle.Seconds()
		out = append(out, Line{
			Work:  fmt.Sprintf("idle %s of the %s", b.idle, name),
			Ours:  Figure{Name: "CPU and wake-ups", Text: fmt.Sprintf("%.3f %% of a core; ran in %.2f windows of %s per second", cpu, wakes, window)},
			Limit: Figure{Name: "beside", Text: fmt.Sprintf("%.2f voluntary switches of threads per second", switches)},
			Goal:  "< 0.1 % of a core, ≤ 1 wake-up/s", Verdict: verdict(cpu < 0.1 && wakes <= 1),
		})
	}
	return out, nil
}

// usageOf reads a process and its threads from /proc (proc(5)).
func usageOf(pid int) (u usage, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	if u.anon, err = statusField(filepath.Join(dir, "status"), "RssAnon:"); err != nil {
		return u, err
	}
	u.anon <<= 10 // kB
	threads, err := filepath.Glob(filepath.Join(dir, "task", "[0-9]*"))
	if err != nil || len(threads) == 0 {
		return u, fmt.Errorf("%s: no threads: %w", dir, err)
	}
	for _, thread := range threads {
		n, err := statusField(filepath.Join(thread, "status"), "voluntary_ctxt_switches:")
		if err != nil {
			return u, err
		}
		u.switches += n
		text, err := os.ReadFile(filepath.Join(thread, "schedstat"))
		if err != nil {
			return u, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseUint(first, 10, 64)
		if err != nil {
			return u, err
		}
		u.cpu += float64(ns) / 1e9
	}
	return u, nil
}

func statusField(path, name string) (uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == name {
			return strconv.ParseUint(f[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, name)
}
