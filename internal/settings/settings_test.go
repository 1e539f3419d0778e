package settings_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/internal/telemetry"
	"parley/sinch"
	"parley/sms"
)

type all struct {
	settings.Temporal
	settings.Conversation
	settings.Sinch
	settings.Hooks
	settings.Log
}

func parse(t *testing.T, env settings.Env, args ...string) all {
	t.Helper()
	var a all
	command, err := settings.Parse(&a, args, env, io.Discard, io.Discard)
	require.NoError(t, err)
	require.NotNil(t, command)
	return a
}

// shelf is a parameter store.
type shelf map[string]string

func (s shelf) Parameter(name string) secrets.Value {
	value, ok := s[name]
	if !ok {
		panic("nobody should have asked for " + name)
	}
	return secrets.Fixed(value)
}

// signing reads the secrets, as the webhook does.
func signing(t *testing.T) func(settings.SigningSecrets, error) []string {
	t.Helper()
	return func(s settings.SigningSecrets, err error) []string {
		t.Helper()
		require.NoError(t, err)
		known, err := s.Get(t.Context())
		require.NoError(t, err)
		renewed, err := s.Renew(t.Context())
		require.NoError(t, err)
		require.Equal(t, known, renewed)
		return known
	}
}

// TestParameters: values that are set themselves go before those in the store.
func TestParameters(t *testing.T) {
	t.Parallel()
	names := settings.Env{ //nolint:gosec // names
		"SINCH_ACCESS_KEY_PARAM": "/sinch/access-key", "SINCH_ACCESS_KEY_SECRET_PARAM": "/sinch/access-key-secret",
		"SINCH_WEBHOOK_SECRET_PARAM": "/sinch/conversation-webhook-secret", "TEMPORAL_API_KEY_PARAM": "/temporal/api-key",
	}
	kept := shelf{"/sinch/access-key": "k", "/sinch/access-key-secret": "s", "/sinch/conversation-webhook-secret": "new, old\n", "/temporal/api-key": "t"}
	a := parse(t, names)
	id, secret, err := a.Config(kept).Keys(t.Context(), false)
	require.NoError(t, err)
	require.Equal(t, []string{"k", "s"}, []string{id, secret})
	require.Equal(t, []string{"new", "old"}, signing(t)(a.Secrets(kept)))
	require.Equal(t, []string{"new", "old"}, signing(t)(a.ReceiptsSecrets(kept)), "as all others")
	key, err := a.APIKey(kept).Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, "t", key)
	require.Nil(t, parse(t, nil).APIKey(kept))

	names["SINCH_RECEIPTS_SECRET_PARAM"], kept["/sinch/receipts-secret"] = "/sinch/receipts-secret", "third"
	require.Equal(t, []string{"third"}, signing(t)(parse(t, names).ReceiptsSecrets(kept)))

	names["SINCH_ACCESS_KEY"], names["SINCH_WEBHOOK_SECRET"], names["SINCH_RECEIPTS_SECRET"] = "mine", "mine,too", "mine"
	a = parse(t, names)
	only := shelf{"/sinch/access-key-secret": "s"}
	id, _, err = a.Config(only).Keys(t.Context(), true)
	require.NoError(t, err)
	require.Equal(t, "mine", id)
	require.Equal(t, []string{"mine", "too"}, signing(t)(a.Secrets(only)))
	require.Equal(t, []string{"mine"}, signing(t)(a.ReceiptsSecrets(only)))

	half := parse(t, settings.Env{"SINCH_PROJECT_ID": "p", "SINCH_APP_ID": "a", "SINCH_ACCESS_KEY_PARAM": "/sinch/access-key"})
	_, err = sinch.NewClient(half.Config(kept))
	require.ErrorContains(t, err, "or SINCH_ACCESS_KEY_SECRET_PARAM to the name of its parameter")
	require.NotContains(t, err.Error(), "SINCH_ACCESS_KEY ")

	empty, err := parse(t, settings.Env{"SINCH_WEBHOOK_SECRET_PARAM": "/empty"}).Secrets(shelf{"/empty": " , "})
	require.NoError(t, err)
	_, err = empty.Get(t.Context())
	require.ErrorContains(t, err, "holds no secret")
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	a := parse(t, nil)
	require.Equal(t, "parley", a.TaskQueue)
	require.False(t, a.SendsApart())
	require.Equal(t, "us", a.Region)
	require.False(t, a.AllReceipts())
	require.Equal(t, telemetry.Text, a.LogFormat)
	require.Equal(t, slog.LevelInfo, a.LogLevel)
	tolerance, err := a.Tolerance()
	require.NoError(t, err)
	require.Equal(t, 5*time.Minute, tolerance)

	s, err := a.Settings(a.Temporal, tolerance)
	require.NoError(t, err)
	require.Equal(t, wire.DefaultSettings(), s)

	hook, err := a.Responder()
	require.NoError(t, err)
	require.Zero(t, hook)
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	a := parse(t, settings.Env{
		"TEMPORAL_TASK_QUEUE": "q", "PARLEY_SEND_TASK_QUEUE": "send",
		"PARLEY_IDLE_AFTER": "48h", "PARLEY_CONTINUE_AFTER": "2000", "PARLEY_OPT_OUT_REPLY": "off", "PARLEY_OPT_IN_REPLY": " Off ",
		"PARLEY_HELP_REPLY": "Ask us.", "PARLEY_TEXTS_PER_HOUR": "3", "PARLEY_RESPONDER_TRIES": "1s,2s",
		"SINCH_REGION": "eu", "SINCH_PROJECT_ID": "p", "SINCH_APP_ID": "a", "SINCH_SMS_SENDER": "12065550100, +1 206 555 0101,12345",
		"SINCH_ACCESS_KEY": "k", "SINCH_ACCESS_KEY_SECRET": " s\n", "SINCH_WEBHOOK_SECRET": "new,old,", "SINCH_RECEIPTS_SECRET": "newer, older", "SINCH_WEBHOOK_TOLERANCE": "36h", "SINCH_RECEIPTS": "all",
		"SINCH_API_URL": "http://127.0.0.1:8090", "SINCH_AUTH_URL": "http://127.0.0.1:8090",
		"PARLEY_RESPONDER_URL": "https://ai.example/turn", "PARLEY_OUTCOME_URL": "https://crm.example/outcome", "PARLEY_HOOK_SECRET": "hook",
		"PARLEY_LOG_FORMAT": "json", "PARLEY_LOG_LEVEL": "debug",
	}, "--task-queue", "from-the-command-line")

	require.Equal(t, "from-the-command-line", a.TaskQueue)
	require.True(t, a.SendsApart())
	s, err := a.Settings(a.Temporal, a.WebhookTolerance)
	require.NoError(t, err)
	require.Equal(t, wire.Settings{
		IdleAfter: 48 * time.Hour, ContinueAfter: 2000, RememberFor: 36 * time.Hour, HelpReply: "Ask us.", TextsPerHour: 3, Patience: time.Hour,
		ResponderTries: []time.Duration{time.Second, 2 * time.Second}, SendTaskQueue: "send",
	}, s)

	config := a.Config(shelf{})
	require.Equal(t, "eu", config.Region)
	require.Equal(t, "s", config.AccessKeySecret)
	require.Equal(t, sms.Sender("+12065550100"), config.Sender)
	require.Equal(t, []sms.Sender{"+12065550100", "+12065550101", "12345"}, a.Senders())
	require.Equal(t, []string{"new", "old"}, signing(t)(a.Secrets(shelf{})))
	require.Equal(t, []string{"newer", "older"}, signing(t)(a.ReceiptsSecrets(shelf{})))
	require.True(t, a.AllReceipts())

	hook, err := a.Responder()
	require.NoError(t, err)
	require.Equal(t, "https://ai.example/turn", hook.URL)
	require.Equal(t, "hook", hook.Secret)
	require.Equal(t, slog.LevelDebug, a.LogLevel)
}

func TestEmptyVariablesCountAsUnset(t *testing.T) {
	t.Parallel()
	a := parse(t, settings.Env{"TEMPORAL_TASK_QUEUE": "", "PARLEY_IDLE_AFTER": " ", "SINCH_RECEIPTS": "", "PARLEY_DEVELOPMENT": "", "PARLEY_OPT_OUT_REPLY": ""})
	require.Equal(t, "parley", a.TaskQueue)
	require.Equal(t, 168*time.Hour, a.IdleAfter)
	require.Equal(t, wire.DefaultSettings().OptOutReply, a.OptOutReply)
}

// TestEnvironmentOfTheProcess is not read: kong would, by itself.
func TestEnvironmentOfTheProcess(t *testing.T) {
	t.Setenv("TEMPORAL_TASK_QUEUE", "the-user's-own")
	t.Setenv("PARLEY_IDLE_AFTER", "nonsense")
	require.Equal(t, "parley", parse(t, nil).TaskQueue)
}

func TestNotUnderstood(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value, want string }{
		{"PARLEY_IDLE_AFTER", "a week", "PARLEY_IDLE_AFTER is not understood: write it like 168h"},
		{"PARLEY_CONTINUE_AFTER", "many", "PARLEY_CONTINUE_AFTER is not understood: write it like 0"},
		{"PARLEY_RESPONDER_TRIES", "10s;2m", "PARLEY_RESPONDER_TRIES is not understood: write it like 10s,1m"},
		{"PARLEY_DEVELOPMENT", "perhaps", "PARLEY_DEVELOPMENT is not understood: write it like true or false"},
		{"SINCH_RECEIPTS", "some", "SINCH_RECEIPTS is not understood: write final or all"},
		{"SINCH_WEBHOOK_TOLERANCE", "5", "SINCH_WEBHOOK_TOLERANCE is not understood: write it like 5m"},
		{"PARLEY_LOG_LEVEL", "loud", "PARLEY_LOG_LEVEL is not understood: write it like info"},
		{"PARLEY_LOG_FORMAT", "xml", "PARLEY_LOG_FORMAT is not understood: write text or json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var a all
			_, err := settings.Parse(&a, nil, settings.Env{tt.name: tt.value}, io.Discard, io.Discard)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), fmt.Sprintf("%q", tt.value))
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, value, want string }{
		{"PARLEY_IDLE_AFTER", "1h", "set PARLEY_IDLE_AFTER to 24h or more"},
		{"PARLEY_IDLE_AFTER", "-1h", "set PARLEY_IDLE_AFTER to a duration such as 168h"},
		{"PARLEY_CONTINUE_AFTER", "-1", "set PARLEY_CONTINUE_AFTER to a number of events"},
		{"PARLEY_TEXTS_PER_HOUR", "0", "set PARLEY_TEXTS_PER_HOUR to 1 or more"},
		{"PARLEY_RESPONDER_TRIES", "10s,0s", "set PARLEY_RESPONDER_TRIES to durations such as 10s,1m"},
		{"PARLEY_HELP_REPLY", string(bytes.Repeat([]byte("help "), 400)), "set PARLEY_HELP_REPLY to a text of at most 10 segments, or to off"},
		{"SINCH_WEBHOOK_TOLERANCE", "0s", "set SINCH_WEBHOOK_TOLERANCE to a duration such as 5m or 24h"},
		{"SINCH_WEBHOOK_SECRET", ",", "set SINCH_WEBHOOK_SECRET to the secret that the webhook was given at Sinch"},
		{"SINCH_RECEIPTS_SECRET", ",", "set SINCH_RECEIPTS_SECRET to the secret that the webhook for receipts was given at Sinch, or leave it out"},
		{"PARLEY_RESPONDER_URL", "ai.example/t0ken", "set PARLEY_RESPONDER_URL to a URL"},
		{"PARLEY_OUTCOME_URL", "ftp://ai.example/t0ken", "set PARLEY_OUTCOME_URL to a URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.value[:min(8, len(tt.value))], func(t *testing.T) {
			t.Parallel()
			a := parse(t, settings.Env{"SINCH_WEBHOOK_SECRET": "s", tt.name: tt.value})
			var errs []error
			_, err := a.Settings(a.Temporal, time.Minute)
			errs = append(errs, err)
			_, err = a.Secrets(shelf{})
			errs = append(errs, err)
			_, err = a.ReceiptsSecrets(shelf{})
			errs = append(errs, err)
			_, err = a.Tolerance()
			errs = append(errs, err)
			_, err = a.Responder()
			errs = append(errs, err)
			_, err = a.Services()
			errs = append(errs, err)
			var said string
			for _, err := range errs {
				if err != nil {
					said += err.Error()
				}
			}
			require.Contains(t, said, tt.want)
			require.NotContains(t, said, "t0ken")
		})
	}
	a := parse(t, settings.Env{"PARLEY_IDLE_AFTER": "1m"}, "--development")
	_, err := a.Settings(a.Temporal, time.Minute)
	require.NoError(t, err)
}

// TestReceiptsSecretDefault: one webhook for all callbacks has one secret.
func TestReceiptsSecretDefault(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"new", "old"}, signing(t)(parse(t, settings.Env{"SINCH_WEBHOOK_SECRET": "new,old"}).ReceiptsSecrets(shelf{})))
	_, err := parse(t, nil).ReceiptsSecrets(shelf{})
	require.ErrorContains(t, err, "set SINCH_WEBHOOK_SECRET")
}

func TestHelpNamesVariablesAndShowsNoSecrets(t *testing.T) {
	t.Parallel()
	var a all
	var out bytes.Buffer
	command, err := settings.Parse(&a, []string{"--help"}, settings.Env{
		"SINCH_ACCESS_KEY": "k3y", "SINCH_ACCESS_KEY_SECRET": "s3cret", "SINCH_WEBHOOK_SECRET": "h00k",
		"PARLEY_HOOK_SECRET": "h00k", "PARLEY_RESPONDER_URL": "https://x/t0ken",
	}, &out, &out)
	require.NoError(t, err)
	require.Nil(t, command, "nothing is left to do")
	for _, want := range []string{"--idle-after=DURATION", "$PARLEY_IDLE_AFTER", "$SINCH_WEBHOOK_SECRET", "168h", "10s,1m"} {
		require.Contains(t, out.String(), want)
	}
	for _, secret := range []string{"k3y", "s3cret", "h00k", "t0ken"} {
		require.NotContains(t, out.String(), secret)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	a := parse(t, settings.Env{"SINCH_ACCESS_KEY_SECRET": "s3cret", "SINCH_WEBHOOK_SECRET": "s3cret,s3cret", "SINCH_RECEIPTS_SECRET": "s3cret", "PARLEY_HOOK_SECRET": "s3cret"})
	raw, err := json.Marshal(a)
	require.NoError(t, err)
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, nil)).Info("x", "all", a, "one", a.HookSecret)
	slog.New(slog.NewTextHandler(&line, nil)).Info("x", "all", a, "one", a.HookSecret)
	for _, said := range []string{string(raw), line.String(), fmt.Sprint(a), fmt.Sprintf("%+v %#v", a, a)} {
		require.NotContains(t, said, "s3cret")
	}
	require.Equal(t, "s3cret", a.HookSecret.Reveal())
}

func TestConversationSender(t *testing.T) {
	t.Parallel()
	two := settings.SinchApp{SMSSender: []sms.Sender{"12065550100", "12065550101"}}
	require.Empty(t, two.ConversationSender(""))
	require.Empty(t, two.ConversationSender("+12065550100"), "the default one")
	require.Equal(t, sms.Sender("+12065550101"), two.ConversationSender("+12065550101"))
	require.Equal(t, sms.Sender("12345"), two.ConversationSender("12345"), "not configured, but texted")

	var none settings.SinchApp
	require.Empty(t, none.ConversationSender("+12065550101"))
}
