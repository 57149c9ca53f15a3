package agentapi

import (
	"time"
	"unicode/utf8"
)

// Limits of what an agent reports. A host takes an agent that goes beyond them for
// faulty or compromised, so an agent keeps to them whatever its node is like.
const (
	// MaxReport bounds a message of an agent, in bytes: a report of 100,000 exceptions.
	MaxReport = 64 << 20
	// MaxNICs is how many NICs are reported.
	MaxNICs = 512
	// MaxNetworks is how many addresses, and connected networks, of a NIC are reported.
	MaxNetworks = 256
	// MaxText is the longest text, in bytes. A host shows less of it.
	MaxText = 4 << 10

	// BurstReports may come at once, and ReportsPerSecond for long, beside those
	// that answer the host. StatusesOfReport statuses count for one report more.
	BurstReports     = 10_000
	ReportsPerSecond = 1000
	StatusesOfReport = 256
)

// Cut is a text of no more than MaxText bytes.
func Cut(s string) string {
	if len(s) <= MaxText {
		return s
	}
	const dots = "..."
	return Head(s, MaxText-len(dots)) + dots
}

// Head is what of s fits into n bytes, without half a character at its end.
func Head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Level is what has come in and not yet drained away, at a steady rate.
type Level struct {
	now  float64
	last time.Time
}

// At is the level at a time, with drain a second since the last; then more comes in.
func (l *Level) At(now time.Time, drain, more float64) float64 {
	if !l.last.IsZero() {
		l.now = max(0, l.now-now.Sub(l.last).Seconds()*drain)
	}
	l.last = now
	l.now = max(0, l.now+more)
	return l.now
}

// Allowance is what is spent of the reports that an agent may send.
type Allowance struct{ spent Level }

// Spend spends on a report with so many statuses that answers so many changes of
// the host, and reports whether that is within the burst.
func (a *Allowance) Spend(now time.Time, statuses, answers int) bool {
	return a.spent.At(now, ReportsPerSecond, 1+float64(statuses)/StatusesOfReport-float64(answers)) <= BurstReports
}

// Wait is the time until half of the burst is left: an agent that waits so long
// stays within it also where its reports reach the host in bursts.
func (a *Allowance) Wait(now time.Time) time.Duration {
	return time.Duration(max(0, a.spent.At(now, ReportsPerSecond, 0)-BurstReports/2) / ReportsPerSecond * float64(time.Second))
}
