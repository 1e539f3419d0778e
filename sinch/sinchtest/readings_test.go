package sinchtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
)

func TestReadingsOverHTTP(t *testing.T) {
	t.Parallel()
	s := sinchtest.New(sinchtest.Options{Readings: sinchtest.Readings{SignAgain: true}})
	t.Cleanup(s.Close)
	ask := func(method, body string) (int, string) {
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, "/readings", strings.NewReader(body)))
		return answer.Code, answer.Body.String()
	}
	status, answer := ask(http.MethodPatch, `{"receipt_time":"callback","clock":"-2m"}`)
	require.Equal(t, http.StatusOK, status, answer)
	want := sinchtest.Readings{SignAgain: true, ReceiptTime: sinchtest.ReceiptTimeOfCallback, Clock: sinchtest.Offset(-2 * time.Minute)}
	require.Equal(t, want, s.Readings())

	for body, says := range map[string]string{
		`{"receipt_time":"whenever"}`: "receipt_time",
		`{"list_lag":"-1s"}`:          "negative",
		`{"recept_time":"callback"}`:  "recept_time",
	} {
		status, answer = ask(http.MethodPatch, body)
		require.Equal(t, http.StatusBadRequest, status)
		require.Contains(t, answer, says)
	}
	require.Equal(t, want, s.Readings(), "what is refused changes nothing")

	status, _ = ask(http.MethodPut, `{}`)
	require.Equal(t, http.StatusOK, status)
	require.Zero(t, s.Readings())
}

// TestAttempts: each request to send counts from its first byte, also one that is
// refused, and one whose body comes late.
func TestAttempts(t *testing.T) {
	t.Parallel()
	s := sinchtest.New(sinchtest.Options{})
	t.Cleanup(s.Close)
	server := httptest.NewUnstartedServer(s)
	server.Listener = sinchtest.Watch(server.Config, server.Listener)
	server.Start()
	t.Cleanup(server.Close)

	body := `{"app_id":"` + sinchtest.DefaultAppID + `","recipient":{"identified_by":{"channel_identities":[{"channel":"SMS","identity":"+15559876543"}]}},
		"message":{"text_message":{"text":"Hello"}},"message_metadata":"k-1","channel_properties":{"SMS_SENDER":"+12065550100"},"ttl":"60s"}`
	send := func(pause time.Duration) (began time.Time) {
		slow := &late{Reader: io.Reader(strings.NewReader(body)), pause: pause}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/projects/"+sinchtest.DefaultProjectID+"/messages:send", slow)
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.SetBasicAuth("key", "secret")
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return slow.began
	}
	send(0)
	s.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: http.StatusTooManyRequests})
	began := send(time.Second)

	var attempts []sinchtest.Attempt
	require.NoError(t, s.WaitFor(within(t), func() bool {
		attempts = s.Attempts("+15559876543")
		return len(attempts) == 2 && attempts[1].Status != 0
	}))
	require.Empty(t, s.Attempts("+15559876544"))
	first, second := attempts[0], attempts[1]
	require.Equal(t, []any{"Hello", "k-1", "60s", http.StatusOK}, []any{first.Text, first.Key, first.TTL, first.Status})
	require.Equal(t, sinchtest.DefaultSender, first.Sender)
	require.Equal(t, s.Sent()[0].ID, first.MessageID)
	require.Equal(t, http.StatusTooManyRequests, second.Status)
	require.Empty(t, second.MessageID)
	require.Less(t, second.FirstByte.Sub(began), 700*time.Millisecond, "before the body came")
	require.True(t, second.FirstByte.After(first.FirstByte), "the connection is the same, the request is not")
}

// late is a body of which nothing comes before a pause.
type late struct {
	io.Reader
	pause time.Duration
	began time.Time
}

func (l *late) Read(b []byte) (int, error) {
	if l.began.IsZero() {
		l.began = time.Now()
		time.Sleep(l.pause)
	}
	return l.Reader.Read(b)
}
