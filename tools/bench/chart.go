package bench

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Sizes of the chart, in pixels.
const (
	chartWidth  = 960
	chartLeft   = 20
	barsLeft    = 300
	barsRight   = 820
	barHeight   = 14
	titleHeight = 22
	groupGap    = 10
	headHeight  = 64
)

type bar struct {
	name    string
	seconds float64
	colour  string
}

// chart draws the durations of the table as bars on a logarithmic scale.
func chart(machine string, table []Line) string {
	type group struct {
		title string
		bars  []bar
	}
	var groups []group
	least, most := math.Inf(1), 0.0
	for _, l := range table {
		var bars []bar
		add := func(f Figure, colour string) {
			if f.Seconds > 0 {
				bars = append(bars, bar{f.Name, f.Seconds, colour})
				least, most = min(least, f.Seconds), max(most, f.Seconds)
			}
		}
		add(l.Ours, "#1f6feb")
		if len(bars) == 0 {
			continue
		}
		add(l.Limit, "#8b949e")
		for _, p := range l.Peers {
			add(p, "#d29922")
		}
		groups = append(groups, group{l.Work, bars})
	}
	// Whole powers of ten at both ends.
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	if len(groups) == 0 {
		low, high = -3, 0
	}
	high = max(high, low+1)
	x := func(s float64) float64 {
		return barsLeft + (math.Log10(s)-low)/(high-low)*(barsRight-barsLeft)
	}
	height := headHeight
	for _, g := range groups {
		height += titleHeight + len(g.bars)*barHeight + groupGap
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", chartWidth, height+groupGap)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#ffffff"/>`+"\n")
	fmt.Fprintf(&b, `<text x="%d" y="18" font-size="13" font-weight="bold">hcsroute (blue) beside the bare limit (grey) and peers (amber), medians, logarithmic</text>`+"\n", chartLeft)
	fmt.Fprintf(&b, `<text x="%d" y="34" font-size="9" fill="#57606a">%s</text>`+"\n", chartLeft, html.EscapeString(machine))
	for p := low; p <= high; p++ {
		at := x(math.Pow(10, p))
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#d0d7de"/><text x="%.1f" y="%d" text-anchor="middle" fill="#57606a">%s</text>`+"\n",
			at, headHeight-4, at, height, at, headHeight-8, power(p))
	}
	y := headHeight
	for _, g := range groups {
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", chartLeft, y+titleHeight-8, html.EscapeString(g.title))
		y += titleHeight
		for _, r := range g.bars {
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`+"\n",
				barsLeft-6, y+barHeight-4, html.EscapeString(r.name), barsLeft, y+1, max(1, x(r.seconds)-barsLeft), barHeight-3, r.colour,
				x(r.seconds)+5, y+barHeight-4, seconds(r.seconds))
			y += barHeight
		}
		y += groupGap
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// power prints a power of ten of a second.
func power(p float64) string {
	switch {
	case p < -3:
		return fmt.Sprintf("%.0f µs", math.Pow(10, p+6))
	case p < 0:
		return fmt.Sprintf("%.0f ms", math.Pow(10, p+3))
	}
	return fmt.Sprintf("%.0f s", math.Pow(10, p))
}
