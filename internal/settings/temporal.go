package settings

import "parley/internal/secrets"

// Temporal says which task queues are used. Where the server is, and how to
// reach it, is read from TEMPORAL_* and the profile file by package connect,
// just as Temporal's own command line does.
type Temporal struct {
	TaskQueue     string `default:"parley" env:"TEMPORAL_TASK_QUEUE" placeholder:"NAME" help:"Task queue of conversations and scripts. Default: ${default}."`
	SendTaskQueue string `env:"PARLEY_SEND_TASK_QUEUE" placeholder:"NAME" help:"Task queue of sending, if it shall be another one: then a process of its own can hold the carrier's credentials, and sending can be paused."`
	APIKeyParam   string `name:"temporal-api-key-param" env:"TEMPORAL_API_KEY_PARAM" placeholder:"NAME" help:"Parameter of AWS's SSM Parameter Store that holds Temporal's API key, if that is not set itself."`
}

// APIKey is the key that is kept in a parameter, or nil. One that is set itself
// is read with all else that leads to the server.
func (t Temporal) APIKey(p Parameters) secrets.Value { return value("", t.APIKeyParam, p) }

// SendsApart reports whether sending has a task queue of its own.
func (t Temporal) SendsApart() bool { return t.SendTaskQueue != "" && t.SendTaskQueue != t.TaskQueue }
