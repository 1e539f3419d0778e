package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sms"
)

// at is a time on 24 November 2026 in UTC, written as hour, minute, second.
func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-11-24 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func render(t *testing.T, v shown) string {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	var b strings.Builder
	v.text(&b, zone)
	return "\n" + b.String()
}

func TestTranscriptOfWhoWasErased(t *testing.T) {
	t.Parallel()
	erased := &wire.OptOut{At: at("08:00:00"), Source: "erased"}
	require.True(t, erased.Remembered())
	require.Contains(t, render(t, shown{State: wire.StateOptedOut, Conversation: wire.State{Consents: wire.Consents{OptedOut: erased}}}),
		"\nErased before 24 Nov 2026 09:00; nothing is sent until they text START.\n")
}

func TestTranscript(t *testing.T) {
	t.Parallel()
	state := wire.State{
		Life: wire.Life{Contact: "+15559876543", StartedAt: at("09:00:00").AddDate(0, 0, -1), Evicted: 3},
		Chronicle: wire.Chronicle{Transcript: []wire.Message{
			{MessageID: "01IN1", From: "contact", Kind: sms.KindText, Text: "Where is\r\nmy order?", At: at("22:59:58").AddDate(0, 0, -1)},
			{Key: "r-1", MessageID: "01OUT1", From: "responder", Kind: sms.KindText, Text: "On its way.", At: at("08:00:00"), Status: sms.StatusRead, StatusAt: at("08:00:09")},
			{MessageID: "01IN2", From: "contact", Kind: sms.KindMedia, Text: "https://media.example/1.jpg", At: at("08:01:00")},
			{Key: "r-2", MessageID: "01OUT2", From: "AppointmentConfirmation", Reference: "A-17", Text: "Does that suit you?", At: at("08:02:00"), Status: sms.StatusDelivered, StatusAt: at("08:02:03")},
			{Key: "r-3", From: "Bea", Text: "Hello?", At: at("08:03:00"), Status: sms.StatusFailed, Reason: "RECIPIENT_NOT_REACHABLE", StatusAt: at("08:03:05")},
			{Key: "r-4", From: "Bea", Text: "Hello again", At: at("08:04:00"), Status: sms.StatusDropped, Reason: "its question was withdrawn"},
			{Key: "r-5", MessageID: "01OUT5", From: "Bea", Text: "And again", At: at("08:05:00"), Status: sms.StatusOnChannel, Attempts: 1},
			{Key: "r-6", From: "Bea", Text: "Who knows", At: at("08:05:30"), Status: sms.StatusUnknown, Reason: "TIMEOUT"},
		}},
		Departures: wire.Departures{Outbox: []wire.Message{
			{Key: "r-7", From: "application", Text: "Later.", At: at("08:06:00"), Status: sms.StatusQueued},
		}},
		Dialogue: wire.Dialogue{Questions: []wire.PendingQuestion{
			{
				ID: "q1", Key: "r-2", Script: wire.ScriptRef{Type: "AppointmentConfirmation", WorkflowID: "appointment:A-17"}, Text: "Does that suit you?",
				Timeout: 24 * time.Hour, UsefulUntil: at("14:00:00"), AskedAt: at("08:02:00"), OpenSince: at("08:02:01"),
			},
			{
				ID: "q2", Script: wire.ScriptRef{Type: "Feedback", WorkflowID: "Feedback:x"}, Text: "How was it?", Timeout: time.Hour, AskedAt: at("08:02:30"),
			},
		}},
		Cares:    wire.Cares{Concerns: []wire.Concern{{Cause: wire.CauseRefused, Reason: "the carrier refused a message: RECIPIENT_NOT_REACHABLE", At: at("08:03:05")}}, Parked: []wire.Parked{{Reason: "asking the responder: HTTP 500", At: at("08:06:30"), Turn: &wire.Turn{Texts: []wire.Text{{Inbound: sms.Inbound{Text: "Anybody?"}}}}}}},
		Arrivals: wire.Arrivals{Skipped: []wire.Skipped{{ID: "x", Reason: "unknown kind of event", At: at("08:06:40")}}},
	}
	require.Equal(t, `
+15559876543 · a script is asking · since 23 Nov 2026 10:00
http://ui/x
! Needs attention since 24 Nov 2026 09:03: the carrier refused a message: RECIPIENT_NOT_REACHABLE
(3 older things have been let go)

Monday, 23 November 2026
  23:59:58 ← contact
            Where is
            my order?

Tuesday, 24 November 2026
  09:00:00 → responder · read ✓✓ 09:00:09
            On its way.
  09:01:00 ← contact · media
            https://media.example/1.jpg
  09:02:00 → AppointmentConfirmation · A-17 · delivered ✓✓ 09:02:03
            Does that suit you?
  09:03:00 → Bea · failed ! 09:03:05: RECIPIENT_NOT_REACHABLE
            Hello?
  09:04:00 → Bea · not sent !: its question was withdrawn
            Hello again
» 09:05:00 → Bea · sent ✓ · 2 attempts after a doubt
            And again
            key r-5
            Sinch's id 01OUT5
  09:05:30 → Bea · sent ? (nobody can say): TIMEOUT
            Who knows
  09:06:00 → application · queued …
            Later.

Open question of AppointmentConfirmation (appointment:A-17), since 24 Nov 2026 09:02, until 24 Nov 2026 15:00
            Does that suit you?

Waiting question of Feedback (Feedback:x), since 24 Nov 2026 09:02
            How was it?

Parked 24 Nov 2026 09:06: asking the responder: HTTP 500
            Anybody?
Skipped 24 Nov 2026 09:06: unknown kind of event
`, render(t, shown{Link: "http://ui/x", Status: "running", State: "asking", Message: &state.Transcript[6], Conversation: state}))
}

// What failed is sent once more, handed over, or parked, and a person deals with it.
func TestTranscriptOfTrouble(t *testing.T) {
	t.Parallel()
	state := wire.State{
		Life:     wire.Life{Contact: "+15559876543", StartedAt: at("08:00:00")},
		Services: wire.Services{Before: []wire.Line{{From: "contact", Text: "See you\nsoon", Time: at("10:00:00").AddDate(0, 0, -20)}}},
		Chronicle: wire.Chronicle{Transcript: []wire.Message{
			{Key: "r-1", MessageID: "01A", From: "Bea", Text: "One", At: at("08:00:00"), Status: sms.StatusFailed, Reason: "RECIPIENT_NOT_REACHABLE", StatusAt: at("08:00:05")},
			{Key: "r-2", MessageID: "01B", From: "Bea", Text: "One", At: at("08:01:05"), Status: sms.StatusFailed, Reason: "RECIPIENT_NOT_REACHABLE", StatusAt: at("08:01:09"), ResendOf: "r-1", Resend: 1},
			{Key: "r-3", MessageID: "01C", From: "Bea", Text: "Two", At: at("08:02:00"), Status: sms.StatusFailed, Reason: "CHANNEL_REJECT", StatusAt: at("08:02:05"), Fallback: "handed over", Stored: true},
			{Key: "r-4", From: "application", Text: "Three", At: at("08:03:00"), Status: sms.StatusFailed, Reason: "FORBIDDEN", StatusAt: at("08:03:01")},
			{Key: "r-6", MessageID: "01D", From: "application", Text: "Four", At: at("08:04:00"), Status: sms.StatusAccepted, ResendOf: "r-0", Resend: 1},
		}},
		Departures: wire.Departures{Held: []wire.Message{{Key: "r-5", From: "Bea", Text: "One", At: at("08:01:09"), Status: sms.StatusQueued, ResendOf: "r-2", Resend: 2}}},
		Cares: wire.Cares{Parked: []wire.Parked{
			{ID: "r/p1", Code: wire.ParkedDenied, Reason: "the carrier takes no messages from this account: FORBIDDEN", At: at("08:03:01"), Message: &wire.Message{Key: "r-4", Text: "Three"}},
		}, Mended: []wire.Mended{{ID: "r/p0", Code: wire.ParkedLoop, By: "bea", Why: "two machines", At: at("08:05:00")}}},
		Responses: wire.Responses{Redo: []wire.Turn{{Texts: []wire.Text{{Inbound: sms.Inbound{Text: "Anybody?"}}}}}},
	}
	require.Equal(t, `
+15559876543 · open · since 24 Nov 2026 09:00

Before this conversation, from the archive:
  4 Nov 2026 11:00 contact: See you soon

Tuesday, 24 November 2026
  09:00:00 → Bea · failed ! 09:00:05: RECIPIENT_NOT_REACHABLE · sent once more
            One
  09:01:05 → Bea · failed ! 09:01:09: RECIPIENT_NOT_REACHABLE · repeats that of 09:00:00 · will be sent once more
            One
» 09:02:00 → Bea · failed ! 09:02:05: CHANNEL_REJECT · fallback: handed over
            Two
            key r-3
            Sinch's id 01C
            the archive has it
  09:03:00 → application · failed ! 09:03:01: FORBIDDEN
            Three
  09:04:00 → application · sent ✓ · repeats an earlier text
            Four
  09:01:09 → Bea · waits … · repeats that of 09:01:05 · is sent at 09:01:09
            One

Parked 24 Nov 2026 09:03: the carrier takes no messages from this account: FORBIDDEN
            send-denied · r/p1
            Three
To be tried again:
            Anybody?
Given up 24 Nov 2026 09:05 by bea: two machines
            loop · r/p0
`, render(t, shown{Status: "running", State: "open", Message: &state.Transcript[2], Conversation: state}))
}

func TestTranscriptOfAClosedConversation(t *testing.T) {
	t.Parallel()
	closed := at("12:00:00")
	require.Equal(t, `
+15559876543 over 12345 · closed (completed 24 Nov 2026 13:00) · since 24 Nov 2026 09:00
Opted out 24 Nov 2026 09:30 with "Stop!"; nothing is sent until they text START.
`, render(t, shown{Status: "completed", Closed: &closed, Conversation: wire.State{
		Life:     wire.Life{Contact: "+15559876543", Sender: "12345", StartedAt: at("08:00:00")},
		Consents: wire.Consents{OptedOut: &wire.OptOut{At: at("08:30:00"), Text: "Stop!"}},
	}}))
}

// Texts come from strangers, and a terminal obeys what it is sent.
func TestTranscriptIsHarmless(t *testing.T) {
	t.Parallel()
	printed := render(t, shown{Status: "running", Conversation: wire.State{
		Chronicle: wire.Chronicle{Transcript: []wire.Message{
			{From: "contact\x1b[2J", Text: "\x1b]0;owned\a\u009b31m \u202egnp.exe 👩‍👩‍👧\rgone"},
		}},
	}})
	require.Contains(t, printed, "contact�[2J")
	require.Contains(t, printed, "�]0;owned��31m �gnp.exe 👩‍👩‍👧�gone\n", "but emoji stay")
}
