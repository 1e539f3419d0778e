package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/internal/replay"
	"parley/internal/settings"
	"parley/workflows"
)

const recorded = "../workflows/testdata/histories/v1/feedback-two-questions.json"

// TestReplayFiles: neither a server nor anything of the carrier's is needed.
func TestReplayFiles(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	envelopes := "../conversation/engine/testdata/envelopes"
	kept, err := filepath.Glob("../conversation/engine/testdata/histories/*/*.json")
	require.NoError(t, err)
	all := fmt.Sprintf("Conversation   1      %d        %-2d   0             0", len(kept)-1, len(kept))
	tests := []struct {
		name string
		args []string
		out  string
		err  string
	}{
		{"a folder", []string{"--from", "../conversation/engine/testdata/histories"}, all, ""},
		{"a file", []string{"--from", recorded}, "Feedback   0      1        1    0             0", ""},
		{"nothing", []string{"--from", empty}, "There was nothing to replay", ""},
		{"no such folder", []string{"--from", filepath.Join(empty, "x")}, "", "looking for histories"},
		{"other JSON", []string{"--from", envelopes}, "", "it is no history from its first event on"},
		{"a folder to save in that is there", []string{"--from", recorded, "--save", empty}, "", "name one that does not exist yet"},
		{"no server", nil, "", "reaching Temporal at 127.0.0.1:9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
			var out bytes.Buffer
			err := run(t.Context(), append([]string{"replay"}, tt.args...), env, &out, io.Discard)
			require.Contains(t, out.String(), tt.out)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.err)
		})
	}
}

// curious is a script that decides by a text.
func curious(ctx workflow.Context, in workflows.Visit) (workflows.Rating, error) {
	rating, err := workflows.Feedback(ctx, in)
	if err == nil && rating.Why != "Everything" {
		err = workflow.Sleep(ctx, time.Hour)
	}
	return rating, err
}

// TestNotSaved: what cannot be replayed without its texts is no test data.
func TestNotSaved(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string][]string{"anonymous": nil, "kept": {"answer"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := read(recorded)
			require.NoError(t, err)
			r := &rehearsal{
				replayCmd: replayCmd{Save: t.TempDir()}, rules: rules(client.Options{}, keep), report: &replay.Report{}, log: slog.New(slog.DiscardHandler),
				build: replay.Build{Options: worker.WorkflowReplayerOptions{Interceptors: plan{}.interceptors(wire.IDs{})}, Register: func(w worker.Registry) {
					engine.Register(w, &engine.Toolkit{})
					w.RegisterWorkflowWithOptions(curious, workflow.RegisterOptions{Name: "Feedback"})
				}},
			}
			require.NoError(t, r.one(0, replay.Run{Type: "Feedback", WorkflowID: "feedback-1"}, "", h))
			files, err := os.ReadDir(r.Save)
			require.NoError(t, err)
			if keep != nil {
				require.Len(t, files, 1)
				require.Empty(t, r.report.Of("Feedback").NotSaved)
				return
			}
			require.Empty(t, files)
			require.Contains(t, r.report.Of("Feedback").NotSaved[0].What, "it depends on its texts (name what holds nothing of a person by --keep)")
			var out bytes.Buffer
			require.NoError(t, r.print(&out))
			require.Contains(t, out.String(), "1 of Feedback not saved, the first is feedback-1")
		})
	}
}
