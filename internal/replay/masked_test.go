package replay

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMasked(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"[TMPRL1100] lookup failed for scheduledEventID to activityID: scheduleEventID: 5, activityID: 5":                                                          "[TMPRL1100] lookup failed for scheduledEventID to activityID: scheduleEventID: 5, activityID: 5",
		`history event is MarkerRecorded: (MarkerName:LocalActivity, Details:map[data:payloads:{data:"\"my words\""}]), replay command is StartTimer: (TimerId:5)`: "history event is MarkerRecorded: (…), replay command is StartTimer: (…)",
		`history event is A: (data:"x)) my words (\") my words"), replay command is B: (C:d)`:                                                                      "history event is A: (…), replay command is B: (…)",
		`history event is A: (Reason:a) my words), replay command is B: (C:d)`:                                                                                     "history event is A: (…)",
		`history event is A: (Reason:(my words), replay command is B: (C:my words)`:                                                                                "history event is A: (…)",
		`history event is A: (Reason:" my words), replay command is B: (C:my words)`:                                                                               "history event is A: (…)",
		"resp: *workflowservice.Request{result:{data:\"my words\"}}, last: *history.Event{my words}":                                                               "resp: *workflowservice.Request(…), last: *history.Event(…)",
		"not today,\n+15559876543":  "not today, +1•••543",
		"a) one, b) two":            "a) one, b) two",
		strings.Repeat("long ", 70): strings.Repeat("long ", 60) + "…",
	} {
		require.Equal(t, want, masked(words))
	}
}
