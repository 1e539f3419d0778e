package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/converter"
)

// TestDetailsAreMasked: whoever may look at a workflow in the UI reads no phone
// number there, and no code.
func TestDetailsAreMasked(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	k.at(0, func() { k.text("1", "Call +1 (555) 987-6543. My code is 493021, at 10:30") })
	k.at(time.Hour, func() {
		value, err := k.env.QueryWorkflow("__temporal_workflow_metadata")
		require.NoError(t, err)
		var raw converter.RawValue
		require.NoError(t, value.Get(&raw))
		var metadata sdkpb.WorkflowMetadata
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &metadata))
		require.Contains(t, metadata.GetCurrentDetails(), "Call +1•••543. My code is •••21, at 10:30")
	})
	k.run()
}
