package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/sms"
)

// thinks has the responder be a workflow that takes so long.
func (k *talk) thinks(long time.Duration) {
	k.responder = engine.ByWorkflow{Type: "Think"}
	k.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, turn activities.Turn) error {
		k.mu.Lock()
		k.turns = append(k.turns, turn)
		k.mu.Unlock()
		return workflow.Sleep(ctx, long)
	}, workflow.RegisterOptions{Name: "Think"})
}

func (k *talk) decide(turn string, d wire.Decision) {
	body, err := json.Marshal(wire.Decided{Turn: turn, Decision: d})
	k.signal(wire.Envelope{Schema: 1, ID: "decide:" + turn, Kind: wire.KindDecide, Body: body}, err)
}

// A responder may be a workflow of minutes. It keeps no script waiting for so long,
// and its decision is obeyed when it comes, once.
func TestAResponderOfMinutes(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.thinks(10 * time.Minute)
	k.at(0, func() { k.text("1", "one") })
	k.at(time.Minute, func() { k.text("2", "two") })
	k.at(2*time.Minute, func() { k.say("s", "Reminder", "See you tomorrow") })
	k.at(3*time.Minute, func() { require.Equal(t, []string{"See you tomorrow"}, words(k.sends)) })
	k.at(7*time.Minute, func() {
		k.decide("1", wire.Decision{Reply: "re: one"})
		k.decide("1", wire.Decision{Reply: "again"})
	})
	k.at(8*time.Minute, func() {
		require.Equal(t, "decide event about a turn that is over", k.state().Skipped[0].Reason)
		k.decide("2", wire.Decision{})
	})
	k.last()
	require.Equal(t, []string{"See you tomorrow", "re: one"}, words(k.sends))
	require.Len(t, k.turns, 2)
}

// A workflow that ends without a decision, or never does, is asked again and then
// parked, as a responder is that cannot be reached.
func TestAResponderThatNeverDecides(t *testing.T) {
	t.Parallel()

	for name, long := range map[string]time.Duration{"ends": time.Minute, "goes on": 48 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			k := newTalk(t)
			k.gone = long < time.Hour
			k.thinks(long)
			k.at(0, func() { k.text("1", "one") })
			state := k.last()
			require.Equal(t, wire.ParkedUnreachable, state.Parked[0].Code)
			require.NotEmpty(t, state.Parked[0].Reason)
			require.Empty(t, state.Floor.Holder)
		})
	}
}

func TestAResponderHandsOver(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.tells(wire.HookNotify)
	k.respond = func(activities.Turn) (wire.Decision, error) {
		return wire.Decision{Reply: "A person will get in touch.", HandOver: "wants a refund"}, nil
	}
	k.at(0, func() { k.text("1", "I want my money back") })
	k.at(time.Minute, func() {
		state := k.state()
		require.Equal(t, []string{"A person will get in touch."}, words(k.sends))
		require.Equal(t, wire.ParkedHandedOver, state.Parked[0].Code)
		require.Equal(t, "the responder hands over: wants a refund", state.Attention().Reason)
		require.Equal(t, string(wire.ParkedHandedOver), k.notices[0].Code)
		k.skip("done", wire.Mend{By: "kim"})
	})
	k.run()
}

// A responder may understand a wish that no list of words holds.
func TestAResponderOptsOut(t *testing.T) {
	t.Parallel()

	k := newTalk(t)
	k.respond = func(activities.Turn) (wire.Decision, error) {
		return wire.Decision{OptOut: true, Reply: "not sent"}, nil
	}
	k.at(0, func() { k.text("1", "never write to me again") })
	k.at(time.Minute, func() { k.send("a", "hello") })
	state := k.last()
	require.Equal(t, []string{k.settings.OptOutReply}, words(k.sends))
	require.Equal(t, "never write to me again", state.OptedOut.Text)
	require.Equal(t, "responder", state.OptedOut.Source)
	require.Equal(t, sms.StatusAccepted, state.Transcript[1].Status)
	require.Nil(t, state.Turn)
}
