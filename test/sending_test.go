package test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

// A fate is one contact's: what goes wrong with the first of two texts, and what
// becomes of it. The second is sent behind it and arrives in any case.
type fate struct {
	name    string
	dies    place               // where the worker is killed; or
	faults  []sinchtest.OneShot // what the carrier does
	lost    bool                // no receipt comes of what the carrier took at first
	inDoubt wire.InDoubt

	taken  int        // texts that reach the carrier
	again  bool       // the last of them is an attempt after a doubt, with a key of its own
	asked  int        // calls to send
	status sms.Status // of the first text, in the end
	reason string     // its beginning
	parked wire.ParkCode
}

// A place is where a process can die with a text in its hands.
type place string

const (
	nowhere       place = ""
	beforeThePOST place = "before the POST"
	duringIt      place = "during it"
	afterTaken    place = "after the carrier took it"
	notRecorded   place = "before the result is recorded"
)

// times repeats a fault.
func times(n int, fault sinchtest.OneShot) []sinchtest.OneShot {
	fault.Times = n
	return []sinchtest.OneShot{fault}
}

func status(code int) sinchtest.OneShot {
	return sinchtest.OneShot{Fault: sinchtest.FaultError, Status: code}
}

// answers are those that mean the same whether or not the carrier keeps a list.
var answers = []fate{
	{name: "429", faults: times(2, status(429)), taken: 1, asked: 3, status: sms.StatusDelivered},
	{name: "429 with Retry-After", faults: []sinchtest.OneShot{{Fault: sinchtest.FaultError, Status: 429, RetryAfter: sinchtest.Duration(3 * time.Second)}}, taken: 1, asked: 2, status: sms.StatusDelivered},
	{name: "401, then the fresh token is good", faults: times(1, status(401)), taken: 1, asked: 2, status: sms.StatusDelivered},
	{name: "401 with the fresh token too", faults: times(2, status(401)), asked: 2, status: sms.StatusFailed, reason: "UNAUTHENTICATED", parked: wire.ParkedDenied},
	{name: "400", faults: times(1, status(400)), asked: 1, status: sms.StatusFailed, reason: "INVALID_ARGUMENT"},
	{name: "403", faults: times(1, status(403)), asked: 1, status: sms.StatusFailed, reason: "PERMISSION_DENIED", parked: wire.ParkedDenied},
	{name: "404", faults: times(1, status(404)), asked: 1, status: sms.StatusFailed, reason: "NOT_FOUND", parked: wire.ParkedDenied},

	// A receipt settles the doubt, before the 30 seconds for it are over.
	{name: "taken, then 500", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}), taken: 1, asked: 1, status: sms.StatusDelivered},
	{name: "taken, no answer", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThenHang}), taken: 1, asked: 1, status: sms.StatusDelivered},
	{name: "taken, then reset", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultResetAfter}), taken: 1, asked: 1, status: sms.StatusDelivered},
	{name: "killed " + string(afterTaken), dies: afterTaken, taken: 1, asked: 1, status: sms.StatusDelivered},
	{name: "killed " + string(notRecorded), dies: notRecorded, taken: 1, asked: 1, status: sms.StatusDelivered},

	// Nothing was taken, and nobody can know it: it is sent again.
	{name: "503", faults: times(1, status(503)), taken: 1, again: true, asked: 2, status: sms.StatusDelivered},
	{name: "reset before it was taken", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultResetBefore}), taken: 1, again: true, asked: 2, status: sms.StatusDelivered},
	{name: "killed " + string(beforeThePOST), dies: beforeThePOST, taken: 1, again: true, asked: 1, status: sms.StatusDelivered},
	{name: "killed " + string(duringIt), dies: duringIt, taken: 1, again: true, asked: 2, status: sms.StatusDelivered},
}

// withAList are those of an app whose messages Sinch keeps: the list knows what
// no receipt says.
var withAList = []fate{
	{name: "taken, then 500, no receipt", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}), lost: true, taken: 1, asked: 1, status: sms.StatusAccepted},
	{name: "taken, no answer, no receipt", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThenHang}), lost: true, taken: 1, asked: 1, status: sms.StatusAccepted},
	{name: "taken, then reset, no receipt", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultResetAfter}), lost: true, taken: 1, asked: 1, status: sms.StatusAccepted},
	{name: "killed " + string(afterTaken) + ", no receipt", dies: afterTaken, lost: true, taken: 1, asked: 1, status: sms.StatusAccepted},
	{name: "killed " + string(notRecorded) + ", no receipt", dies: notRecorded, lost: true, taken: 1, asked: 1, status: sms.StatusAccepted},
	{
		name: "to be parked in doubt, but the list knows", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}), lost: true, inDoubt: wire.Park,
		taken: 1, asked: 1, status: sms.StatusAccepted,
	},
	{
		name: "to be parked in doubt, but the list knows that it was not taken", dies: duringIt, inDoubt: wire.Park,
		taken: 1, again: true, asked: 2, status: sms.StatusDelivered,
	},
}

// withoutAList are those of an app in DISPATCH mode: if no receipt comes, nobody
// can know, and the message's own policy decides.
var withoutAList = []fate{
	{name: "taken, then 500, no receipt", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}), lost: true, taken: 2, again: true, asked: 2, status: sms.StatusDelivered},
	{name: "killed " + string(afterTaken) + ", no receipt", dies: afterTaken, lost: true, taken: 2, again: true, asked: 2, status: sms.StatusDelivered},
	{name: "killed " + string(notRecorded) + ", no receipt", dies: notRecorded, lost: true, taken: 2, again: true, asked: 2, status: sms.StatusDelivered},
	{
		name: "taken, then 500, a receipt, to be parked in doubt", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}), inDoubt: wire.Park,
		taken: 1, asked: 1, status: sms.StatusDelivered,
	},
	{
		name: "taken, then 500, no receipt, to be parked in doubt", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500}), lost: true, inDoubt: wire.Park,
		taken: 1, asked: 1, status: sms.StatusUnknown, parked: wire.ParkedInDoubt,
	},
	{
		name: "reset before it was taken, to be parked in doubt", faults: times(1, sinchtest.OneShot{Fault: sinchtest.FaultResetBefore}), inDoubt: wire.Park,
		asked: 1, status: sms.StatusUnknown, parked: wire.ParkedInDoubt,
	},
	{name: "killed " + string(duringIt) + ", to be parked in doubt", dies: duringIt, inDoubt: wire.Park, asked: 1, status: sms.StatusUnknown, parked: wire.ParkedInDoubt},
	{
		name: "killed " + string(notRecorded) + ", no receipt, to be parked in doubt", dies: notRecorded, lost: true, inDoubt: wire.Park,
		taken: 1, asked: 1, status: sms.StatusUnknown, parked: wire.ParkedInDoubt,
	},
}

// A trial plays fates, each with a contact of its own.
type trial struct {
	*world
	gate *gate
	next int
}

func newTrial(t *testing.T, options ...e2e.Option) *trial {
	t.Helper()
	w := newWorld(t, options...)
	return &trial{world: w, gate: w.useGate()}
}

func (r *trial) contact() sms.Number {
	r.next++
	return number(r.next)
}

// begin sends the two texts, and kills the worker if it shall die.
func (r *trial) begin(f fate) sms.Number {
	r.T.Helper()
	contact := r.contact()
	for _, fault := range f.faults {
		fault.To = contact
		r.Sim.Next(fault)
	}
	if f.lost { // MESSAGE_SUBMIT, QUEUED_ON_CHANNEL and DELIVERED of the first
		r.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultDrop, On: sinchtest.OnCallback, To: contact, Times: 3})
	}
	switch f.dies {
	case beforeThePOST:
		// A new worker has no token yet.
		r.Worker.Kill()
		r.StartWorker()
		token := r.gate.hold(theToken)
		r.queue(contact, f.inDoubt)
		r.until(token.reached)
	case duringIt:
		send := r.gate.hold(string(contact))
		r.queue(contact, f.inDoubt)
		r.until(send.reached)
	case afterTaken:
		r.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultAcceptThenHang, To: contact})
		r.queue(contact, f.inDoubt)
		r.Receives(contact, "first")
	case notRecorded:
		r.Worker.Kill()
		direct := r.Settings["TEMPORAL_ADDRESS"]
		line := newLine(r.T, direct)
		r.Settings["TEMPORAL_ADDRESS"] = line.address
		r.StartWorker()
		r.Settings["TEMPORAL_ADDRESS"] = direct
		send := r.gate.hold(string(contact))
		r.queue(contact, f.inDoubt)
		r.until(send.reached)
		line.cut()
		close(send.free)
		r.until(send.answered)
	case nowhere:
		r.queue(contact, f.inDoubt)
		return contact
	}
	r.Worker.Kill()
	r.StartWorker()
	return contact
}

func (r *trial) queue(contact sms.Number, inDoubt wire.InDoubt) {
	r.T.Helper()
	for _, text := range []string{"first", "second"} {
		require.NoError(r.T, r.Client().Queue(r.Ctx(), contact, "", text, wire.SendRequest{Text: text, InDoubt: inDoubt}))
	}
}

func (r *trial) until(happened <-chan struct{}) {
	r.T.Helper()
	select {
	case <-happened:
	case <-r.Ctx().Done():
		r.T.Fatal("the worker did not come so far")
	}
}

// said is what a conversation knows of a text of ours.
func (w *world) said(contact sms.Number, text string) wire.Message {
	w.T.Helper()
	transcript := w.State(contact).Transcript
	i := slices.IndexFunc(transcript, func(m wire.Message) bool { return m.Key != "" && m.Text == text })
	if i < 0 {
		return wire.Message{}
	}
	return transcript[i]
}

// ends waits for what must become of a contact's two texts.
func (r *trial) ends(t *testing.T, contact sms.Number, f fate) {
	w := r.in(t)
	w.Receives(contact, "second")
	w.Eventually("the second is delivered", func() bool { return w.said(contact, "second").Status == sms.StatusDelivered })
	w.Eventually("the first is "+string(f.status), func() bool { return w.said(contact, "first").Status == f.status })

	require.Equal(t, append(slices.Repeat([]string{"first"}, f.taken), "second"), e2e.Texts(w.Sim.Phone(contact).Messages()), "what reached the carrier, in order")
	first := w.said(contact, "first")
	require.True(t, strings.HasPrefix(first.Reason, f.reason), "reason %q", first.Reason)
	attempts := 0
	if f.again {
		attempts = 1
	}
	require.Equal(t, attempts, first.Attempts, "times it was handed over again after a doubt")
	var calls []post
	for _, p := range r.gate.asked(contact) {
		if p.text == "first" {
			calls = append(calls, p)
		}
	}
	require.Len(t, calls, f.asked, "calls to send")
	for _, fault := range f.faults {
		require.True(t, fault.RetryAfter == 0 || calls[1].at.Sub(calls[0].at) >= time.Duration(fault.RetryAfter), "it is asked as late as it wants")
	}
	for i, m := range w.Sim.Phone(contact).Messages()[:f.taken] {
		key := first.Key
		if f.again && i == f.taken-1 {
			key += ".2"
		}
		require.Equal(t, key, m.Key)
		if i == f.taken-1 && f.status != sms.StatusUnknown {
			require.Equal(t, m.ID, first.MessageID)
		}
	}

	state := w.State(contact)
	require.Empty(t, state.Outbox)
	if f.parked == "" {
		require.Empty(t, state.Parked)
		return
	}
	require.Len(t, state.Parked, 1)
	require.Equal(t, f.parked, state.Parked[0].Code)
	require.Equal(t, first.Key, state.Parked[0].Message.Key)
	w.Eventually("it is found by what it needs", func() bool { return w.needsAttention(contact) })
}

// needsAttention asks the list of workflows, as parley parked does.
func (w *world) needsAttention(contact sms.Number) bool {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.Ctx(), 5*time.Second) // the server forgets a call now and then
	defer cancel()
	list, err := w.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "ParleyNeedsAttention = true AND WorkflowId = '" + w.IDs().Of(contact, "") + "'",
	})
	if e2e.TookLong(err) {
		return false
	}
	require.NoError(w.T, err)
	return len(list.GetExecutions()) > 0
}

// Whatever the carrier answers, and wherever a process dies, a text is sent
// once, and the next one follows.
func TestSendingOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes: the server waits for attempts whose worker died, the conversation for receipts")
	}
	t.Parallel()

	dispatch := func(_ *e2e.World, o *sinchtest.Options) { o.Mode = sinchtest.Dispatch }
	modes := []struct {
		name     string
		trial    *trial
		fates    []fate
		contacts []sms.Number
	}{
		{name: "the carrier keeps a list", trial: newTrial(t), fates: slices.Concat(answers, withAList)},
		{name: "the carrier keeps no list", trial: newTrial(t, dispatch), fates: slices.Concat(answers, withoutAList)},
	}
	// All wait at the same time. First those that take longest, and one after the
	// other: a worker that dies shall have nothing but that one text in its hands.
	for _, dying := range []bool{true, false} {
		for m := range modes {
			mode := &modes[m]
			mode.contacts = append(mode.contacts, make([]sms.Number, len(mode.fates)-len(mode.contacts))...)
			for i, f := range mode.fates {
				if (f.dies != nowhere) == dying {
					mode.contacts[i] = mode.trial.begin(f)
				}
			}
		}
	}
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			for i, f := range mode.fates {
				t.Run(f.name, func(t *testing.T) { mode.trial.ends(t, mode.contacts[i], f) })
			}
		})
	}
	t.Run("a person, or a late receipt, ends what is parked in doubt", func(t *testing.T) {
		mode := modes[1]
		mode.trial.mends(t, inDoubt(mode.contacts, mode.fates))
	})
}

// inDoubt are the contacts whose text the carrier took, and nobody else knows.
func inDoubt(contacts []sms.Number, fates []fate) []sms.Number {
	var parked []sms.Number
	for i, f := range fates {
		if f.parked == wire.ParkedInDoubt && f.taken > 0 {
			parked = append(parked, contacts[i])
		}
	}
	return parked
}

func (r *trial) mends(t *testing.T, parked []sms.Number) {
	w := r.in(t)
	require.GreaterOrEqual(t, len(parked), 2)

	again := parked[0]
	key := w.said(again, "first").Key
	require.NoError(t, w.Client().Retry(w.Ctx(), again, "", "retry", wire.Mend{By: "ana"}))
	w.Eventually("sent once more", func() bool { return len(w.Sim.Phone(again).Messages()) == 3 })
	w.Eventually("nothing needs attention", func() bool { return !w.needsAttention(again) })
	var state wire.State
	w.Eventually("it is recorded", func() bool { state = w.State(again); return len(state.Transcript) == 3 })
	require.Empty(t, state.Parked)
	require.Equal(t, key, state.Transcript[2].ResendOf)
	require.Equal(t, []string{"first", "second", "first"}, e2e.Texts(w.Sim.Phone(again).Messages()))

	late := parked[1]
	m := w.Sim.Phone(late).Messages()[0]
	require.Equal(t, 200, w.Post(receipt(m.ID, m.Key, late, "DELIVERED", "")))
	w.Eventually("it arrived after all", func() bool { return w.said(late, "first").Status == sms.StatusDelivered })
	require.Equal(t, m.ID, w.said(late, "first").MessageID)
	require.Empty(t, w.State(late).Parked)
	w.Eventually("nothing needs attention", func() bool { return !w.needsAttention(late) })
	require.Equal(t, []string{"first", "second"}, e2e.Texts(w.Sim.Phone(late).Messages()))
}

// What the carrier denies because of the account waits for a person, whose word
// sends it once, however often it is given.
func TestDeniedAndRetried(t *testing.T) {
	t.Parallel()

	w := newWorld(t)
	w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 403, Times: 3})
	request := wire.SendRequest{Text: "Your order is ready.", Reference: "order-7", By: "shop"}
	contacts := map[string]sms.Number{"retried": ana, "given up": bob, "opted out": number(1)}
	keys := map[sms.Number]string{}
	for _, contact := range contacts {
		key, err := w.Client().Send(w.Ctx(), contact, "", "order-7", request)
		require.NoError(t, err)
		keys[contact] = key
	}
	for what, contact := range contacts {
		w.Eventually(what+" is parked", func() bool { return len(w.State(contact).Parked) == 1 })
		require.Equal(t, wire.ParkedDenied, w.State(contact).Parked[0].Code)
		w.Eventually(what+" needs attention", func() bool { return w.needsAttention(contact) })
	}
	require.Empty(t, w.Sim.Sent())

	require.NoError(t, w.Client().Retry(w.Ctx(), ana, "", "1", wire.Mend{Codes: []wire.ParkCode{wire.ParkedInDoubt}}))
	for range 2 {
		require.NoError(t, w.Client().Retry(w.Ctx(), ana, "", "2", wire.Mend{By: "eve", Codes: []wire.ParkCode{wire.ParkedDenied}}))
	}
	require.NoError(t, w.Client().Retry(w.Ctx(), ana, "", "3", wire.Mend{}))
	w.Receives(ana, "Your order is ready.")
	w.Eventually("it is recorded", func() bool { return len(w.State(ana).Transcript) == 2 }) // a quick thumb would come first
	w.Text(ana, "thanks")
	w.Receives(ana, youSaid("thanks"))
	require.Len(t, w.Sim.Sent(), 2, "sent once, whoever asked for it how often")
	state := w.State(ana)
	require.Empty(t, state.Parked)
	require.Empty(t, state.Concerns)
	require.Len(t, state.Mended, 1)
	require.Equal(t, "eve", state.Mended[0].By)
	require.True(t, state.Mended[0].Retried)
	require.Equal(t, sms.StatusFailed, state.Transcript[0].Status)
	require.Equal(t, keys[ana], state.Transcript[1].ResendOf)
	require.Equal(t, "order-7", state.Transcript[1].Reference)

	require.NoError(t, w.Client().Skip(w.Ctx(), bob, "", "1", wire.Mend{By: "eve", Why: "fetched it"}))
	w.Eventually("given up", func() bool { return len(w.State(bob).Parked) == 0 })
	state = w.State(bob)
	require.Empty(t, state.Concerns)
	require.Equal(t, "fetched it", state.Mended[0].Why)
	require.False(t, state.Mended[0].Retried)
	require.Empty(t, e2e.Texts(w.Sim.Phone(bob).Messages()))

	w.Text(number(1), "STOP")
	w.Receives(number(1), "unsubscribed")
	require.NoError(t, w.Client().Retry(w.Ctx(), number(1), "", "1", wire.Mend{}))
	w.Eventually("it says why nothing is tried", func() bool { return len(w.State(number(1)).Skipped) == 1 })
	require.Contains(t, w.State(number(1)).Skipped[0].Reason, "opted out")
	require.Len(t, e2e.Texts(w.Sim.Phone(number(1)).Messages()), 1, "the confirmation only")
	for _, contact := range []sms.Number{ana, bob} {
		w.Eventually("nothing needs attention", func() bool { return !w.needsAttention(contact) })
	}
}

// A text that is only useful until some time is not sent later, and not followed
// by the carrier for longer.
func TestUsefulUntil(t *testing.T) {
	if testing.Short() {
		t.Skip("waits half a minute for a receipt that does not come")
	}
	t.Parallel()

	w := newWorld(t)
	gate := w.useGate()
	soon := func() time.Time { return time.Now().Add(10 * time.Second) }
	queue := func(contact sms.Number, text string, until time.Time) {
		require.NoError(t, w.Client().Queue(w.Ctx(), contact, "", text, wire.SendRequest{Text: text, UsefulUntil: until}))
	}

	behind, doubtful, refused := number(1), number(2), number(3)
	w.Sim.Next(
		sinchtest.OneShot{Fault: sinchtest.FaultResetBefore, To: behind},
		sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 503, To: doubtful},
		sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 429, RetryAfter: sinchtest.Duration(15 * time.Second), To: refused},
	)
	queue(behind, "first", time.Time{})
	queue(behind, "second", soon())
	queue(behind, "third", time.Time{})
	queue(doubtful, "first", soon())
	queue(doubtful, "second", time.Time{})
	queue(refused, "first", soon())
	queue(refused, "second", time.Time{})

	t.Run("at the carrier", func(t *testing.T) {
		w := w.in(t)
		queue(ana, "An offer!", time.Now().Add(time.Hour))
		w.Receives(ana, "An offer!")
		seconds, err := strconv.Atoi(strings.TrimSuffix(gate.asked(ana)[0].ttl, "s"))
		require.NoError(t, err)
		require.Positive(t, seconds)
		require.Less(t, seconds, 3600, "counted from the call")
		queue(ana, "A reminder.", time.Time{})
		w.Receives(ana, "A reminder.")
		require.Empty(t, gate.asked(ana)[1].ttl)
	})
	t.Run("when the carrier wants to be asked later", func(t *testing.T) {
		w := w.in(t)
		w.Receives(refused, "second")
		require.Equal(t, []string{"second"}, e2e.Texts(w.Sim.Phone(refused).Messages()))
		require.Len(t, gate.asked(refused), 2, "the carrier is not asked again")
		require.Equal(t, sms.StatusExpired, w.said(refused, "first").Status)
	})
	t.Run("behind a text in doubt", func(t *testing.T) {
		w := w.in(t)
		w.Receives(behind, "third")
		require.Equal(t, []string{"first", "third"}, e2e.Texts(w.Sim.Phone(behind).Messages()))
		require.Equal(t, sms.StatusExpired, w.said(behind, "second").Status)
	})
	t.Run("itself in doubt", func(t *testing.T) {
		w := w.in(t)
		w.Receives(doubtful, "second")
		require.Equal(t, []string{"second"}, e2e.Texts(w.Sim.Phone(doubtful).Messages()))
		first := w.said(doubtful, "first")
		require.Equal(t, sms.StatusUnknown, first.Status, "it may have been taken")
		require.Contains(t, first.Reason, "too late")
		require.Empty(t, w.State(doubtful).Parked, "nobody wants it any more")
	})
}
