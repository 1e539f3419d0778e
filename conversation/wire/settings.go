package wire

import (
	"time"
)

// Settings are read once per run, so that a changed one never breaks a running
// conversation.
type Settings struct {
	IdleAfter        time.Duration   `json:"idle_after"`             // silence after which the conversation closes
	ContinueAfter    int             `json:"continue_after"`         // history events; 0: when the server suggests
	RememberFor      time.Duration   `json:"remember_for"`           // how long a duplicate is recognised
	OptOutReply      string          `json:"opt_out_reply"`          // empty: the network answers itself
	OptInReply       string          `json:"opt_in_reply"`           //
	HelpReply        string          `json:"help_reply"`             //
	TextsPerHour     int             `json:"texts_per_hour"`         // automatic ones, to one number; 0: no limit
	ResponderTries   []time.Duration `json:"responder_tries"`        // waits between tries
	Patience         time.Duration   `json:"patience"`               // with a responder that cannot be reached
	SendTaskQueue    string          `json:"send_task_queue"`        // empty: the conversation's own
	SearchAttributes bool            `json:"search_attributes"`      // registered in this namespace
	Hooks            []Hook          `json:"hooks,omitempty"`        // the services that are set
	Archive          bool            `json:"archive"`                // messages are kept beyond retention
	Suppressions     bool            `json:"suppressions,omitempty"` // ids hold no numbers, and contacts may have been erased
	Version          int             `json:"version,omitempty"`      // not a setting: the newest that the run knew when it began
}

// DefaultSettings are good for production.
func DefaultSettings() Settings {
	return Settings{
		IdleAfter:      7 * 24 * time.Hour,
		RememberFor:    24 * time.Hour,
		OptOutReply:    "You are unsubscribed and will get no more messages from this number. Reply START to get them again.",
		OptInReply:     "You are subscribed again. Reply HELP for help, STOP to unsubscribe.",
		HelpReply:      "This number answers texts about your appointments and orders. Reply STOP to unsubscribe. Message and data rates may apply.",
		TextsPerHour:   30,
		ResponderTries: []time.Duration{10 * time.Second, time.Minute},
		Patience:       time.Hour,
	}
}
