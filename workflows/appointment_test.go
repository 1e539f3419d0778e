package workflows_test

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"parley/conversation"
	"parley/conversation/conversationtest"
	"parley/sms"
	"parley/understand"
	"parley/workflows"
)

const anasNumber sms.Number = "+15559876543"

// ana is reminded on Tuesday at 11:00 of an appointment on Wednesday at 15:00, in Berlin.
var ana = workflows.Appointment{
	ID: "A-17", Contact: anasNumber, FirstName: "Ana", Business: "Harbor Dental",
	Start: conversationtest.Start.Add(53 * time.Hour), Zone: "Europe/Berlin", RemindBefore: workflows.Duration(28 * time.Hour),
}

func ExampleAppointmentConfirmation() {
	conversationtest.Play(os.Stdout, workflows.AppointmentConfirmation, ana, "Can we reschedule?")
	// Output:
	// (1d 1h later)
	// we:   Hi Ana, this is Harbor Dental. We expect you on Wednesday, March 4 at 3:00 PM. Does that suit you? Reply YES to confirm, or tell us if you need to reschedule.
	// they: Can we reschedule?
	// we:   No problem. Harbor Dental will get in touch to find another time.
	// end:  {"appointment_id":"A-17","outcome":"reschedule requested"}
}

func ExampleAppointmentConfirmation_silence() {
	conversationtest.Play(os.Stdout, workflows.AppointmentConfirmation, ana, conversationtest.Silence, "who is this", "Confirmed 👍🏽")
	// Output:
	// (1d 1h later)
	// we:   Hi Ana, this is Harbor Dental. We expect you on Wednesday, March 4 at 3:00 PM. Does that suit you? Reply YES to confirm, or tell us if you need to reschedule.
	//       (14h later)
	// we:   Harbor Dental here again: please let us know if you can come on Wednesday, March 4 at 3:00 PM. Reply YES or NO.
	// they: who is this
	// we:   Sorry, I did not get that. Please reply YES if you can come, NO if you cannot, or RESCHEDULE for another time.
	// they: Confirmed 👍🏽
	// we:   Thank you! See you on Wednesday, March 4 at 3:00 PM.
	// end:  {"appointment_id":"A-17","outcome":"confirmed"}
}

func TestAppointmentEndings(t *testing.T) {
	for name, test := range map[string]struct {
		play    func(*conversationtest.Stage)
		want    workflows.AppointmentResult
		goodbye string
	}{
		"confirmed": {
			play:    replies("Y!"),
			want:    workflows.AppointmentResult{Outcome: workflows.AppointmentConfirmed},
			goodbye: "Thank you!",
		},
		"declined": {
			play:    replies("no, can't make it"),
			want:    workflows.AppointmentResult{Outcome: workflows.AppointmentDeclined},
			goodbye: "will not expect you",
		},
		"never understood": {
			play:    replies("what", "who", "why?"),
			want:    workflows.AppointmentResult{Outcome: workflows.AppointmentNotUnderstood, Words: "why?"},
			goodbye: "could not read",
		},
		"never answered": {
			play: replies(),
			want: workflows.AppointmentResult{Outcome: workflows.AppointmentNoReply, Delivered: conversation.DeliveryUnknown},
		},
		"opts out": {
			play: replies("Stop!"),
			want: workflows.AppointmentResult{Outcome: workflows.AppointmentOptedOut, Words: "Stop!"},
		},
		"opted out before": {
			play: func(s *conversationtest.Stage) { s.Contact(anasNumber).Texts(time.Hour, "unsubscribe") },
			want: workflows.AppointmentResult{Outcome: workflows.AppointmentOptedOut, Words: "unsubscribe"},
		},
		"undeliverable": {
			play: func(s *conversationtest.Stage) { s.Refuse(anasNumber, "NOT_FOUND") },
			want: workflows.AppointmentResult{Outcome: workflows.AppointmentUndeliverable, Reason: "NOT_FOUND"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			stage := conversationtest.New(io.Discard)
			test.play(stage)
			stage.Script("appointment:A-17", workflows.AppointmentConfirmation, ana)
			stage.Run()

			var got workflows.AppointmentResult
			require.NoError(t, stage.Result("appointment:A-17", &got))
			test.want.ID = "A-17"
			require.Equal(t, test.want, got)
			if test.goodbye != "" {
				sent := stage.Sent()
				require.Contains(t, sent[len(sent)-1].Text, test.goodbye)
			}
		})
	}
}

func replies(words ...conversationtest.Reply) func(*conversationtest.Stage) {
	return func(s *conversationtest.Stage) { s.Contact(anasNumber).Replies(words...) }
}

func TestAppointmentTooLate(t *testing.T) {
	t.Parallel()

	late := ana
	late.Start = conversationtest.Start.Add(-time.Minute)
	stage := conversationtest.New(io.Discard)
	stage.Script("appointment:A-17", workflows.AppointmentConfirmation, late)
	stage.Run()

	var got workflows.AppointmentResult
	require.NoError(t, stage.Result("appointment:A-17", &got))
	require.Equal(t, workflows.AppointmentTooLate, got.Outcome)
	require.Empty(t, stage.Sent())
}

func TestAppointmentCancelled(t *testing.T) {
	t.Parallel()

	for name, when := range map[string]time.Duration{"before it spoke": time.Hour, "while it waits": 26 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			stage := conversationtest.New(io.Discard)
			stage.Script("appointment:A-17", workflows.AppointmentConfirmation, ana)
			stage.Cancel(when, "appointment:A-17")
			stage.Contact(anasNumber).Texts(when+time.Hour, "Yes")
			stage.Run()

			require.True(t, temporal.IsCanceledError(stage.Result("appointment:A-17", nil)))
			sent := stage.Sent()
			require.Equal(t, `Thanks for your message! You said: "Yes"`, sent[len(sent)-1].Text, "nobody waits for the answer any more")
		})
	}
}

// Two children of one mother have appointments on the same day: one question
// is open at a time, and each answer finds its own.
func ExampleAppointmentConfirmation_twoOnOneNumber() {
	ben := ana
	ben.ID, ben.FirstName, ben.Start = "A-18", "Ben", ana.Start.Add(time.Hour)
	ben.RemindBefore = workflows.Duration(29*time.Hour - time.Second) // a second after Ana's

	stage := conversationtest.New(os.Stdout)
	stage.Script("appointment:A-17", workflows.AppointmentConfirmation, ana)
	stage.Script("appointment:A-18", workflows.AppointmentConfirmation, ben)
	stage.Contact(anasNumber).Replies("blue", "yes please 👍", "Nope")
	stage.Run()
	// Output:
	// (1d 1h later)
	// we:   Hi Ana, this is Harbor Dental. We expect you on Wednesday, March 4 at 3:00 PM. Does that suit you? Reply YES to confirm, or tell us if you need to reschedule.
	// they: blue
	// we:   Sorry, I did not get that. Please reply YES if you can come, NO if you cannot, or RESCHEDULE for another time.
	// they: yes please 👍
	// we:   Thank you! See you on Wednesday, March 4 at 3:00 PM.
	// we:   Hi Ben, this is Harbor Dental. We expect you on Wednesday, March 4 at 4:00 PM. Does that suit you? Reply YES to confirm, or tell us if you need to reschedule.
	// end:  {"appointment_id":"A-17","outcome":"confirmed"}
	// they: Nope
	// we:   Thanks for telling us. Harbor Dental will not expect you on Wednesday, March 4 at 4:00 PM.
	// end:  {"appointment_id":"A-18","outcome":"declined"}
}

func TestAppointmentInput(t *testing.T) {
	t.Parallel()

	var in workflows.Appointment
	require.NoError(t, json.Unmarshal([]byte(`{"appointment_id":"7","contact":"+1 (555) 987-6543","first_name":"Ana","business_name":"Harbor Dental",
		"start":"2026-03-10T15:30:00+01:00","zone":"Europe/Berlin","remind_before":"24h"}`), &in))
	require.Equal(t, anasNumber, in.Contact)
	require.Equal(t, workflows.Duration(24*time.Hour), in.RemindBefore)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"remind_before":24}`), &in), `like "24h"`)

	for want, spoil := range map[string]func(*workflows.Appointment){
		"appointment_id": func(a *workflows.Appointment) { a.ID = "" },
		"contact":        func(a *workflows.Appointment) { a.Contact = "" },
		"first_name":     func(a *workflows.Appointment) { a.FirstName = "" },
		"start":          func(a *workflows.Appointment) { a.Start = time.Time{} },
		"zone":           func(a *workflows.Appointment) { a.Zone = "Berlin" },
		"remind_before":  func(a *workflows.Appointment) { a.RemindBefore = -1 },
	} {
		bad := ana
		spoil(&bad)
		stage := conversationtest.New(io.Discard)
		stage.Script("x", workflows.AppointmentConfirmation, bad)
		stage.Run()
		require.ErrorContains(t, stage.Result("x", nil), want)
	}
}

func TestNoTextAsksForAWordThatMeansStop(t *testing.T) {
	t.Parallel()

	stage := conversationtest.New(io.Discard)
	replies(conversationtest.Silence, "what", "huh", "hm")(stage)
	stage.Script("x", workflows.AppointmentConfirmation, ana)
	stage.Run()
	for _, m := range stage.Sent() {
		for word := range strings.FieldsSeq(m.Text) {
			if word == strings.ToUpper(word) {
				require.False(t, understand.IsStop(word), "%q asks for %q", m.Text, word)
			}
		}
	}
}
