package stack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Actions reads what the Temporal server behind a metrics URL counts as billable
// in a namespace, by type. It brings these figures up to date every few seconds.
func Actions(ctx context.Context, metrics, namespace string) (byType map[string]float64, err error) {
	text, err := Fetch(ctx, metrics)
	if err != nil {
		return nil, err
	}
	byType = map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		labels, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok || !strings.HasPrefix(labels, "action{") || !strings.Contains(labels, fmt.Sprintf("namespace=%q", namespace)) {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("reading the server's figures: %w", err)
		}
		_, kind, _ := strings.Cut(labels, `action_type="`)
		kind, _, _ = strings.Cut(kind, `"`)
		byType[kind] += n
	}
	return byType, nil
}
