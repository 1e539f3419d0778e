package engine

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
)

// The activities of other packages, by whose names they are called.
var (
	messaging *activities.Messaging
	archives  *activities.Archives
)

// plain is the message of an activity's error without the frame that Temporal
// puts around it.
func plain(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return err.Error()
}

// patiently gives a service some minutes to take a word. Longer outages are
// waited for on our own timer, so that a run can end.
func (r *run) patiently(summary string) workflow.Context {
	return workflow.WithActivityOptions(r.ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    20 * time.Second,
		ScheduleToCloseTimeout: 5 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: 2 * time.Second, BackoffCoefficient: 3, MaximumInterval: time.Minute, MaximumAttempts: 5},
		Summary:                summary,
	})
}
