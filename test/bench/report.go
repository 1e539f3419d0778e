package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// A row is one figure of both sides over all rounds.
type row struct {
	name    string
	key     string // in the JSON, where the ratio counts
	floor   []float64
	parley  []float64
	control []float64 // the floor once more
	aim     float64   // of the ratio; 0: none
	atLeast bool      // the aim is a lower bound
}

// report holds the ratios, and the figures that have no other side, for the
// last line.
type report map[string]float64

// median of an even number is the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// spread is the median with the smallest and the largest.
func spread(values []float64) string {
	if len(values) == 0 {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", figure(median(values)), figure(slices.Min(values)), figure(slices.Max(values)))
}

// figure has three digits that count.
func figure(v float64) string {
	switch {
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// ratios pairs what was measured in the same round.
func ratios(of, to []float64) []float64 {
	r := make([]float64, min(len(of), len(to)))
	for i := range r {
		r[i] = of[i] / to[i]
	}
	return r
}

func (r report) set(key string, value float64) { r[key] = math.Round(value*1000) / 1000 }

// verdict says whether an aim is met. It is for the reader: a busy machine is no
// error.
func verdict(value, aim float64, atLeast bool) string {
	bound, met := "≤", value <= aim
	if atLeast {
		bound, met = "≥", value >= aim
	}
	if met {
		return fmt.Sprintf("%s %s met", bound, figure(aim))
	}
	return fmt.Sprintf("%s %s missed", bound, figure(aim))
}

// table prints rows and notes their ratios.
func (r report) table(out io.Writer, floor string, rows []*row) {
	cells := [][]string{{"", floor, "Parley", "Parley ÷ floor", "floor ÷ floor", "aim"}}
	for _, row := range rows {
		ratio, control := ratios(row.parley, row.floor), ratios(row.control, row.floor)
		line := []string{row.name, spread(row.floor), spread(row.parley), spread(ratio), spread(control), ""}
		if row.aim > 0 && len(ratio) > 0 {
			line[5] = verdict(median(ratio), row.aim, row.atLeast)
		}
		cells = append(cells, line)
		if row.key != "" && len(ratio) > 0 {
			r.set(row.key, median(ratio))
		}
	}
	grid(out, cells)
}

// grid aligns columns.
func grid(out io.Writer, cells [][]string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range cells {
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	_ = w.Flush()
}
