package conversation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// A Chat is a script's side of the conversation with one contact. Use one per
// contact and script: a second one would number its messages from the start, and
// the same words again would be taken for a duplicate.
type Chat struct {
	contact   sms.Number
	sender    sms.Sender
	reference string
	told      int // messages to the conversation so far; numbers them
	guard     alarm
	trace     string // of the contact's last answer
	epoch     int    // of the floor then
}

// An alarm is the one timer of a script that waits for an answer. It is set again
// only when it fires, or rings too late.
type alarm struct {
	at     time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

// An Option changes how a script talks to its contact.
type Option func(*Chat)

// Over picks one of our senders; the default is the first of SINCH_SMS_SENDER.
func Over(sender sms.Sender) Option { return func(c *Chat) { c.sender = sender } }

// About names the business's own id of what the script is about, such as an
// appointment or an order. It stands beside each text in the transcript, and in
// the script's outcome.
func About(reference string) Option { return func(c *Chat) { c.reference = reference } }

// With begins a script's chat with a contact. It sends nothing.
func With(ctx workflow.Context, contact sms.Number, options ...Option) *Chat {
	chat := &Chat{contact: contact}
	for _, o := range options {
		o(chat)
	}
	if r, ok := ctx.Value(runKey{}).(*run); ok {
		r.chats = append(r.chats, chat)
	}
	return chat
}

// A SayOption says how a text is to be sent.
type SayOption func(*wire.Said)

// Until says that a text is not sent later than this: a reminder after the
// appointment, a code after its life.
func Until(t time.Time) SayOption { return func(s *wire.Said) { s.UsefulUntil = t } }

// WhenInDoubt says what to do with a text when it is unknown whether the
// carrier took it. The default is Resend.
func WhenInDoubt(d InDoubt) SayOption { return func(s *wire.Said) { s.InDoubt = d } }

// Said is a text that a script said.
type Said struct {
	chat *Chat
	id   string
}

// Say sends a text that wants no answer. It returns once the text is durably in
// the conversation's queue, which may be before it is sent; a contact who opted
// out gets nothing, and that is no error. What is returned tells later whether
// the text arrived.
func (c *Chat) Say(ctx workflow.Context, text string, options ...SayOption) (Said, error) {
	m := wire.Said{Script: self(ctx), Text: text, Reference: c.reference, Epoch: c.epoch}
	for _, o := range options {
		o(&m)
	}
	id, err := c.tell(ctx, wire.KindSay, text, m, 0, "")
	return Said{chat: c, id: id}, err
}

// A Report says whether a text reached the contact's phone. One that is unknown and
// has a reason is held, at least until then; without a reason it is on its way.
type Report struct {
	Delivery Delivery  `json:"delivery"`
	Reason   string    `json:"reason,omitempty"` // if it did not, or not yet: the carrier's code, or why it is not sent
	Until    time.Time `json:"until,omitzero"`   // that it waits, if it waits for a time
}

// Delivered waits until it is known whether the text arrived, at most for the
// timeout; 0 asks how it is now: refused, held, or queued. Some networks never report:
// then it is unknown, as it is while a text waits in the queue, or to be sent once more. It returns an error only if the
// script is cancelled.
func (s Said) Delivered(ctx workflow.Context, timeout time.Duration) (Report, error) {
	until := workflow.Now(ctx).Add(timeout)
	id, err := s.chat.tell(ctx, wire.KindWatch, s.id, wire.Watched{Script: self(ctx), SayID: s.id, Until: until}, 0, "")
	if err != nil {
		return Report{}, err
	}
	// The conversation keeps the time, as for a question.
	o, ok, err := s.chat.listen(ctx, workflow.GetSignalChannel(ctx, wire.AnswerSignal+id), until.Add(time.Minute))
	if err != nil || !ok {
		return Report{Delivery: DeliveryUnknown}, err
	}
	return reportOf(o), nil
}

// tell brings something to the conversation and returns its id. The id is the
// same after a replay, a reset, and a repeat of the activity.
func (c *Chat) tell(ctx workflow.Context, kind wire.Kind, text string, body any, again int, id string) (string, error) {
	if id == "" {
		c.told++
		sum := sha256.Sum256([]byte(string(c.contact) + "\x00" + string(c.sender) + "\x00" + text))
		id = fmt.Sprintf("%s/%d/%s", self(ctx).RunID, c.told, hex.EncodeToString(sum[:4]))
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("encoding a script's %s: %w", kind, err)
	}
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout:    10 * time.Second,
		ScheduleToCloseTimeout: wire.LongOutage, // by default it would be the same
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	in := wire.Telling{Contact: c.contact, Sender: c.sender, ID: id, Kind: kind, Body: raw, Again: again, Trace: c.trace}
	err = workflow.ExecuteLocalActivity(ctx, wire.TellActivity, in).Get(ctx, &id)
	return id, err
}

// self refers to the running script by the run that a reset started from.
func self(ctx workflow.Context) wire.ScriptRef {
	info := workflow.GetInfo(ctx)
	run := info.OriginalRunID
	if run == "" { // the test environment knows none
		run = info.WorkflowExecution.RunID
	}
	return wire.ScriptRef{Type: info.WorkflowType.Name, WorkflowID: info.WorkflowExecution.ID, RunID: run, FirstRunID: info.FirstRunID}
}

// Do runs one of your activities and returns its result. It is given a minute
// for each try and is tried for about an hour; for anything else use
// workflow.ExecuteActivity.
func Do[T any](ctx workflow.Context, activity any, args ...any) (T, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute, MaximumAttempts: 20},
	})
	var result T
	err := workflow.ExecuteActivity(ctx, activity, args...).Get(ctx, &result)
	return result, err
}

// SleepUntil waits until a time, or not at all if that is past. It returns an
// error only if the script is cancelled, or goes on elsewhere: return it as it is.
//
// A script with a version that sleeps for more than a day, and has done nothing
// before, goes on elsewhere if there is a newer build by then: that begins it
// again, with the same input. To have looked at the time is to have done
// something. See Interceptor.
func SleepUntil(ctx workflow.Context, t time.Time) error {
	wait := t.Sub(workflow.Now(ours(ctx)))
	if wait <= 0 {
		return ctx.Err()
	}
	err := workflow.NewTimerWithOptions(ours(ctx), wait, workflow.TimerOptions{Summary: "until " + t.UTC().Format(wire.TimeLayout)}).Get(ctx, nil)
	if err != nil || wait <= longSleep {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err() // the next run would not hear that this one was cancelled
	}
	return beginAnew(ctx)
}
