package conversation

import (
	"encoding/json"
	"time"

	"parley/activities"
	"parley/sms"
)

// What one conversation may hold. Over a bound a newcomer is refused with a
// reason, or the oldest is let go and counted.
const (
	maxOutbox          = 100
	maxQuestions       = 20
	maxSays            = 100
	maxParked          = 50
	maxTranscript      = 100
	maxTranscriptBytes = 64 << 10
	maxSeen            = 500
	maxEarlyReceipts   = 50
	maxOutcomes        = 50
	maxOutcomeBytes    = 16 << 10
	maxInbox           = 30
	maxBacklog         = 30
	maxTurnTexts       = 20
	maxParkedBytes     = 32 << 10
	maxMended          = 20
	maxErrands         = 30
	maxResendsWaiting  = 20
	maxWatches         = 50
	maxSteps           = 16
	maxRecalled        = 20
	maxEvictees        = 100
	maxEvicteeBytes    = 32 << 10
	maxRecalledBytes   = 8 << 10
	maxTextSegments    = 10
	maxTextBytes       = 2100     // of a text of the contact: ten segments in any alphabet
	maxInputBytes      = 16 << 10 // of a script that the responder starts
	maxIDBytes         = 200
	maxEventIDBytes    = 500
)

// State is everything a conversation knows: the answer to its query, the input
// of its next run, and its result when it closes.
type State struct {
	Schema     int        `json:"schema"`
	Contact    sms.Number `json:"contact"`
	Sender     sms.Sender `json:"sender,omitempty"`
	FirstRunID string     `json:"first_run_id"`
	StartedAt  time.Time  `json:"started_at"`
	ActiveAt   time.Time  `json:"active_at"`
	Run        int        `json:"run"` // counts continue-as-new

	Before     []activities.Line `json:"before,omitempty"`     // the end of an earlier conversation, from the archive
	Transcript []Message         `json:"transcript,omitempty"` // oldest first; what was said, and what became of it
	Outbox     []Message         `json:"outbox,omitempty"`     // what the carrier has not taken yet, in order
	Resends    []Message         `json:"resends,omitempty"`    // of texts that did not arrive; each waits for its time
	Questions  []PendingQuestion `json:"questions,omitempty"`  // the first may be open, the others wait
	Floor      Floor             `json:"floor,omitzero"`
	Inbox      []Text            `json:"inbox,omitempty"`   // texts not yet given to a question or the responder
	Backlog    []Text            `json:"backlog,omitempty"` // texts that wait for the responder
	Turn       *Turn             `json:"turn,omitempty"`    // what the responder is working on
	Redo       []Turn            `json:"redo,omitempty"`    // turns that were parked and shall be tried again
	Says       []Say             `json:"says,omitempty"`    // scripts' messages that wait for the floor
	Watches    []Watch           `json:"watches,omitempty"` // scripts that want to know whether a text arrived
	OptedOut   *OptOut           `json:"opted_out,omitempty"`
	OptedIn    time.Time         `json:"opted_in,omitzero"` // by the carrier's clock, of the last START that counted
	Parked     []Parked          `json:"parked,omitempty"`
	Mended     []Mended          `json:"mended,omitempty"` // what was parked, and what a person did about it
	Errands    []Errand          `json:"errands,omitempty"`
	Attention  *Attention        `json:"attention,omitempty"`

	Settings      Settings      `json:"settings"`
	LastKey       int           `json:"last_key"`
	Seen          []Seen        `json:"seen,omitempty"`
	Requests      []Request     `json:"requests,omitempty"`
	Outcomes      []Ended       `json:"outcomes,omitempty"`
	EarlyReceipts []sms.Receipt `json:"early_receipts,omitempty"`
	RepliedAt     []time.Time   `json:"replied_at,omitempty"` // of the last hour's automatic texts
	LastDropped   int           `json:"last_dropped,omitempty"`
	LastParked    int           `json:"last_parked,omitempty"`
	Recalled      bool          `json:"recalled,omitempty"` // the archive was asked for what was said before
	Evictees      []Message     `json:"evictees,omitempty"` // left the transcript before they were archived
	ArchiveAt     time.Time     `json:"archive_at,omitzero"`
	ArchiveAway   bool          `json:"archive_away,omitempty"` // it took nothing the last time
	Evicted       int           `json:"evicted,omitempty"`
	Skipped       []Skipped     `json:"skipped,omitempty"`
	Shown         shown         `json:"shown,omitzero"`
}

// A Message is one text of the transcript, in either direction.
type Message struct {
	Key       string       `json:"key,omitempty"`        // ours; only on messages from us
	MessageID string       `json:"message_id,omitempty"` // the carrier's
	Carrier   string       `json:"conversation_id,omitempty"`
	From      string       `json:"from"` // "contact", "responder", "parley", a script's type, or who sent it
	Sender    sms.Sender   `json:"sender,omitempty"`
	Kind      sms.Kind     `json:"kind,omitempty"`
	Text      string       `json:"text"`
	Reference string       `json:"reference,omitempty"`
	Status    sms.Status   `json:"status,omitempty"` // only on messages from us
	Reason    string       `json:"reason,omitempty"`
	Class     sms.Class    `json:"class,omitempty"`       // of a failed delivery: may it pass?
	At        time.Time    `json:"at"`                    // received, or queued
	Accepted  time.Time    `json:"accepted_at,omitzero"`  // by the carrier, by its clock
	StatusAt  time.Time    `json:"status_at,omitzero"`    // by the carrier's clock, if it said
	AskID     string       `json:"ask_id,omitempty"`      // if it is a question
	SayID     string       `json:"say_id,omitempty"`      // if a script said it
	Delivery  *outstanding `json:"delivery,omitempty"`    // while it is in the outbox
	Attempts  int          `json:"attempts,omitempty"`    // times it was handed to the carrier anew after a doubt
	Must      bool         `json:"must,omitempty"`        // goes out although the contact opted out: the confirmation
	Useful    time.Time    `json:"useful_until,omitzero"` //
	InDoubt   InDoubt      `json:"in_doubt,omitempty"`
	ResendOf  string       `json:"resend_of,omitempty"` // the key of the text that this one repeats, since that did not arrive
	Resend    int          `json:"resend,omitempty"`    // counts those, along the chain
	Fallback  string       `json:"fallback,omitempty"`  // it failed for good: what became of handing it to the fallback
	Steps     []Step       `json:"steps,omitempty"`     // how it came to its status
	Stored    bool         `json:"stored,omitempty"`    // the archive has it as it is
}

// A Step is a change of a message's status.
type Step struct {
	Status    sms.Status `json:"status"`
	Reason    string     `json:"reason,omitempty"`
	At        time.Time  `json:"at"`                   // by the carrier's clock, if it said
	MessageID string     `json:"message_id,omitempty"` // of the attempt that it is about
}

// outstanding is what a message needs to remember until the carrier took it.
type outstanding struct {
	Began      time.Time `json:"began,omitzero"`       // first attempt
	Doubt      bool      `json:"doubt,omitempty"`      // an attempt may have been taken
	Relived    bool      `json:"relived,omitempty"`    // enqueued after a reset: it may have been sent in the life before
	TakenBack  bool      `json:"taken_back,omitempty"` // nobody wants it sent any more
	NextTry    time.Time `json:"next_try,omitzero"`    // of the next series
	DoubtUntil time.Time `json:"doubt_until,omitzero"` // how long to wait for a callback that settles a doubt
	Trace      string    `json:"trace,omitempty"`      // of what made us send it
}

// A Text is a message from the contact on its way to a question or the responder.
type Text struct {
	sms.Inbound
	At    time.Time `json:"at"`
	Trace string    `json:"trace,omitempty"`
}

// A Turn is one piece of work of the responder.
type Turn struct {
	ID       string    `json:"id"`
	Texts    []Text    `json:"texts"`
	Tries    int       `json:"tries,omitempty"`
	Bad      int       `json:"bad,omitempty"`  // tries that ended with an answer which makes no sense
	Since    time.Time `json:"since,omitzero"` // when it failed first
	NextTry  time.Time `json:"next_try,omitzero"`
	Void     bool      `json:"void,omitempty"`      // the contact opted out meanwhile: whatever it decides is too late
	ReplyKey string    `json:"reply_key,omitempty"` // its reply, once decided: the floor is held until it is sent
	Start    *Starting `json:"start,omitempty"`     // a script to start, once decided
}

// Starting is a script that the responder wants started.
type Starting struct {
	Script string          `json:"script"`
	Input  json.RawMessage `json:"input,omitempty"`
}

// A PendingQuestion is a script's, waiting to be asked or answered.
type PendingQuestion struct {
	ID          string        `json:"id"`
	Script      ScriptRef     `json:"script"`
	Text        string        `json:"text"`
	Timeout     time.Duration `json:"timeout"`
	UsefulUntil time.Time     `json:"useful_until,omitzero"`
	Reference   string        `json:"reference,omitempty"`
	InDoubt     InDoubt       `json:"in_doubt,omitempty"`
	AskedAt     time.Time     `json:"asked_at"`
	Key         string        `json:"key,omitempty"`        // of its message, once queued to be sent
	AcceptedAt  time.Time     `json:"accepted_at,omitzero"` // by the carrier's clock: from here texts may answer it
	OpenSince   time.Time     `json:"open_since,omitzero"`  // by ours: from here its timeout runs
	CheckedAt   time.Time     `json:"checked_at,omitzero"`  // when its script was last known to run
	Delivered   Delivery      `json:"delivered,omitempty"`  //
	Trace       string        `json:"trace,omitempty"`      // of what made the script ask
}

// Ended remembers how a question ended, to repeat it to a script that asks again.
type Ended struct {
	ID      string    `json:"id"`
	Script  ScriptRef `json:"script"`
	Outcome outcome   `json:"outcome"`
}

// A Floor says who may speak next. It keeps a script's next question, or the
// responder's reply, from being interleaved with somebody else's.
type Floor struct {
	Holder ScriptRef `json:"holder,omitzero"`
	Since  time.Time `json:"since,omitzero"`
}

// A Say is a script's message that waits for the floor.
type Say struct {
	ID    string `json:"id"`
	Trace string `json:"trace,omitempty"`
	said
}

// An OptOut is the contact's wish to get no more texts from this sender.
type OptOut struct {
	At        time.Time `json:"at"`
	Text      string    `json:"text"` // the words, as evidence
	MessageID string    `json:"message_id"`
	Source    string    `json:"source,omitempty"` // if it was not a text of the contact's: who brought it in
	Accepted  time.Time `json:"accepted_at"`      // by the carrier, of the last such words: a START from before them is void
}

// Attention says why a person should look at this conversation.
type Attention struct {
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"`
	UntilSent   bool      `json:"until_sent,omitempty"`   // it settles itself when the carrier takes a message again
	UntilMended bool      `json:"until_mended,omitempty"` // it settles itself when nothing is parked any more
	UntilStored bool      `json:"until_stored,omitempty"` // it settles itself when the archive takes records again
}

// Seen is an envelope that has been taken, so that its duplicates are dropped.
type Seen struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// A Request is an idempotency key of a sender, and the message it stands for.
type Request struct {
	ID  string    `json:"id"`
	Key string    `json:"key"`
	At  time.Time `json:"at"`
}

// Skipped is an input that could not be understood.
type Skipped struct {
	ID     string    `json:"id,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

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
	Notify           bool            `json:"notify"`                 // somebody is told of what is parked
	Fallback         bool            `json:"fallback"`               // there is another way to reach contacts
	Archive          bool            `json:"archive"`                // messages are kept beyond retention
	Suppressions     bool            `json:"suppressions,omitempty"` // ids hold no numbers, and contacts may have been erased
	Version          version         `json:"version,omitempty"`      // not a setting: the newest that the run knew when it began
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
