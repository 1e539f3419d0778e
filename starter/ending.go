package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	conversations "parley/conversation/client"
)

// askAgain is how often a wait for an ending looks whether the server is there.
const askAgain = time.Minute

// await waits until a workflow has ended, however long that takes.
func (s *server) await(ctx context.Context, id, runID string) (ending, error) {
	for {
		round, cancel := context.WithTimeout(ctx, askAgain)
		how, err := s.result(round, id, runID)
		cancel()
		switch {
		case err == nil:
			return how, nil
		case ctx.Err() != nil:
			return ending{}, fmt.Errorf("stopped waiting; %s goes on", id)
		case !conversations.IsTimeout(err):
			return ending{}, s.explain(lostSight(id), err)
		}
		if _, err := s.desk.Describe(ctx, id, runID); err != nil {
			return ending{}, fmt.Errorf("%s: %w", lostSight(id), err)
		}
	}
}

func lostSight(id string) string {
	return "lost sight of " + id + ", which goes on; the same command with that id waits again"
}

// ended is how a workflow that is closed ended.
func (s *server) ended(ctx context.Context, id, runID string) (ending, error) {
	ctx, cancel := s.desk.WithPatience(ctx)
	defer cancel()
	how, err := s.result(ctx, id, runID)
	return how, s.explain("reading how "+id+" ended", err)
}

// result waits for a workflow's end. An error says that it is not known.
func (s *server) result(ctx context.Context, id, runID string) (ending, error) {
	var raw json.RawMessage
	err := s.GetWorkflow(ctx, id, runID).Get(ctx, &raw)
	var execution *temporal.WorkflowExecutionError
	switch {
	case err == nil:
		return ending{Status: "completed", Result: raw}, nil
	case errors.As(err, &execution):
		return endingOf(execution.Unwrap()), nil
	}
	return ending{}, err
}

// endingOf reads how a workflow ended out of the error that stands for it. The
// type of the error itself counts: a workflow that failed may wrap any other.
func endingOf(cause error) ending {
	switch cause := cause.(type) { //nolint:errorlint // see above
	case *temporal.CanceledError:
		return ending{Status: "cancelled"}
	case *temporal.TerminatedError:
		return ending{Status: "terminated"}
	case *temporal.TimeoutError:
		return ending{Status: "timed out"}
	case *temporal.ApplicationError:
		return ending{Status: "failed", Reason: cause.Message()}
	default:
		return ending{Status: "failed", Reason: cause.Error()}
	}
}
