package sinchtest

import "parley/sms"

// Faults are what can go wrong with a carrier. Rates lie between 0 (never) and
// 1 (always). The zero value is a carrier without faults.
type Faults struct {
	// Answers with an error status, before anything was accepted: by status.
	Errors         map[int]float64 `json:"errors,omitempty"`           // of sends
	ReadErrors     map[int]float64 `json:"read_errors,omitempty"`      // of the other calls: list, app, webhooks, …
	TokenErrors    map[int]float64 `json:"token_errors,omitempty"`     // of the token endpoint
	RetryAfter     Duration        `json:"retry_after,omitempty"`      // sent with 429 and 503, in whole seconds, if set
	RetryAfterDate bool            `json:"retry_after_date,omitempty"` // sends it as a date

	// Answers are the rates of whatever else can happen to the answer of a call,
	// by operation and by the name of the fault: {"list":{"broken_json":0.05}}.
	Answers    map[Operation]map[string]float64 `json:"answers,omitempty"`
	TrickleFor Duration                         `json:"trickle_for,omitempty"` // default 4s

	// The message is accepted, and the sender cannot know it.
	AcceptThen500  float64  `json:"accept_then_500,omitempty"`
	AcceptThenHang float64  `json:"accept_then_hang,omitempty"` // no answer; the connection is cut after HangFor
	HangFor        Duration `json:"hang_for,omitempty"`         // default: until the client gives up
	ResetAfter     float64  `json:"reset_after,omitempty"`      // the connection is reset instead of an answer

	ResetBefore    float64  `json:"reset_before,omitempty"` // the connection is reset, nothing was accepted
	Slow           float64  `json:"slow,omitempty"`         // any call: answered rightly, after SlowFor
	SlowFor        Duration `json:"slow_for,omitempty"`     // default 2s
	CallbacksFirst float64  `json:"callbacks_first,omitempty"`

	Callbacks CallbackFaults `json:"callbacks,omitzero"`
	Strays    Strays         `json:"strays,omitzero"`
	List      ListFaults     `json:"list,omitzero"`

	Fail        float64               `json:"fail,omitempty"`         // delivery fails
	FailReason  string                `json:"fail_reason,omitempty"`  // default RECIPIENT_NOT_REACHABLE
	FailNumbers map[sms.Number]string `json:"fail_numbers,omitempty"` // delivery to these always fails, with this reason
	Receipts    Receipts              `json:"receipts,omitempty"`

	Outage bool `json:"outage,omitempty"` // API and token endpoint answer 503 until this is false again

	// ExpireTokens ends every access token handed out so far, once.
	ExpireTokens bool `json:"expire_tokens,omitempty"`
	// RevokeTokens is the rate of API calls that end every access token handed out
	// so far, and are answered 401.
	RevokeTokens float64   `json:"revoke_tokens,omitempty"`
	ExpiresIn    ExpiresIn `json:"expires_in,omitempty"`

	// Next are faults for the next calls, used up in order, before any rate.
	Next []OneShot `json:"next,omitempty"`
}

// CallbackFaults are what can go wrong with callbacks.
type CallbackFaults struct {
	Duplicate float64  `json:"duplicate,omitempty"` // delivered again after the webhook answered 2xx
	Resigned  float64  `json:"resigned,omitempty"`  // the same, with a time, nonce and signature of its own
	Delay     float64  `json:"delay,omitempty"`     // comes DelayFor too late, so that later ones overtake it
	DelayFor  Duration `json:"delay_for,omitempty"` // default 2s
	Reverse   float64  `json:"reverse,omitempty"`   // the callbacks of a send come in reverse order
	Drop      float64  `json:"drop,omitempty"`      // never comes; inbound messages are never dropped
	Future    float64  `json:"future,omitempty"`    // texts from phones are dated ahead by FutureBy, in the list too
	FutureBy  Duration `json:"future_by,omitempty"` // default 1h
}

// Strays are the rates at which a send has a receipt beside the right ones. All
// are signed rightly.
type Strays struct {
	OtherNumber     float64 `json:"other_number,omitempty"`     // of the same message, with the number of another phone
	ForeignMetadata float64 `json:"foreign_metadata,omitempty"` // of another message, with the metadata of another program
	UnknownStatus   float64 `json:"unknown_status,omitempty"`   // with a status that the documentation does not have
}

// ListFaults are what can go wrong with the list of messages.
type ListFaults struct {
	Shuffled   bool      `json:"shuffled,omitempty"`    // the messages of a page come in any order
	Page       int       `json:"page,omitempty"`        // the most messages on a page, whatever was asked for
	EmptyPages bool      `json:"empty_pages,omitempty"` // between each two pages comes an empty one
	Token      ListToken `json:"token,omitempty"`       // what is wrong with the token of the next page
	Others     int       `json:"others,omitempty"`      // so many messages to other numbers stand before all of ours
}

// ListToken is what is wrong with the token of the next page.
type ListToken string

// The empty value is a token that leads to the next page.
const (
	ListTokenLooping ListToken = "looping" // it leads to the same page again
	ListTokenWrong   ListToken = "wrong"   // it is answered 400
)

// Receipts says which callbacks follow a send.
type Receipts string

// Networks may never report a delivery, and a webhook may not be subscribed.
const (
	AllReceipts     Receipts = ""
	NoFinalReceipts Receipts = "no_final" // MESSAGE_SUBMIT and QUEUED_ON_CHANNEL only
	NoReceipts      Receipts = "off"
)

// ExpiresIn is what the token endpoint says about how long a token lives. The
// token itself lives as long as ever.
type ExpiresIn string

// What can be wrong with expires_in; the empty value is right.
const (
	ExpiresInZero     ExpiresIn = "zero"
	ExpiresInNegative ExpiresIn = "negative"
	ExpiresInMissing  ExpiresIn = "missing"
	ExpiresInString   ExpiresIn = "string" // the right number, as a JSON string
)
