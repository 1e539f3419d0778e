package settings

import (
	"errors"
	"math"

	"parley/internal/secrets"
)

// Temporal says which task queues are used. Where the server is, and how to
// reach it, is read from TEMPORAL_* and the profile file by package connect,
// just as Temporal's own command line does.
type Temporal struct {
	TaskQueue     string `default:"parley" env:"TEMPORAL_TASK_QUEUE" placeholder:"NAME" help:"Task queue of conversations and scripts. Default: ${default}."`
	SendTaskQueue string `env:"PARLEY_SEND_TASK_QUEUE" placeholder:"NAME" help:"Task queue of sending, if sending has its own: then a process of its own can hold the carrier's credentials, and sending can be paused."`
	APIKeyParam   string `name:"temporal-api-key-param" env:"TEMPORAL_API_KEY_PARAM" placeholder:"NAME" help:"Parameter of AWS's SSM Parameter Store that holds Temporal's API key, if that is not set itself."`
}

// APIKey is the key that is kept in a parameter, or nil. One that is set itself
// is read with all else that leads to the server.
func (t Temporal) APIKey(p Parameters) secrets.Value { return value("", t.APIKeyParam, p) }

// SendsApart reports whether sending has a task queue of its own.
func (t Temporal) SendsApart() bool { return t.SendTaskQueue != "" && t.SendTaskQueue != t.TaskQueue }

// Sending says how fast texts may leave. Only who sends needs it.
type Sending struct {
	SendRate *float64 `env:"PARLEY_SEND_RATE" placeholder:"10" help:"How many texts may leave in a second, counted over all workers by the server; give each the same. Needs PARLEY_SEND_TASK_QUEUE. Default: as many as there are."`
}

// Rate is the number of texts in a second, and 0 for no limit.
func (s Sending) Rate(t Temporal) (float64, error) {
	switch {
	case s.SendRate == nil:
		return 0, nil
	case !(*s.SendRate > 0) || math.IsInf(*s.SendRate, 0): // so that NaN is refused, too
		return 0, errors.New("set PARLEY_SEND_RATE to the number of texts in a second, such as 10 or 0.5; to send none for a while, use parley pause-sending")
	case !t.SendsApart():
		// The server limits a queue, whatever the work on it.
		return 0, errors.New("set PARLEY_SEND_TASK_QUEUE to a queue of its own, for all workers: on the one queue PARLEY_SEND_RATE would slow down the responder too")
	}
	return *s.SendRate, nil
}
