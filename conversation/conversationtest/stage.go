// Package conversationtest plays the contact, so that a script's test is the
// dialogue it has. The script and the real Conversation workflow run together
// in one test environment and in virtual time: a day costs a millisecond.
package conversationtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation"
	conversations "parley/conversation/client"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/sms"
)

// Start is when every stage's clock starts: a Monday morning.
var Start = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// A Reply is what the contact writes about a question.
type Reply string

// Silence leaves a question unanswered.
const Silence Reply = "\x00silence"

const thinking = time.Minute // that a contact takes to answer

// Play runs a script with a contact who answers each question with the next of
// the replies, and is silent when they are used up. It prints the dialogue and
// how the script ended:
//
//	we:   Can you come on Friday?
//	they: yes
//	end:  {"outcome":"confirmed"}
//
// The contact is the field "contact" of the script's input.
func Play(w io.Writer, script, input any, replies ...Reply) {
	var to struct {
		Contact sms.Number `json:"contact"`
	}
	raw, err := json.Marshal(input)
	if err == nil {
		err = json.Unmarshal(raw, &to)
	}
	if err != nil || to.Contact == "" {
		panic("conversationtest.Play: the script's input needs a field contact with a phone number")
	}
	stage := New(w)
	stage.Contact(to.Contact).Replies(replies...)
	stage.Script("script", script, input)
	stage.Run()
}

// A Stage is where scripts and contacts meet. Set the scene, then Run.
type Stage struct {
	out      io.Writer
	env      *testsuite.TestWorkflowEnvironment
	settings wire.Settings
	scripts  []*script
	contacts map[sms.Number]*Contact
	cues     []cue
	refuse   map[string]string
	fates    map[sms.Number]sms.Receipt
	last     time.Time
	ids      int
	mu       sync.Mutex
	sent     []sms.Outbound
}

type script struct {
	id     string
	run    any
	input  any
	after  time.Duration
	result json.RawMessage
	err    error
	cancel workflow.CancelFunc
}

type cue struct {
	after time.Duration
	do    func(ctx workflow.Context)
}

// A Contact is a person with a phone.
type Contact struct {
	stage   *Stage
	number  sms.Number
	replies []Reply
}

// New prepares a stage that prints the dialogue to w. Activities that the
// scripts use are given as for a worker's RegisterActivity; the toolkit's own
// need not be.
func New(w io.Writer, acts ...any) *Stage {
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	s := &Stage{out: w, env: suite.NewTestWorkflowEnvironment(), settings: wire.DefaultSettings(), contacts: map[sms.Number]*Contact{}, refuse: map[string]string{}, fates: map[sms.Number]sms.Receipt{}}
	s.env.SetStartTime(Start)
	s.env.SetTestTimeout(time.Minute)
	s.env.SetWorkerOptions(worker.Options{
		DeadlockDetectionTimeout: time.Minute, // the machine may be busy
		Interceptors:             []interceptor.WorkerInterceptor{conversation.Interceptor()},
	})
	s.env.RegisterWorkflowWithOptions(s.play, workflow.RegisterOptions{Name: "stage"})
	engine.Register(s.env, &engine.Toolkit{Settings: s.settings, Scripts: s})
	conversations.Telling{Teller: s}.Register(s.env)
	s.env.RegisterActivity(&activities.Messaging{Carrier: s, Now: s.env.Now})
	s.env.RegisterActivity(&activities.Responder{})
	s.env.RegisterActivity(activities.Services{}.TellService)
	for _, a := range acts {
		s.env.RegisterActivity(a)
	}
	return s
}

// Contact returns the person with a number.
func (s *Stage) Contact(number sms.Number) *Contact {
	if s.contacts[number] == nil {
		s.contacts[number] = &Contact{stage: s, number: number}
	}
	return s.contacts[number]
}

// Replies adds answers to the next questions, each given a minute after the question.
func (c *Contact) Replies(replies ...Reply) { c.replies = append(c.replies, replies...) }

// Texts lets the contact write something at a time after the start, asked or not.
func (c *Contact) Texts(after time.Duration, text string) {
	c.stage.cues = append(c.stage.cues, cue{after, func(ctx workflow.Context) { c.says(ctx, "", text) }})
}

// Script starts a script at the beginning.
func (s *Stage) Script(id string, run, input any) { s.ScriptAfter(0, id, run, input) }

// ScriptAfter starts a script some time after the beginning.
func (s *Stage) ScriptAfter(after time.Duration, id string, run, input any) {
	s.env.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{DisableAlreadyRegisteredCheck: true})
	s.scripts = append(s.scripts, &script{id: id, run: run, input: input, after: after})
}

// Cancel cancels a script some time after the beginning.
func (s *Stage) Cancel(after time.Duration, id string) {
	s.cues = append(s.cues, cue{after, func(workflow.Context) { s.script(id).cancel() }})
}

// Refuse lets the carrier refuse texts to a number for good, with a reason code.
func (s *Stage) Refuse(number sms.Number, code string) { s.refuse[string(number)] = code }

// Deliver has the carrier report that texts to a number arrive, a second after
// each. Without it, or Lose, there is no report, as from some networks.
func (s *Stage) Deliver(number sms.Number) {
	s.fates[number] = sms.Receipt{Status: sms.StatusDelivered}
}

// Lose has the carrier report that texts to a number do not arrive, with a
// reason code.
func (s *Stage) Lose(number sms.Number, code string, class sms.Class) {
	s.fates[number] = sms.Receipt{Status: sms.StatusFailed, Reason: code, Class: class}
}

// Run plays until every script has ended and every text is sent.
func (s *Stage) Run() {
	gone := serviceerror.NewNotFound("no such workflow")
	s.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(gone).Maybe()
	s.env.ExecuteWorkflow("stage")
	if err := s.env.GetWorkflowError(); err != nil {
		panic("conversationtest: the play broke off: " + err.Error())
	}
}

// Result is how a script ended: its result, or its error.
func (s *Stage) Result(id string, result any) error {
	sc := s.script(id)
	if sc.err != nil {
		return sc.err
	}
	return json.Unmarshal(sc.result, result)
}

// Sent is every text that reached the carrier, in order.
func (s *Stage) Sent() []sms.Outbound { return s.sent }

func (s *Stage) script(id string) *script {
	for _, sc := range s.scripts {
		if sc.id == id {
			return sc
		}
	}
	panic("conversationtest: no script " + strconv.Quote(id))
}

// play is the workflow that stands in for the server: it starts conversations
// and scripts as its children, and brings signals to them.
func (s *Stage) play(ctx workflow.Context) error {
	running := map[string]workflow.ChildWorkflowFuture{}
	var open int // scripts and cues that are not over
	tells := workflow.GetSignalChannel(ctx, "tell")
	sents := workflow.GetSignalChannel(ctx, "sent")
	done := workflow.NewBufferedChannel(ctx, 100)
	asked := map[string]bool{}

	s.last = workflow.Now(ctx)
	for _, c := range s.cues {
		open++
		workflow.Go(ctx, func(ctx workflow.Context) {
			_ = workflow.Sleep(ctx, c.after)
			c.do(ctx)
			done.Send(ctx, nil)
		})
	}
	for _, sc := range s.scripts {
		open++
		workflow.Go(ctx, func(ctx workflow.Context) {
			_ = workflow.Sleep(ctx, sc.after)
			s.perform(ctx, sc)
			done.Send(ctx, nil)
		})
	}
	for open > 0 || workflow.Now(ctx).Sub(s.last) < time.Minute {
		var curtain workflow.Future
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(done, func(ch workflow.ReceiveChannel, _ bool) {
			ch.Receive(ctx, nil)
			open--
			s.last = workflow.Now(ctx)
		})
		selector.AddReceive(tells, func(ch workflow.ReceiveChannel, _ bool) {
			var t told
			ch.Receive(ctx, &t)
			if t.Event.Kind == wire.KindAsk {
				var q struct{ Text string }
				_ = json.Unmarshal(t.Event.Body, &q)
				asked[string(t.Contact)+q.Text] = true
			}
			s.bring(ctx, running, t)
		})
		selector.AddReceive(sents, func(ch workflow.ReceiveChannel, _ bool) {
			var m sent
			ch.Receive(ctx, &m)
			s.reportOn(ctx, running, m)
			contact := s.Contact(m.To)
			if !asked[string(m.To)+m.Text] || len(contact.replies) == 0 {
				return
			}
			reply := contact.replies[0]
			contact.replies = contact.replies[1:]
			if reply == Silence {
				return
			}
			workflow.Go(ctx, func(ctx workflow.Context) {
				_ = workflow.Sleep(ctx, thinking)
				contact.says(ctx, m.From, string(reply))
			})
		})
		stop := func() {}
		if open == 0 {
			pause, cancel := workflow.WithCancel(ctx)
			curtain, stop = workflow.NewTimer(pause, time.Minute), cancel
			selector.AddFuture(curtain, func(workflow.Future) {})
		}
		selector.Select(ctx)
		stop()
	}
	return nil
}

func (s *Stage) perform(ctx workflow.Context, sc *script) {
	ctx, sc.cancel = workflow.WithCancel(ctx)
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: sc.id, WaitForCancellation: true})
	sc.err = workflow.ExecuteChildWorkflow(ctx, sc.run, sc.input).Get(ctx, &sc.result)
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	_ = workflow.Sleep(ctx, time.Second) // its last words are still on their way
	switch {
	case temporal.IsCanceledError(sc.err):
		s.print(ctx, "end:  cancelled")
	case sc.err != nil:
		s.print(ctx, "end:  "+errors.Unwrap(sc.err).Error())
	default:
		s.print(ctx, "end:  "+string(sc.result))
	}
}

// bring is what SignalWithStart is on a server.
func (s *Stage) bring(ctx workflow.Context, running map[string]workflow.ChildWorkflowFuture, t told) {
	id := wire.ID(t.Contact, t.Sender)
	if running[id] == nil || running[id].IsReady() {
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id})
		running[id] = workflow.ExecuteChildWorkflow(child, wire.WorkflowType, wire.Start{
			Contact: t.Contact, Sender: t.Sender,
			// A child is signalled after it began, so it must not close for want of anything to do.
			State: &wire.State{
				Life: wire.Life{Schema: wire.Schema, Contact: t.Contact, Sender: t.Sender, FirstRunID: id, StartedAt: workflow.Now(ctx), ActiveAt: workflow.Now(ctx)},
			},
		})
		if err := running[id].GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			panic(err)
		}
	}
	if err := running[id].SignalChildWorkflow(ctx, wire.EventSignal, t.Event).Get(ctx, nil); err != nil {
		panic(err)
	}
}

func (c *Contact) says(ctx workflow.Context, to sms.Sender, text string) {
	s := c.stage
	s.print(ctx, "they: "+text)
	s.ids++
	e, err := conversations.InboundEvent(sms.Inbound{
		ID: "in-" + strconv.Itoa(s.ids), From: c.number, To: to, Kind: sms.KindText, Text: text, AcceptedAt: workflow.Now(ctx),
	}, workflow.Now(ctx))
	if err != nil {
		panic(err)
	}
	s.env.SignalWorkflow("tell", told{c.number, to, e})
}

// print writes a line of the dialogue, after a mark if much time has passed.
func (s *Stage) print(ctx workflow.Context, line string) {
	now := workflow.Now(ctx)
	s.printAt(now, line)
}

func (s *Stage) printAt(now time.Time, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if passed := now.Sub(s.last); passed >= time.Hour {
		_, _ = fmt.Fprintf(s.out, "      (%s later)\n", spoken(passed))
	}
	s.last = now
	_, _ = fmt.Fprintln(s.out, line)
}

func spoken(d time.Duration) string {
	d = d.Round(time.Hour)
	days, hours := d/(24*time.Hour), d%(24*time.Hour)/time.Hour
	switch {
	case days == 0:
		return fmt.Sprintf("%dh", hours)
	case hours == 0:
		return fmt.Sprintf("%dd", days)
	default:
		return fmt.Sprintf("%dd %dh", days, hours)
	}
}

// reportOn brings the carrier's report on a text, if there is to be one.
func (s *Stage) reportOn(ctx workflow.Context, running map[string]workflow.ChildWorkflowFuture, m sent) {
	fate, ok := s.fates[m.To]
	if !ok {
		return
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		_ = workflow.Sleep(ctx, time.Second)
		fate.MessageID, fate.Key, fate.To, fate.At, fate.AcceptedAt = m.ID, m.Key, m.To, workflow.Now(ctx), workflow.Now(ctx)
		event, err := wire.ReceiptEvent(fate, workflow.Now(ctx))
		if err != nil {
			panic(err)
		}
		s.bring(ctx, running, told{m.To, m.From, event})
	})
}

// sent is a text that the carrier took, with its id there.
type sent struct {
	sms.Outbound
	ID string
}

type told struct {
	Contact sms.Number
	Sender  sms.Sender
	Event   wire.Envelope
}

// Tell implements conversation.Teller.
func (s *Stage) Tell(_ context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	s.env.SignalWorkflow("tell", told{contact, sender, e})
	return nil
}

// Send implements activities.Carrier: it is the moment the contact reads the text.
func (s *Stage) Send(_ context.Context, m sms.Outbound) (sms.Accepted, error) {
	now := s.env.Now()
	if code := s.refuse[string(m.To)]; code != "" {
		return sms.Accepted{}, &sms.SendError{Doubt: sms.Refused, Code: code}
	}
	s.printAt(now, "we:   "+m.Text)
	s.mu.Lock()
	s.sent = append(s.sent, m)
	id := "out-" + strconv.Itoa(len(s.sent))
	s.mu.Unlock()
	s.env.SignalWorkflow("sent", sent{m, id})
	return sms.Accepted{MessageID: id, At: now}, nil
}

// Find implements activities.Carrier.
func (s *Stage) Find(context.Context, sms.Search) (sms.Finding, error) {
	return sms.Finding{Certain: true}, nil
}

// Start implements conversation.Scripts; a stage has no responder that starts any.
func (s *Stage) Start(context.Context, string, string, json.RawMessage) error {
	return errors.New("a stage starts scripts by Script")
}

// Runs implements conversation.Scripts.
func (s *Stage) Runs(context.Context, wire.ScriptRef) (bool, error) { return true, nil }
