package workflows

import (
	"encoding/json"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation"
)

var outcomes *activities.Outcomes

// record tells the business system how a script ended.
func record(ctx workflow.Context, reference, outcome string, result any) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	info := workflow.GetInfo(ctx)
	run := info.OriginalRunID // which a reset does not change
	if run == "" {
		run = info.WorkflowExecution.RunID
	}
	_, err = conversation.Do[any](ctx, outcomes.RecordOutcome, activities.Outcome{
		ID: run + "/" + outcome, Script: info.WorkflowType.Name, Reference: reference, Outcome: outcome, Result: raw, Time: workflow.Now(ctx),
	})
	return err
}
