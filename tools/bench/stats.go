package bench

import (
	"fmt"
	"slices"
	"time"
)

// sample holds measurements of one thing, in any one unit.
type sample []float64

func (s *sample) add(d time.Duration) { *s = append(*s, d.Seconds()) }

// quantile returns the q-th quantile, 0 to 1, by the nearest rank.
func (s sample) quantile(q float64) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	rank := int(q*float64(len(sorted)) + 0.5)
	return sorted[min(max(rank-1, 0), len(sorted)-1)]
}

func (s sample) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[middle-1] + sorted[middle]) / 2
	}
	return sorted[middle]
}

// seconds prints a duration with three digits.
func seconds(s float64) string {
	unit, scale := "s", 1.0
	switch {
	case s < 1e-3:
		unit, scale = "µs", 1e6
	case s < 1:
		unit, scale = "ms", 1e3
	}
	return digits(s*scale) + " " + unit
}

func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// spread is the median with the least and the greatest.
func (s sample) spread() string {
	if len(s) < 2 {
		return seconds(s.median())
	}
	return fmt.Sprintf("%s (%s–%s)", seconds(s.median()), seconds(slices.Min(s)), seconds(slices.Max(s)))
}
