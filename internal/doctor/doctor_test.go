package doctor

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"

	"parley/internal/connect"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
)

// examined examines an installation, and returns what was found by check. Temporal
// is away there. What is found must be fit for a ticket.
func examined(t *testing.T, env settings.Env, change ...func(*Doctor)) map[string][]Finding {
	t.Helper()
	kept, err := parameters.Open(slog.New(slog.DiscardHandler), noop.Meter{})
	require.NoError(t, err)
	env["TEMPORAL_CONFIG_FILE"] = os.DevNull
	if env["TEMPORAL_ADDRESS"] == "" {
		env["TEMPORAL_ADDRESS"] = "127.0.0.1:9"
	}
	d := Doctor{
		Env: env, Parameters: kept, Zone: time.UTC, Timeout: 10 * time.Second, Sample: 50,
		Dial: func(ctx context.Context, _ settings.Temporal) (*Server, error) {
			options, err := connect.Options(slog.New(slog.DiscardHandler), env, nil)
			require.NoError(t, err)
			_, err = connect.Dial(ctx, options)
			return nil, err
		},
	}
	for _, c := range change {
		c(&d)
	}
	var reported []Finding
	all := d.Examine(t.Context(), func(found []Finding) { reported = append(reported, found...) })
	require.Equal(t, reported, all)

	shown, err := json.Marshal(all)
	require.NoError(t, err)
	found := map[string][]Finding{}
	for name, value := range env {
		if !strings.HasSuffix(name, "_PARAM") && (strings.Contains(name, "SECRET") || strings.Contains(name, "_KEY") || strings.Contains(name, "SENDER")) {
			require.NotContains(t, string(shown), value, name)
		}
	}
	for _, f := range all {
		found[f.Check] = append(found[f.Check], f)
	}
	require.Equal(t, Fail, one(t, found, "Temporal").Status)
	return found
}

// probing has a URL probed.
func probing(target string) func(*Doctor) { return func(d *Doctor) { d.Probe = target } }

// hasty waits no longer than it must.
func hasty(d *Doctor) { d.Timeout = 300 * time.Millisecond }

// one is the only finding of a check.
func one(t *testing.T, found map[string][]Finding, check string) Finding {
	t.Helper()
	require.Len(t, found[check], 1, "%s of %v", check, found)
	return found[check][0]
}
