package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"parley/conversation/wire"
)

// FuzzEvents: whatever is signalled, a conversation goes on and obeys the next
// STOP, unless the event says that it is of a newer build.
func FuzzEvents(f *testing.F) {
	files, err := filepath.Glob("testdata/envelopes/v1/*.json")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(data)
	}
	for _, data := range []string{
		"", "null", "5", `{"schema":3}`, `{"schema":1,"id":"x","kind":"inbound","body":null}`, `{"schema":1,"id":"x","kind":"send","body":{"text":5}}`,
		`{"schema":1,"id":"x","kind":"optout","body":{"at":"0001-01-01T00:00:00Z","source":""}}`, `{"schema":1,"id":"x","kind":"retry","body":{}}`,
		`{"schema":1,"id":"x","kind":"watch","body":{"script":{"type":"S","workflow_id":"w"},"until":"9999-12-31T23:59:59Z"}}`,
		`{"schema":1,"id":"x","kind":"ask","body":{"script":{"type":"S","workflow_id":"w","run_id":"r"},"text":"?","timeout":-1}}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k := newTalk(t)
		k.at(time.Minute, func() {
			k.env.SignalWorkflow(wire.EventSignal, converter.NewRawValue(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: data}))
		})
		k.at(time.Hour, func() { k.text("stop", "STOP") })
		k.at(2*time.Hour, func() {
			state := k.state()
			require.NotNil(t, state.OptedOut)
			k.env.CancelWorkflow() // recorded and ignored
		})
		k.at(3*time.Hour, func() { k.text("start", "START") })
		k.play(wire.Start{Contact: contact})
		if err := k.env.GetWorkflowError(); err != nil {
			require.True(t, strings.Contains(err.Error(), "deploy the newer worker") || strings.Contains(err.Error(), "ContinueAsNew"), "%v", err)
		}
	})
}
