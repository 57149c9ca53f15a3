package cli

import "fmt"

// progress is one line on the terminal that says how far long work is; on
// anything but a terminal it says nothing.
type progress struct {
	a     *app
	on    bool
	total int
}

func (a *app) progress(total int) *progress {
	return &progress{a: a, on: isTerminal(a.Err), total: total}
}

func (p *progress) show(done int, what string) {
	if p.on {
		fmt.Fprintf(p.a.Err, "\r\x1b[K%d of %d %s", done, p.total, what)
	}
}

func (p *progress) clear() {
	if p.on {
		fmt.Fprint(p.a.Err, "\r\x1b[K")
	}
}
