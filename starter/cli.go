package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"go.opentelemetry.io/otel/metric/noop"

	"parley/conversation/wire"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
	"parley/internal/wording"
	"parley/sms"
	"parley/sms/numbers"
)

const description = `Start scripts, send texts, and see what was said.

  parley appointment --id A-17 --to +15559876543 --name Ana --business "Harbor Dental" \
      --start 2026-11-24T15:00:00+01:00 --zone Europe/Berlin --wait
  parley send +15559876543 "Your order has left."
  parley show +15559876543
  parley list --state asking
  parley parked --reason carrier-away
  parley retry --all --reason carrier-away --since 2h --dry-run
  parley doctor --probe https://sms.example.com/webhooks/sinch

The Temporal server is the one that TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the
profile file name, as for Temporal's own command line; without them it is the
one on this machine.

Every command prints one JSON value instead of text with --json. What goes wrong
is one line on standard error, and the exit code 1; a command line that is not
understood has exit code 2.`

// cli is the whole command line.
type cli struct {
	JSON    bool          `name:"json" help:"Print one JSON value, for programs."`
	Timeout time.Duration `default:"10s" placeholder:"DURATION" help:"How long to wait for an answer: of Temporal, of a worker, of Sinch. Default: ${default}."`

	IDs                 settings.IDs `embed:"" group:"Temporal"`
	settings.Encryption `embed:"" group:"Temporal"`

	Appointment appointmentCmd `cmd:"" help:"Remind a contact of an appointment and ask whether it suits."`
	Start       startCmd       `cmd:"" help:"Start any script, with its input as JSON."`
	Send        sendCmd        `cmd:"" help:"Send one text."`
	Show        showCmd        `cmd:"" help:"Show a conversation: what was said, and what became of it."`
	Proof       proofCmd       `cmd:"" help:"Print all that is known of one message, for whoever asks for proof."`
	List        listCmd        `cmd:"" help:"List the running conversations."`
	Parked      parkedCmd      `cmd:"" help:"List what failed for good and waits for a person."`
	Retry       retryCmd       `cmd:"" help:"Have parked work tried again."`
	Skip        skipCmd        `cmd:"" help:"Give parked work up."`
	Pause       pauseCmd       `cmd:"" name:"pause-sending" help:"Let no text leave until further notice; all else goes on."`
	Resume      resumeCmd      `cmd:"" name:"resume-sending" help:"Let texts leave again."`
	Optouts     optoutsCmd     `cmd:"" help:"Back up who opted out, or bring in who did so elsewhere."`
	Erase       eraseCmd       `cmd:"" help:"Forget a contact: here, in the archive, and at Sinch."`
	Backfill    backfillCmd    `cmd:"" help:"Bring in texts that Sinch has and no conversation got."`
	Doctor      doctorCmd      `cmd:"" help:"Examine an installation, and say what to do about what is wrong."`
	Webhook     webhookCmd     `cmd:"" help:"Tell Sinch where to send its callbacks."`
	LiveCheck   liveCheckCmd   `cmd:"" name:"live-check" help:"Ask the real Sinch, with a phone in your hand, what Parley assumes of it."`
	NewKey      newKeyCmd      `cmd:"" name:"encryption-key" help:"Print a new key to encrypt with."`
	CodecServer codecServerCmd `cmd:"" name:"codec-server" help:"Let Temporal's UI and command line show what is encrypted."`
	Ping        pingCmd        `cmd:"" help:"Ask a program whether it is well."`
}

// app is what every command is given besides its own arguments.
type app struct {
	*cli
	env settings.Env

	parameters settings.Parameters

	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	zone   *time.Location // in which times are shown
}

// run is main without the process. It returns the exit code.
func run(ctx context.Context, args []string, env settings.Env, stdin io.Reader, stdout, stderr io.Writer) int {
	c := cli{}
	command, err := settings.Parse(&c, args, env, stdout, stderr,
		kong.Name("parley"),
		kong.Description(description),
		kong.TypeMapper(reflect.TypeFor[sms.Number](), argument("number", numbers.Parse)),
		kong.TypeMapper(reflect.TypeFor[sms.Sender](), argument("sender", parseSender)),
		kong.TypeMapper(reflect.TypeFor[time.Time](), argument("time", parseTime)),
		kong.TypeMapper(reflect.TypeFor[wire.ParkCode](), argument("reason", parseParkCode)),
		kong.TypeMapper(reflect.TypeFor[pace](), argument("rate", parsePace)),
		kong.Vars{"park_codes": parkCodes()},
	)
	if command == nil && err == nil {
		return 0 // --help has said everything
	}
	if err == nil {
		a := &app{cli: &c, env: env, stdin: stdin, stdout: stdout, stderr: stderr, zone: time.Local}
		command.BindTo(ctx, (*context.Context)(nil))
		// The log would say on the terminal what an error says.
		if a.parameters, err = parameters.Open(slog.New(slog.DiscardHandler), noop.Meter{}); err == nil {
			err = command.Run(a)
		}
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "parley: "+oneLine(err))
	var parse *kong.ParseError
	var use *usageError
	if errors.As(err, &parse) || errors.As(err, &use) {
		return 2
	}
	return 1
}

// oneLine is an error for the terminal; errors.Join writes several lines.
func oneLine(err error) string {
	return strings.ReplaceAll(wording.Printable(strings.TrimSpace(err.Error())), "\n", "; ")
}

// A usageError is about what stands on the command line.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// argument reads one kind of argument the way people write it.
func argument[T any](name string, parse func(string) (T, error)) kong.MapperFunc {
	return func(ctx *kong.DecodeContext, target reflect.Value) error {
		var written string
		if err := ctx.Scan.PopValueInto(name, &written); err != nil {
			return err
		}
		value, err := parse(written)
		if err != nil {
			return err
		}
		target.Set(reflect.ValueOf(value))
		return nil
	}
}

func parseSender(s string) (sms.Sender, error) {
	if s = strings.TrimSpace(s); s == "" {
		return "", errors.New("a sender is a number of ours such as +12065550100, a short code or a name")
	}
	return numbers.ParseSender(s), nil
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(s))
	if err != nil {
		return time.Time{}, errors.New("write a time with its offset from UTC, like 2026-11-24T15:00:00+01:00")
	}
	return t, nil
}

// An answer is what a command prints: as it is for programs, or as text.
type answer interface {
	text(w io.Writer, zone *time.Location)
}

func (a *app) print(v answer) error {
	if !a.JSON {
		v.text(a.stdout, a.zone)
		return nil
	}
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	return nil
}
