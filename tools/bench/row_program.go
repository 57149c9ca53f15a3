//go:build linux

package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/hcsroute/hcsroute/lab/system"
)

// rowProgram measures the whole agent process: from the first byte of the set
// on its session to the report that it is on the disk and read back.
func rowProgram(ctx context.Context, b *bench) ([]Line, error) {
	// The agent and those that it is compared with have a namespace each.
	all, err := b.sites(ctx, 4)
	if err != nil {
		return nil, err
	}
	ours, bare, peers := all[0], all[1], all[2]
	alone, err := newTableAlone(ctx, all[3])
	if err != nil {
		return nil, err
	}
	process, err := ours.startAgent(ctx)
	if err != nil {
		return nil, err
	}
	host, err := openSession(ctx, ours)
	if err != nil {
		return nil, err
	}
	var out []Line
	for _, f := range []family{v4, v6} {
		var previous float64
		for _, count := range []int{b.small, b.large} {
			set, err := f.routeSet(0, count)
			if err != nil {
				return nil, err
			}
			limit, err := bareContender(bare, set)
			if err != nil {
				return nil, err
			}
			list := []contender{{name: "agent", run: func(ctx context.Context) (time.Duration, error) {
				d, err := host.push(set)
				if err != nil {
					return 0, err
				}
				if err := expect(ctx, ours.ns, system.Protocol, count); err != nil {
					return 0, err
				}
				if _, err = host.push(nil); err != nil {
					return 0, err
				}
				return d, nil
			}}, limit, alone.contender(set)}
			more, err := b.peers(peers, f, count)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
			got, err := race(ctx, b.Rounds, list...)
			if err != nil {
				return nil, err
			}
			line := Line{
				Work: "agent programs " + title(count, f), Ours: figure("hcsroute-agent", got["agent"]), Limit: figure(bareName, got[bareName]),
				Peers: figures(got, list[2:]), Goal: "≤ 0.40 × ip -batch, then 0.30; ahead of BIRD; linear",
			}
			mine := got["agent"].median()
			if ip := got[ipName].median(); ip > 0 {
				line.Reached = fmt.Sprintf("%.2f × ip -batch", mine/ip)
				bird := got[birdName].median()
				line.Verdict = verdict(mine <= 0.40*ip && (bird == 0 || mine < bird))
			}
			if previous > 0 {
				line.Reached += fmt.Sprintf(", %.1f × the time for %.0f × the routes", mine/previous, float64(count)/float64(b.small))
			}
			previous = mine
			out = append(out, line)
		}
	}
	err = host.close()
	if err == nil {
		err = process.Stop(ctx)
	}
	return out, err
}

// peers are the system programs that can add the routes. FRR takes part with
// the smaller sets only: it needs minutes for the larger.
func (b *bench) peers(s *site, f family, count int) ([]contender, error) {
	set, err := f.routeSet(0, count)
	if err != nil {
		return nil, err
	}
	ip, err := ipContender(s, f, set)
	if err != nil {
		return nil, err
	}
	bird, err := birdContender(s, f, set)
	if err != nil {
		return nil, err
	}
	list := []contender{ip, bird}
	if count == b.small {
		frr, err := frrContender(s, f, set)
		if err != nil {
			return nil, err
		}
		list = append(list, frr)
	}
	return list, nil
}
