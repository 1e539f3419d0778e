package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"parley/conversation/wire"
	"parley/sms"
)

// outcomeV1 is how scripts of the first version read what they are answered. It
// is never changed: such scripts wait for weeks, and stay on their build.
type outcomeV1 struct {
	Schema     int       `json:"schema"`
	Kind       string    `json:"kind"`
	Text       string    `json:"text"`
	MessageID  string    `json:"message_id"`
	AcceptedAt time.Time `json:"accepted_at"`
	Delivered  string    `json:"delivered"`
	Reason     string    `json:"reason"`
}

// readV1 reads an outcome as a script of the first version does: a newer schema,
// or a kind that it does not know, it could not.
func readV1(t *testing.T, raw json.RawMessage) outcomeV1 {
	t.Helper()
	var o outcomeV1
	require.NoError(t, json.Unmarshal(raw, &o), "%s", raw)
	require.Equal(t, 1, o.Schema, "%s", raw)
	require.Contains(t, []string{"answered", "no reply", "undeliverable", "opted out", "withdrawn", "too late", "taken over"}, o.Kind)
	return o
}

func readHistory(t *testing.T, path string) *historypb.History {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return history
}

func payload(t *testing.T, data converter.EncodedValue) json.RawMessage {
	t.Helper()
	var raw json.RawMessage
	require.NoError(t, data.Get(&raw))
	return raw
}

// TestOldScriptsAndANewConversation brings to this build's conversation all that
// scripts of each recorded version told theirs, with the contact's texts between.
// It must answer each question with the same words, and so that they can read it.
func TestOldScriptsAndANewConversation(t *testing.T) {
	t.Parallel()
	releases, err := filepath.Glob("testdata/histories/*")
	require.NoError(t, err)
	require.NotEmpty(t, releases)
	for _, release := range releases {
		t.Run(filepath.Base(release), func(t *testing.T) {
			t.Parallel()
			k := newTalk(t)
			told := map[string]int{}              // of each kind
			before := map[string][]outcomeV1{}    // what the old conversation answered
			keys := map[string][]map[string]any{} // the same, with all that stood there
			runs, err := filepath.Glob(release + "/conversation-run-*.json")
			require.NoError(t, err)
			for _, run := range runs {
				for _, event := range readHistory(t, run).GetEvents() {
					at := event.GetEventTime().AsTime()
					if a := event.GetWorkflowExecutionSignaledEventAttributes(); a != nil {
						if len(told) == 0 { // the one that it was started with
							k.start = at
							k.env.SetStartTime(at)
						}
						raw := payload(t, client.NewValue(a.GetInput()))
						var e wire.Envelope
						if json.Unmarshal(raw, &e) == nil {
							told[string(e.Kind)]++
						}
						k.at(at.Sub(k.start), func() { k.env.SignalWorkflow(wire.EventSignal, raw) })
					}
					if a := event.GetSignalExternalWorkflowExecutionInitiatedEventAttributes(); a != nil {
						raw := payload(t, client.NewValue(a.GetInput()))
						before[a.GetSignalName()] = append(before[a.GetSignalName()], readV1(t, raw))
						var all map[string]any
						require.NoError(t, json.Unmarshal(raw, &all))
						keys[a.GetSignalName()] = append(keys[a.GetSignalName()], all)
					}
				}
			}
			require.Greater(t, told["ask"], 5)
			require.NotZero(t, told["say"])
			require.NotZero(t, told["withdraw"])

			state := k.last()
			require.LessOrEqual(t, len(state.Skipped), 2, "junk, and an operator's cancellation: %v", state.Skipped)
			require.Len(t, k.answers, len(before))
			for name, was := range before {
				now := k.answers[name]
				require.Len(t, now, len(was), name)
				for i := range was {
					is := readV1(t, now[i])
					require.Equal(t, was[i].Kind, is.Kind)
					require.Equal(t, was[i].Text, is.Text)
					require.Equal(t, was[i].MessageID, is.MessageID)
					require.True(t, was[i].AcceptedAt.Equal(is.AcceptedAt))
					var all map[string]any
					require.NoError(t, json.Unmarshal(now[i], &all))
					for key, value := range keys[name][i] {
						require.IsType(t, value, all[key], "%s of %s", key, now[i])
					}
				}
			}
			t.Logf("%d asks, %d says and %d withdraws of old scripts: %d outcomes, all as before", told["ask"], told["say"], told["withdraw"], len(before))
		})
	}
}

// TestOutcomesStayReadable: each ending has the fields that scripts of the first
// version read, and no other form.
func decoded(t *testing.T, raw string) (value map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(raw), &value))
	return value
}

func TestOutcomesStayReadable(t *testing.T) {
	t.Parallel()
	k := newTalk(t)
	hour := time.Hour
	k.answer = func(_ int, m sms.Outbound) error {
		if strings.Contains(m.Text, "refused") {
			return &sms.SendError{Doubt: sms.Refused, Code: "BAD_REQUEST"}
		}
		return nil
	}
	k.at(0, func() { k.ask("answered", "a", "a?", hour, time.Time{}) })
	k.at(time.Minute, func() { k.text("1", "yes") })
	k.at(2*time.Minute, func() { k.say("s", "a", "Thanks.") })
	k.at(10*time.Minute, func() { k.ask("no reply", "b", "b?", hour, time.Time{}) })
	k.at(2*hour, func() { k.ask("undeliverable", "c", "refused?", hour, time.Time{}) })
	k.at(3*hour, func() { k.ask("too late", "d", "d?", hour, k.start.Add(hour)) })
	k.at(4*hour, func() { k.ask("older", "e", "e?", hour, time.Time{}) })
	k.at(4*hour+time.Minute, func() {
		body := json.RawMessage(`{"script":{"type":"Script","workflow_id":"e","run_id":"another"},"text":"e!"}`)
		k.signal(wire.Envelope{Schema: 1, ID: "opted out", Kind: wire.KindAsk, Body: body}, nil)
	})
	k.at(4*hour+2*time.Minute, func() { k.ask("older", "e", "e?", hour, time.Time{}) })
	k.at(4*hour+3*time.Minute, func() { k.text("2", "STOP") })
	k.last()

	at1, at2 := k.start.Add(time.Minute).Format(time.RFC3339), k.start.Add(4*hour+3*time.Minute).Format(time.RFC3339)
	for name, want := range map[string]string{
		"answered":      `{"schema":1,"kind":"answered","text":"yes","message_id":"1","accepted_at":"` + at1 + `"}`,
		"no reply":      `{"schema":1,"kind":"no reply","delivered":"unknown"}`,
		"undeliverable": `{"schema":1,"kind":"undeliverable","reason":"BAD_REQUEST"}`,
		"too late":      `{"schema":1,"kind":"too late"}`,
		"older":         `{"schema":1,"kind":"withdrawn"}`,
		"opted out":     `{"schema":1,"kind":"opted out","text":"STOP","message_id":"2","accepted_at":"` + at2 + `"}`,
	} {
		got := k.answers["answer/"+name]
		require.Len(t, got, 1, "%s of %v", name, k.outcomes)
		var told map[string]any
		require.NoError(t, json.Unmarshal(got[0], &told))
		require.NotZero(t, told["epoch"], "the floor's, which depends on what was before")
		delete(told, "epoch")
		require.Equal(t, decoded(t, want), told)
		readV1(t, got[0])
	}
	require.Len(t, k.answers, 6)
}
