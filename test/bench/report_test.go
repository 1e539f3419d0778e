package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentile(t *testing.T) {
	t.Parallel()

	var took []time.Duration
	for i := range 100 {
		took = append(took, time.Duration(100-i)*time.Millisecond)
	}
	require.InDelta(t, 50, percentile(50, took), 0)
	require.InDelta(t, 95, percentile(95, took), 0)
	require.InDelta(t, 99, percentile(99, took), 0)
	require.InDelta(t, 7, percentile(99, []time.Duration{7 * time.Millisecond}), 0)
	require.Zero(t, percentile(50, nil))
}

func TestTable(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	r := report{}
	r.table(&out, "floor", []*row{
		{name: "turns/s", key: "throughput", floor: []float64{100, 200, 50}, parley: []float64{90, 190, 40}, control: []float64{100, 220, 50}, aim: 0.9, atLeast: true},
		{name: "ms", key: "p50", floor: []float64{10, 10}, parley: []float64{12, 11}, aim: 1.1},
	})
	require.Equal(t, `         floor             Parley            Parley ÷ floor    floor ÷ floor     aim
turns/s  100 (50.0–200)    90.0 (40.0–190)   0.90 (0.80–0.95)  1.00 (1.00–1.10)  ≥ 0.90 met
ms       10.0 (10.0–10.0)  11.5 (11.0–12.0)  1.15 (1.10–1.20)  –                 ≤ 1.10 missed
`, out.String())
	require.Equal(t, report{"throughput": 0.9, "p50": 1.15}, r, "the median of the ratios, not the ratio of the medians")
}
