package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/secrets/parameterstest"
	"parley/internal/settings"
	"parley/sinch/sinchtest"
	"parley/sms"
)

func environment(pairs ...string) settings.Env {
	env := settings.Env{
		"TEMPORAL_CONFIG_FILE":    os.DevNull,
		"TEMPORAL_ADDRESS":        "127.0.0.1:9", // nothing listens there
		"SINCH_PROJECT_ID":        sinchtest.DefaultProjectID,
		"SINCH_APP_ID":            sinchtest.DefaultAppID,
		"SINCH_SMS_SENDER":        string(sinchtest.DefaultSender),
		"SINCH_ACCESS_KEY":        "k3y",
		"SINCH_ACCESS_KEY_SECRET": "s3cret",
		"PARLEY_METRICS_ADDR":     "127.0.0.1:0",
	}
	for pair := range slices.Chunk(pairs, 2) {
		env[pair[0]] = pair[1]
	}
	return env
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	noCredentials := []string{"SINCH_ACCESS_KEY", "", "SINCH_ACCESS_KEY_SECRET", ""}
	apart := []string{"PARLEY_SEND_TASK_QUEUE", "send"}
	tests := []struct {
		name string
		args []string
		env  []string
		want []string
	}{
		{"nobody there", nil, nil, []string{"reaching Temporal at 127.0.0.1:9"}},
		{"no credentials", nil, noCredentials, []string{"set SINCH_ACCESS_KEY to", "set SINCH_ACCESS_KEY_SECRET to"}},
		{"no credentials, sending", []string{"--only", "send"}, append(noCredentials, apart...), []string{"set SINCH_ACCESS_KEY to"}},
		{"no credentials, not sending", []string{"--only", "conversations"}, append(noCredentials, apart...), []string{"reaching Temporal"}},
		{"only sending needs no more", []string{"--only", "send"}, append(apart, "PARLEY_IDLE_AFTER", "1h"), []string{"reaching Temporal"}},
		{"only, on one queue", []string{"--only", "send"}, nil, []string{"set PARLEY_SEND_TASK_QUEUE"}},
		{"only, on one queue by name", []string{"--only", "send"}, []string{"PARLEY_SEND_TASK_QUEUE", "parley"}, []string{"set PARLEY_SEND_TASK_QUEUE"}},
		{"a rate for one queue", nil, []string{"PARLEY_SEND_RATE", "10"}, []string{"set PARLEY_SEND_TASK_QUEUE to a queue of its own"}},
		{"a rate, not sending", []string{"--only", "conversations"}, append(apart, "PARLEY_SEND_RATE", "-1"), []string{"reaching Temporal"}},
		{"a rate that would stop everything", nil, append(apart, "PARLEY_SEND_RATE", "0"), []string{"set PARLEY_SEND_RATE to", "parley pause-sending"}},
		{"a rate that is no number", nil, append(apart, "PARLEY_SEND_RATE", "NaN"), []string{"set PARLEY_SEND_RATE to"}},
		{"a rate that is a word", nil, append(apart, "PARLEY_SEND_RATE", "fast"), []string{"PARLEY_SEND_RATE is not understood: write it like 10"}},
		{"a rate", nil, append(apart, "PARLEY_SEND_RATE", "0.5"), []string{"reaching Temporal"}},
		{"a build of no deployment", nil, []string{"TEMPORAL_WORKER_BUILD_ID", "1"}, []string{"set TEMPORAL_DEPLOYMENT_NAME too"}},
		{"a deployment of no build", nil, []string{"TEMPORAL_DEPLOYMENT_NAME", "parley"}, []string{"set TEMPORAL_WORKER_BUILD_ID too"}},
		{"a deployment's name with a dot", nil, []string{"TEMPORAL_DEPLOYMENT_NAME", "par.ley", "TEMPORAL_WORKER_BUILD_ID", "1"}, []string{"no dot"}},
		{"a reserved build", nil, []string{"TEMPORAL_DEPLOYMENT_NAME", "parley", "TEMPORAL_WORKER_BUILD_ID", "__1"}, []string{"two underscores"}},
		{"a deployment", nil, []string{"TEMPORAL_DEPLOYMENT_NAME", "parley", "TEMPORAL_WORKER_BUILD_ID", "1"}, []string{"reaching Temporal"}},
		{"an empty deployment is none", nil, []string{"TEMPORAL_DEPLOYMENT_NAME", "", "TEMPORAL_WORKER_BUILD_ID", ""}, []string{"reaching Temporal"}},
		{"sending has no build", []string{"--only", "send"}, append(apart, "TEMPORAL_WORKER_BUILD_ID", "1"), []string{"reaching Temporal"}},
		{"a key that is none", nil, []string{"PARLEY_ENCRYPTION_KEYS", "c2VjcmV0"}, []string{"set PARLEY_ENCRYPTION_KEYS to keys: encryption key 1 is invalid"}},
		{"only what", []string{"--only", "receive"}, nil, []string{"--only must be one of"}},
		{
			"everything at once", nil, append(noCredentials, "PARLEY_IDLE_AFTER", "1h", "PARLEY_OUTCOME_URL", "x", "SINCH_WEBHOOK_TOLERANCE", "-1s"),
			[]string{"PARLEY_IDLE_AFTER", "PARLEY_OUTCOME_URL", "SINCH_WEBHOOK_TOLERANCE", "SINCH_ACCESS_KEY"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), tt.args, environment(tt.env...), io.Discard, io.Discard)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// TestKeysAreAway: a worker does not begin to write in clear because it cannot
// read its keys.
func TestKeysAreAway(t *testing.T) {
	kept := parameterstest.Start(t, map[string]string{})
	for name, value := range kept.Environment() {
		t.Setenv(name, value)
	}
	err := run(t.Context(), nil, environment("PARLEY_ENCRYPTION_KEYS_PARAM", "/parley/encryption-keys"), io.Discard, io.Discard)
	require.ErrorContains(t, err, "preparing to encrypt: the encryption keys are not known: reading parameter /parley/encryption-keys")
	kept.Put("/parley/encryption-keys", "rubbish")
	err = run(t.Context(), nil, environment("PARLEY_ENCRYPTION_KEYS_PARAM", "/parley/encryption-keys"), io.Discard, io.Discard)
	require.ErrorContains(t, err, "preparing to encrypt: the encryption keys are not known: what was found are no keys")
	require.NotContains(t, err.Error(), "rubbish")
	entry, err := encryption.NewKey("first")
	require.NoError(t, err)
	kept.Put("/parley/encryption-keys", entry)
	err = run(t.Context(), nil, environment("PARLEY_ENCRYPTION_KEYS_PARAM", "/parley/encryption-keys"), io.Discard, io.Discard)
	require.ErrorContains(t, err, "reaching Temporal")
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"--help"}, environment(), &out, io.Discard))
	for _, want := range []string{"$PARLEY_METRICS_ADDR", "127.0.0.1:9090", "TEMPORAL_ADDRESS", "$PARLEY_SEND_TASK_QUEUE", "--only=conversations|send", "$SINCH_ACCESS_KEY_SECRET"} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "s3cret")
	require.NotContains(t, out.String(), "$SINCH_WEBHOOK_SECRET", "no business of this process")
}

// lines collects what a running process logs.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

var listening = regexp.MustCompile(`msg=listening for=metrics address=(\S+)`)

// start runs a worker until it is ready, and returns where its metrics are and
// how to stop it.
func start(t *testing.T, env settings.Env, args ...string) (metrics string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var log lines
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, env, io.Discard, &log) }()
	require.Eventually(t, func() bool { return bytes.Contains([]byte(log.String()), []byte("msg=ready")) }, 3*time.Minute, 20*time.Millisecond) // the machine may be busy
	match := listening.FindStringSubmatch(log.String())
	require.NotNil(t, match)
	return "http://" + match[1] + "/metrics", func() {
		cancel()
		require.NoError(t, <-ended)
		require.NotContains(t, log.String(), "1555987654")
		require.NotContains(t, log.String(), "s3cret")
	}
}

// TestPrepare: a responder writes numbers as people do.
func TestPrepare(t *testing.T) {
	t.Parallel()
	got, err := prepare("Feedback", json.RawMessage(`{"contact":"1 (555) 987-6543","business_name":"Harbor Dental"}`))
	require.NoError(t, err)
	require.JSONEq(t, `{"contact":"+15559876543","business_name":"Harbor Dental"}`, string(got))

	for input, complaint := range map[string]string{
		`{"contact":"+9991234567890"}`: "the input does not suit Feedback: not a phone number",
		`{"contact":5}`:                "the input does not suit Feedback: ",
		``:                             "the input does not suit Feedback: ",
	} {
		_, err = prepare("Feedback", json.RawMessage(input))
		require.ErrorContains(t, err, complaint)
	}
	_, err = prepare("AppointmentConfirmation", json.RawMessage(`{"contact":"15559876543"}`))
	require.ErrorContains(t, err, "appointment_id is missing")
	_, err = prepare("Nothing", nil)
	require.ErrorContains(t, err, `there is no script "Nothing"`)
}

// TestAnswers runs the worker as it is deployed, in one process and divided into
// two, against a real server and a carrier that behaves: a text in, the
// article's reply out.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const path = "../.bin/devserver"
	if _, err := os.Stat(path); err != nil || testing.Short() {
		t.Skip("needs a real server: make .bin/devserver")
	}
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "never", Stdout: io.Discard, Stderr: io.Discard,
		ClientOptions: &client.Options{Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))},
	})
	require.NoError(t, err)
	t.Cleanup(func() { server.Client().Close(); _ = server.Stop() })

	tests := []struct {
		name    string
		contact sms.Number
		queue   string
		workers [][]string
		env     []string
	}{
		{"one worker", "+15559876541", "one", [][]string{nil}, nil},
		{"one process, two queues", "+15559876542", "two", [][]string{nil}, []string{"PARLEY_SEND_TASK_QUEUE", "two-send"}},
		{"two processes", "+15559876543", "three", [][]string{{"--only", "conversations"}, {"--only", "send"}}, []string{"PARLEY_SEND_TASK_QUEUE", "three-send"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			carrier := sinchtest.New(sinchtest.Options{Logger: slog.New(slog.DiscardHandler)})
			t.Cleanup(carrier.Close)
			host := httptest.NewServer(carrier)
			t.Cleanup(host.Close)
			env := environment(append(tt.env, "TEMPORAL_ADDRESS", server.FrontendHostPort(), "TEMPORAL_TASK_QUEUE", tt.queue,
				"SINCH_API_URL", host.URL, "SINCH_AUTH_URL", host.URL)...)
			var metrics []string
			for _, args := range tt.workers {
				address, stop := start(t, env, args...)
				defer stop()
				metrics = append(metrics, address)
			}

			event, err := wire.InboundEvent(sms.Inbound{ID: "m1", From: tt.contact, Kind: sms.KindText, Text: "Hello", AcceptedAt: time.Now()}, time.Now())
			require.NoError(t, err)
			conversations := conversations.Client{Temporal: server.Client(), TaskQueue: tt.queue}
			require.NoError(t, conversations.Tell(t.Context(), tt.contact, "", event))
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			_, err = carrier.WaitForText(ctx, tt.contact, `Thanks for your message! You said: "Hello"`)
			require.NoError(t, err)

			page := ""
			for _, address := range metrics {
				page += scrape(t, address)
			}
			require.Regexp(t, `(?m)^temporal_workflow_task_execution_latency_seconds_count\{.*workflow_type="Conversation".*\} [1-9]`, page)
			require.Regexp(t, `(?m)^temporal_activity_execution_latency_seconds_count\{activity_type="HandleInboundMessage".*\} [1-9]`, page)
			require.NotContains(t, page, string(tt.contact[1:]))
			require.NotContains(t, page, "Hello")
		})
	}
}

func scrape(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(page)
}
