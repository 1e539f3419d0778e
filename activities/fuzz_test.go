package activities

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// FuzzDecision: whatever a responder answers is a decision or a typed error.
func FuzzDecision(f *testing.F) {
	for _, body := range []string{`{"reply":"Very good!"}`, `{"start":{"script":"Feedback","input":{"contact":"+15559876543"}}}`, `{}`, ``, `null`, `[]`, `{"start":{}}`, `{"reply":5}`} {
		for _, status := range []int{200, 204, 302, 503, 500} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		decision, err := decide(status, body)
		if err == nil {
			require.True(t, decision.Start == nil || decision.Start.Script != "")
			return
		}
		require.Zero(t, decision)
		var failed *temporal.ApplicationError
		require.ErrorAs(t, err, &failed)
		require.Contains(t, []string{ErrTypeUnreachable, ErrTypeBadAnswer}, failed.Type())
		require.Less(t, len(err.Error()), 300, "it does not quote the answer")
	})
}
