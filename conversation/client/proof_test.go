package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sms"
)

func TestSteps(t *testing.T) {
	t.Parallel()
	receiptFirst := wire.Message{
		Key: "r-1", MessageID: "01", At: at("08:00:00"), Accepted: at("08:00:02"), Status: sms.StatusDelivered, StatusAt: at("08:00:05"),
		Steps: []wire.Step{{Status: sms.StatusUnknown, At: at("08:00:01")}, {Status: sms.StatusDelivered, At: at("08:00:05"), MessageID: "01"}},
	}
	require.Equal(t, []sms.Status{sms.StatusQueued, sms.StatusUnknown, sms.StatusAccepted, sms.StatusDelivered}, statuses(Steps(receiptFirst)))
	olderBuild := wire.Message{Key: "r-1", At: at("08:00:00"), Accepted: at("08:00:02"), Status: sms.StatusFailed, Reason: "NO", StatusAt: at("08:00:05")}
	require.Equal(t, []sms.Status{sms.StatusQueued, sms.StatusAccepted, sms.StatusFailed}, statuses(Steps(olderBuild)))
	waiting := wire.Message{Key: "r-1", At: at("08:00:00"), Status: sms.StatusQueued}
	require.Equal(t, []sms.Status{sms.StatusQueued}, statuses(Steps(waiting)))
}

func statuses(steps []wire.Step) []sms.Status {
	var all []sms.Status
	for _, s := range steps {
		all = append(all, s.Status)
	}
	return all
}

func TestChain(t *testing.T) {
	t.Parallel()
	l := ledger{}
	l.read(&wire.State{
		Chronicle: wire.Chronicle{Transcript: []wire.Message{
			{MessageID: "01IN"}, {Key: "r-1"}, {Key: "r-2", ResendOf: "r-1"}, {Key: "r-10", ResendOf: "r-9"}, {Key: "r-3"},
		}},
		Departures: wire.Departures{Held: []wire.Message{{Key: "r-11", ResendOf: "r-10"}}},
	}, Evidence{Source: FromNow})
	keys := func(key string) (keys []string) {
		for _, e := range l.chain(key) {
			keys = append(keys, e.Message.Key)
		}
		return keys
	}
	require.Equal(t, []string{"r-1", "r-2"}, keys("r-1"))
	require.Equal(t, []string{"r-1", "r-2"}, keys("r-2"))
	require.Equal(t, []string{"r-3"}, keys("r-3"))
	require.Equal(t, []string{"r-10", "r-11"}, keys("r-11"))
	require.Equal(t, "r-9", l.missing("r-11"))
	require.Equal(t, "r-4", l.missing("r-4"))
	require.Empty(t, l.missing("r-2"))

	l.add(Evidence{Message: wire.Message{Key: "r-3", Text: "older"}})
	require.Empty(t, l["r-3"].Message.Text, "what is known stands")
	l.add(Evidence{Message: wire.Message{Key: "r-9"}})
	require.Equal(t, []string{"r-9", "r-10", "r-11"}, keys("r-9"))
}

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-11-24 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}
