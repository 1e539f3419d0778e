package sinchtest

import (
	"parley/sms"
)

// Faults are what can go wrong with a carrier. Rates lie between 0 (never) and
// 1 (always). The zero value is a carrier without faults.
type Faults struct {
	// Answers with an error status, before anything was accepted: by status.
	Errors      map[int]float64 `json:"errors,omitempty"`       // of sends
	ReadErrors  map[int]float64 `json:"read_errors,omitempty"`  // of the other calls: list, app, webhooks, …
	TokenErrors map[int]float64 `json:"token_errors,omitempty"` // of the token endpoint
	RetryAfter  Duration        `json:"retry_after,omitempty"`  // sent with 429 and 503, in whole seconds, if set

	// The message is accepted, and the sender cannot know it.
	AcceptThen500  float64  `json:"accept_then_500,omitempty"`
	AcceptThenHang float64  `json:"accept_then_hang,omitempty"` // no answer; the connection is cut after HangFor
	HangFor        Duration `json:"hang_for,omitempty"`         // default: until the client gives up
	ResetAfter     float64  `json:"reset_after,omitempty"`      // the connection is reset instead of an answer

	ResetBefore    float64  `json:"reset_before,omitempty"` // the connection is reset, nothing was accepted
	Slow           float64  `json:"slow,omitempty"`         // answered rightly, after SlowFor
	SlowFor        Duration `json:"slow_for,omitempty"`     // default 2s
	CallbacksFirst float64  `json:"callbacks_first,omitempty"`

	Callbacks CallbackFaults `json:"callbacks,omitzero"`

	Fail        float64               `json:"fail,omitempty"`         // delivery fails
	FailReason  string                `json:"fail_reason,omitempty"`  // default RECIPIENT_NOT_REACHABLE
	FailNumbers map[sms.Number]string `json:"fail_numbers,omitempty"` // delivery to these always fails, with this reason
	Receipts    Receipts              `json:"receipts,omitempty"`

	Outage bool `json:"outage,omitempty"` // API and token endpoint answer 503 until this is false again

	// ExpireTokens ends every access token handed out so far, once.
	ExpireTokens bool `json:"expire_tokens,omitempty"`

	// Next are faults for the next calls, used up in order, before any rate.
	Next []OneShot `json:"next,omitempty"`
}

// CallbackFaults are what can go wrong with callbacks.
type CallbackFaults struct {
	Duplicate float64  `json:"duplicate,omitempty"` // delivered again after the webhook answered 2xx
	Delay     float64  `json:"delay,omitempty"`     // comes DelayFor too late, so that later ones overtake it
	DelayFor  Duration `json:"delay_for,omitempty"` // default 2s
	Reverse   float64  `json:"reverse,omitempty"`   // the callbacks of a send come in reverse order
	Drop      float64  `json:"drop,omitempty"`      // never comes; inbound messages are never dropped
}

// Receipts says which callbacks follow a send.
type Receipts string

// Networks may never report a delivery, and a webhook may not be subscribed.
const (
	AllReceipts     Receipts = ""
	NoFinalReceipts Receipts = "no_final" // MESSAGE_SUBMIT and QUEUED_ON_CHANNEL only
	NoReceipts      Receipts = "off"
)

// A OneShot is a fault for the next calls of one kind.
type OneShot struct {
	Fault string     `json:"fault"`        // see the constants
	Times int        `json:"times"`        // default 1
	On    Operation  `json:"on,omitempty"` // send (default), or another of the constants
	To    sms.Number `json:"to,omitempty"` // only messages of this phone; for send and callback

	Status     int      `json:"status,omitempty"`      // of error (503) and accept_then_500 (500)
	RetryAfter Duration `json:"retry_after,omitempty"` // of error
	For        Duration `json:"for,omitempty"`         // how long to hang, be slow, or delay
	Reason     string   `json:"reason,omitempty"`      // of fail
}

// The faults a OneShot can name.
const (
	FaultError          = "error"           // any call: answered with Status, nothing accepted
	FaultSlow           = "slow"            // any call
	FaultResetBefore    = "reset_before"    // any call
	FaultResetAfter     = "reset_after"     // sends and deletes: done, but not answered
	FaultAcceptThen500  = "accept_then_500" // the rest: sends
	FaultAcceptThenHang = "accept_then_hang"
	FaultCallbacksFirst = "callbacks_first" // the callbacks come before the answer
	FaultReverse        = "reverse"         // the callbacks come in reverse order
	FaultFail           = "fail"            // delivery fails with Reason
	FaultNoReceipts     = "no_receipts"     // no callbacks for this message
	FaultDuplicate      = "duplicate"       // callbacks
	FaultDelay          = "delay"
	FaultDrop           = "drop"
)

// An Operation is a kind of call that a fault can be asked for.
type Operation string

// The operations. OnCallback is what the server calls itself.
const (
	OnSend          Operation = "send"
	OnList          Operation = "list"
	OnContacts      Operation = "contacts"
	OnConversations Operation = "conversations"
	OnDelete        Operation = "delete" // of messages, conversations and contacts
	OnApp           Operation = "app"
	OnWebhooks      Operation = "webhooks"
	OnToken         Operation = "token"
	OnCallback      Operation = "callback"
)

var faultsOf = map[Operation][]string{
	OnSend: {
		FaultError, FaultSlow, FaultResetBefore, FaultAcceptThen500, FaultAcceptThenHang,
		FaultResetAfter, FaultCallbacksFirst, FaultReverse, FaultFail, FaultNoReceipts,
	},
	OnList:          {FaultError, FaultSlow, FaultResetBefore},
	OnContacts:      {FaultError, FaultSlow, FaultResetBefore},
	OnConversations: {FaultError, FaultSlow, FaultResetBefore},
	OnDelete:        {FaultError, FaultSlow, FaultResetBefore, FaultResetAfter},
	OnApp:           {FaultError, FaultSlow, FaultResetBefore},
	OnWebhooks:      {FaultError, FaultSlow, FaultResetBefore},
	OnToken:         {FaultError},
	OnCallback:      {FaultDuplicate, FaultDelay, FaultDrop},
}
