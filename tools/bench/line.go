package bench

// Figure is one measured number.
type Figure struct {
	// Name says whose it is.
	Name string
	// Text is how it is printed.
	Text string
	// Seconds is for the chart; zero where it is no duration or was not measured.
	Seconds float64
}

// Verdict compares a line with its goal.
type Verdict string

// The verdicts. Shown is for a line without a goal of its own.
const (
	Met    Verdict = "met"
	Missed Verdict = "**missed**"
	Shown  Verdict = ""
)

func verdict(ok bool) Verdict {
	if ok {
		return Met
	}
	return Missed
}

// Line is a line of the table.
type Line struct {
	Row  string // of the table; see --only
	Work string
	Ours Figure
	// Limit is the same work without us: the kernel, the disk or gRPC alone.
	Limit Figure
	Peers []Figure
	Goal  string
	// Reached is the goal's quantity.
	Reached string
	Verdict Verdict
}

// figure makes a figure of a sample of durations.
func figure(name string, s sample) Figure {
	if len(s) == 0 {
		return Figure{Name: name, Text: "–"}
	}
	return Figure{Name: name, Text: s.spread(), Seconds: s.median()}
}

// tail makes a figure of p50 and p99.
func tail(name string, s sample) Figure {
	return Figure{
		Name: name, Text: "p50 " + seconds(s.median()) + ", p99 " + seconds(s.quantile(0.99)), Seconds: s.median(),
	}
}

// absent stands in the table for a program that this machine lacks.
const absent = "not installed"
