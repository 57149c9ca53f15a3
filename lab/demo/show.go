//go:build linux

package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hcsroute/hcsroute/lab/system"
)

// show prints the demo. The first failed check is kept in err, and ends it.
type show struct {
	out    io.Writer
	colour bool
	sys    *system.System
	number int
	checks int
	err    error
}

func (s *show) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// step starts a part of the demo.
func (s *show) step(title string) {
	s.number++
	fmt.Fprintf(s.out, "\n%s\n", s.paint("1", fmt.Sprintf("%2d. %s", s.number, title)))
}

func (s *show) say(format string, args ...any) {
	fmt.Fprintf(s.out, "    %s\n", fmt.Sprintf(format, args...))
}

// check prints what was found to hold, or ends the demo.
func (s *show) check(ok bool, format string, args ...any) {
	if s.err != nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	if !ok {
		s.err = fmt.Errorf("step %d: this should hold and does not: %s", s.number, text)
		fmt.Fprintf(s.out, "    %s %s\n", s.paint("31;1", "✗"), text)
		return
	}
	s.checks++
	fmt.Fprintf(s.out, "    %s %s\n", s.paint("32", "✓"), text)
}

func (s *show) must(err error) {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("step %d: %w", s.number, err)
	}
}

// run runs hcsroute as an operator types it, prints what it says, and wants an exit code.
func (s *show) run(ctx context.Context, code int, line string) system.Result {
	if s.err != nil {
		return system.Result{}
	}
	fmt.Fprintf(s.out, "    %s\n", s.paint("36", "$ hcsroute "+line))
	res, err := s.sys.CLI(ctx, strings.Fields(line)...)
	s.must(err)
	for _, text := range []string{res.Stdout, res.Stderr} {
		for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			if l != "" {
				fmt.Fprintf(s.out, "      %s\n", l)
			}
		}
	}
	if err == nil && res.Code != code && s.err == nil {
		s.err = fmt.Errorf("step %d: hcsroute %s ended with exit code %d, not %d", s.number, line, res.Code, code)
	}
	return res
}

// until polls a kernel until ok holds, and returns how long that took.
func (s *show) until(ctx context.Context, what string, ok func() (bool, error)) time.Duration {
	if s.err != nil {
		return 0
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if err != nil {
			s.must(err)
			return 0
		}
		if done {
			return time.Since(start)
		}
		select {
		case <-ctx.Done():
			s.must(fmt.Errorf("not within 10 s: %s", what))
			return 0
		case <-tick.C:
		}
	}
}
