package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/internal/settings"
	"parley/sms"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	good := []string{
		"appointment", "--id", "A-17", "--to", "+15559876543", "--name", "Ana", "--business", "Harbor Dental",
		"--start", "2030-11-24T15:00:00+01:00", "--zone", "Europe/Berlin",
	}
	with := func(more ...string) []string { return append(append([]string{}, good...), more...) }
	for name, test := range map[string]struct {
		args      []string
		complaint string
	}{
		"nothing":                {nil, `expected one of "appointment"`},
		"unknown command":        {[]string{"sent"}, "unexpected argument sent"},
		"no number":              {[]string{"send", "Ana", "Hi"}, "<to>: not a phone number in international form: write it like +15551234567"},
		"no text":                {[]string{"send", "+15559876543", " "}, "the text is empty"},
		"two texts":              {[]string{"send", "+15559876543", "Hi", "Ana"}, "unexpected argument Ana"},
		"nothing to show":        {[]string{"show", "what?"}, `"what?" is neither a message's key nor its id at Sinch`},
		"no such script":         {[]string{"start", "Greeting"}, `there is no script "Greeting"; known are AppointmentConfirmation, Feedback`},
		"two inputs":             {[]string{"start", "Feedback", "--input", "{}", "--input-file", "x"}, "--input and --input-file can't be used together"},
		"a conversation's id":    {[]string{"start", "Feedback", "--input", "{}", "--id", "conversation:+15559876543"}, "is the id of a conversation"},
		"appointment without to": {[]string{"appointment", "--id", "A-17"}, "missing flags: "},
		"empty id":               {with("--id", " "), "--id is empty"},
		"no time":                {with("--start", "tomorrow"), "--start: write a time with its offset from UTC"},
		"time without an offset": {with("--start", "2030-11-24T15:00:00"), "--start: write a time with its offset from UTC"},
		"in the past":            {with("--start", "2020-11-24T15:00:00Z"), "the appointment has begun already"},
		"digits swapped":         {with("--start", "2206-11-24T15:00:00Z"), "more than ten years away"},
		"no zone":                {with("--zone", "Berlin"), `there is no time zone "Berlin"`},
		"the machine's zone":     {with("--zone", "Local"), `there is no time zone "Local"`},
		"reminded after it":      {with("--remind-before=-1h"), "--remind-before must be longer"},
		"now and later":          {with("--remind-before", "1h", "--now"), "--remind-before and --now can't be used together"},
		"timeout in words":       {with("--timeout", "soon"), `--timeout: expected duration but got "soon"`},
		"from nobody knows what": {with("--from", ""), "a sender is a number of ours"},
		"webhook in clear":       {[]string{"webhook", "register", "--url", "http://example.com/"}, "--url must begin with https://"},
		"webhook nowhere":        {[]string{"webhook", "register", "--url", "example.com"}, "--url must be a whole URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := parley(t, nil, test.args...)
			require.Equal(t, 2, code, stderr)
			require.Contains(t, stderr, test.complaint)
			require.Empty(t, stdout)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for args, words := range map[string]string{
		"--help":                  `--name Ana --business "Harbor Dental"`,
		"appointment --help":      `under the workflow id "appointment:"`,
		"start --help":            "parley start Feedback --input",
		"send --help":             "Idempotency key",
		"show --help":             "delivered ✓✓",
		"proof --help":            "raw history",
		"list --help":             "visibility",
		"parked --help":           "script-start, send-denied, carrier-away, in-doubt",
		"retry --help":            "parley retry --all --reason carrier-away --since 2h --rate 10/s --dry-run",
		"skip --help":             "--why=TEXT",
		"optouts export --help":   "number,sender,date,source,words",
		"optouts import --help":   "$SINCH_SMS_SENDER",
		"backfill --help":         "DISPATCH mode",
		"webhook register --help": "MESSAGE_INBOUND,MESSAGE_DELIVERY",
	} {
		stdout, _, code := parley(t, nil, strings.Fields(args)...)
		require.Equal(t, 0, code)
		require.Contains(t, stdout, words)
	}
}

func TestServerIsAway(t *testing.T) {
	t.Parallel()
	env := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
	for _, args := range []string{"list", "parked", "retry --all", "retry +15559876543", "skip +15559876543 --why x", "optouts export", "proof 01ABCDEF", "show +15559876543", "send +15559876543 Hi", `start Feedback --input {"contact":"+15559876543"}`} {
		_, stderr, code := parley(t, env, append(strings.Fields(args), "--timeout", "1s")...)
		require.Equal(t, 1, code)
		require.Equal(t, "parley: reaching Temporal at 127.0.0.1:9, namespace \"default\": start a server there (temporal server start-dev), or set TEMPORAL_ADDRESS\n", stderr)
	}
}

func TestNamespaceIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env["TEMPORAL_NAMESPACE"] = "nowhere"
	require.Contains(t, w.fails(1, "list"), `namespace "nowhere": it has no such namespace; create it`)
}

// A wait that is called off leaves the script alone.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const ana sms.Number = "+12025550140"
	ctx, cancel := context.WithCancel(t.Context())
	printed, out := io.Pipe()
	var complaints strings.Builder
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, visit("patience", ana, "--wait"), w.env, strings.NewReader(""), out, &complaints)
		_ = out.Close()
	}()
	lines := bufio.NewScanner(printed)
	for lines.Scan() && lines.Text() != w.link("appointment:patience") {
		continue
	}
	cancel()
	require.False(t, lines.Scan(), "nothing more is printed")
	require.Equal(t, 1, <-code)
	require.Equal(t, "parley: stopped waiting; appointment:patience goes on\n", complaints.String())
	info, err := conversations.Describe(t.Context(), w.temporal, "appointment:patience", "")
	require.NoError(t, err)
	require.True(t, conversations.IsRunning(info.GetWorkflowExecutionInfo()))
}

func TestLink(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ ui, address, namespace, id, want string }{
		{"", "localhost:7233", "default", "appointment:A-17", "http://localhost:8233/namespaces/default/workflows/appointment:A-17"},
		{"", "127.0.0.1:17233", "default", "conversation:+15559876543", "http://localhost:18233/namespaces/default/workflows/conversation:+15559876543"},
		{"", "[::1]:7233", "sms", "a/b c?d", "http://localhost:8233/namespaces/sms/workflows/a%2Fb%20c%3Fd"},
		{"", "127.0.0.1:65000", "default", "x", "http://localhost:65535/namespaces/default/workflows/x"},
		{"", "sms.acct.tmprl.cloud:7233", "sms.acct", "x", "https://cloud.temporal.io/namespaces/sms.acct/workflows/x"},
		{"", "eu-west-1.aws.api.temporal.io:7233", "sms.acct", "x", "https://cloud.temporal.io/namespaces/sms.acct/workflows/x"},
		{"", "temporal.example.com:7233", "default", "x", ""},
		{"", "nonsense", "default", "x", ""},
		{"https://ui.example.com/base/", "temporal.example.com:7233", "a b", "x", "https://ui.example.com/base/namespaces/a%20b/workflows/x"},
	} {
		require.Equal(t, test.want, link(test.ui, test.address, test.namespace, test.id))
	}
}
