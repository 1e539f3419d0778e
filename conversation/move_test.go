package conversation_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/conversation"
	"parley/sms"
)

// movers write down what is moved; each takes a minute.
type movers struct {
	k      *talk
	moves  []conversation.Move
	during func(n int) error
}

func (m *movers) Move(_ context.Context, move conversation.Move) error {
	m.moves = append(m.moves, move)
	if m.during != nil {
		return m.during(len(m.moves))
	}
	return nil
}

func move(t *testing.T, at time.Time) conversation.Envelope {
	t.Helper()
	e, err := conversation.MoveEvent(keyed.Of(contact, ""), at)
	require.NoError(t, err)
	return e
}

// TestMove: a conversation hands everything on, once nothing is in flight, and
// what comes meanwhile follows.
func TestMove(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.ids = keyed
	m := &movers{k: k}
	k.mover = m
	m.during = func(n int) error {
		if n == 1 { // while the first is on its way
			k.text("late", "One more thing")
			k.signal(move(t, k.env.Now()), nil) // by somebody who was killed meanwhile, and began again
		}
		return nil
	}
	k.at(0, func() { k.ask("q1", "Feedback", "How was it?", time.Hour, time.Time{}) })
	k.at(2*time.Minute, func() { k.send("order-7", "Your order has left.") })
	k.at(3*time.Minute, func() {
		k.send("order-8", "So has the other.")
		k.send("order-9", "")
		k.signal(move(t, k.env.Now()), nil)
	})
	k.run()
	require.Len(t, m.moves, 2)
	state := m.moves[0].Start.State
	require.Equal(t, contact, m.moves[0].Start.Contact)
	require.False(t, m.moves[0].Idle, "a question is open")
	require.Empty(t, m.moves[0].Events)
	require.Len(t, state.Questions, 1)
	require.Equal(t, []string{keyed.Key("order-7"), keyed.Key("order-8")}, []string{state.Requests[0].ID, state.Requests[1].ID}, "callers' keys are hidden from here on")
	refused, known := state.Requested(keyed.Key("order-9"))
	require.True(t, known)
	require.Equal(t, "the text is empty", refused.Refused)
	require.Equal(t, 1, state.Run)
	require.Empty(t, state.Shown.State, "under the new id nothing is shown yet")
	require.Equal(t, []bool{false, true}, []bool{m.moves[0].Moved, m.moves[1].Moved}, "the state is handed over once")
	require.Len(t, m.moves[1].Events, 1)
	require.Equal(t, "in:late", m.moves[1].Events[0].ID)
	require.Empty(t, k.turns, "the successor answers")
}

// TestMoveFails: a conversation that cannot be moved goes on, and says so.
func TestMoveFails(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.ids = keyed
	m := &movers{k: k, during: func(int) error {
		k.text("m2", "Are you there?")
		return temporal.NewNonRetryableApplicationError("another one with the same contact has begun there", "AlreadyThere", errors.New("x"))
	}}
	k.mover = m
	k.at(0, func() { k.text("m1", "Hello") })
	k.at(2*time.Minute, func() { k.signal(move(t, k.env.Now()), nil) })
	state := k.run()
	require.Len(t, m.moves, 1)
	require.True(t, m.moves[0].Idle)
	require.Equal(t, []string{"re: Hello", "re: Are you there?"}, words(k.sends))
	require.Contains(t, state.Attention.Reason, "could not be moved to its new id: another one")
}

// TestMoveIsWishedAgain: the server drops a request that has the id of an earlier
// one, and that wish may not have been fulfilled.
func TestMoveIsWishedAgain(t *testing.T) {
	t.Parallel()

	now := time.Now()
	require.NotEqual(t, move(t, now).ID, move(t, now.Add(time.Second)).ID)
	require.Equal(t, move(t, now).ID, move(t, now.UTC()).ID)
}

// TestMoveIsGivenUp: a worker without the key lets a conversation go on where it is,
// as long as no successor has begun.
func TestMoveIsGivenUp(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		name         string
		begun, moved bool
		goesOn       bool
	}{
		{name: "nothing has begun", goesOn: true},
		{name: "the successor has begun", begun: true},
		{name: "the successor has the state", moved: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer := func(_ context.Context, _ string, req, _ any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
				if _, ok := req.(*workflowservice.DescribeWorkflowExecutionRequest); ok && !tt.begun {
					return status.Error(codes.NotFound, "no such workflow")
				}
				return nil
			}
			temporalClient, err := client.NewLazyClient(client.Options{
				Logger:            log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
				ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(answer)}},
			})
			require.NoError(t, err)
			t.Cleanup(temporalClient.Close)
			mover := conversation.TemporalMover{Client: conversation.Client{Temporal: temporalClient, TaskQueue: "parley"}}
			err = mover.Move(t.Context(), conversation.Move{To: keyed.Of(contact, ""), Start: conversation.Start{Contact: contact, State: &conversation.State{}}, Moved: tt.moved})
			require.ErrorContains(t, err, "PARLEY_ID_KEY")
			var final *temporal.ApplicationError
			require.Equal(t, tt.goesOn, errors.As(err, &final) && final.NonRetryable())
		})
	}
}

// TestMoveToItself: there is nothing to do.
func TestMoveToItself(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	m := &movers{k: k}
	k.mover = m
	k.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: keyed.Of(contact, "")})
	k.at(0, func() { k.signal(move(t, k.env.Now()), nil) })
	state := k.run()
	require.Len(t, state.Skipped, 1)
	require.Contains(t, state.Skipped[0].Reason, "or with its own")
	require.Empty(t, m.moves)
}

// known are suppressions with fixed answers.
type known struct {
	suppressed time.Time
	asked      int
	lifted     int
}

func (s *known) Suppressed(context.Context, sms.Number, sms.Sender) (time.Time, error) {
	s.asked++
	if s.asked == 1 {
		return time.Time{}, errors.New("the server is away")
	}
	return s.suppressed, nil
}

func (s *known) Lift(context.Context, sms.Number, sms.Sender) error {
	s.lifted++
	return nil
}

// TestErasedContact: before anything else a conversation asks whether its contact
// was erased, however long that takes.
func TestErasedContact(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	s := &known{suppressed: k.start.Add(-time.Hour)}
	k.suppressions = s
	var refused error
	k.at(0, func() {
		k.signal(conversation.InboundEvent(sms.Inbound{ID: "m0", From: contact, Kind: sms.KindText, Text: "START", AcceptedAt: k.start.Add(-2 * time.Hour)}, k.start))
		k.text("m1", "Hello")
		k.send("order-7", "Your order has left.")
		k.env.UpdateWorkflow(conversation.SendUpdate, "order-8", &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(err error) { refused = err }, OnComplete: func(_ any, err error) { refused = err }}, conversation.SendRequest{Text: "So has the other."})
	})
	k.at(time.Hour, func() { k.text("m2", "START") })
	k.at(2*time.Hour, func() { k.text("m3", "Hello again") })
	state := k.run()
	require.Equal(t, 2, s.asked)
	require.ErrorContains(t, refused, "opted out")
	require.Equal(t, []string{k.settings.OptInReply, "re: Hello again"}, words(k.sends))
	require.Equal(t, 1, s.lifted)
	require.Nil(t, state.OptedOut)
}

// TestErasedContactIsForgotten: who was erased is remembered by a record, so that
// the conversation need not stay for it.
func TestErasedContactIsForgotten(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.suppressions = &known{suppressed: k.start.Add(-time.Hour)}
	k.at(0, func() { k.text("m1", "Hello") })
	state := k.run() // it completes, and does not continue as new
	require.Empty(t, k.sends)
	require.Equal(t, "erased", state.OptedOut.Source)
}
