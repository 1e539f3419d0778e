package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/workflows"
)

func TestUnderstandIntent(t *testing.T) {
	t.Parallel()

	for intent, texts := range map[workflows.Intent][]string{
		workflows.Confirm: {
			"Confirmed", "Yes.", "Y!", "Yep", "yes please 👍", "👍", "👍🏽", "OK", "ok, thanks", "Sure!", "sounds good", "I'll be there",
			"See you then", "No problem, see you!", "can't wait", "YES I can come", "sí", "Great", "That works for me",
		},
		workflows.Reschedule: {
			"Can we reschedule?", "R", "need to re-schedule", "Could we do Friday instead?", "another time please", "No, can we find a different day?",
			"yes but can we do 4pm", "I'd like to move my appointment", "RESCHEDULE",
		},
		workflows.Decline: {
			"no", "No.", "N", "nope", "no, can't make it", "I can’t come", "won't be able to be there", "Sorry, I am unable to come", "not coming", "I don't think so",
		},
		"": {"", "?", "who is this", "not sure", "no yes", "maybe", "what time is it at", "🤷", "blue"},
	} {
		for _, text := range texts {
			got, ok := workflows.UnderstandIntent(text)
			require.Equal(t, intent, got, "%q", text)
			require.Equal(t, intent != "", ok, "%q", text)
		}
	}
}
