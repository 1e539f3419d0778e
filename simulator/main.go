// Command simulator stands in for Sinch and for the phones at the other end, so
// that Parley can be tried without an account, a phone or a bill.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"syscall"

	"github.com/alecthomas/kong"

	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/sms/numbers"
)

type cli struct {
	Serve serveCmd `cmd:"" default:"withargs" help:"Serve Sinch's API, the phones and their page (the default)."`
	Text  textCmd  `cmd:"" help:"Send a text from a phone, through a running simulator."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// run is main without the process: what to do, where to write, when to end.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("simulator"),
		kong.Description("A Sinch that behaves, with phones. Open the address it prints to see them."),
		kong.Writers(stdout, stderr),
		kong.Vars{
			"project": sinchtest.DefaultProjectID, "app": sinchtest.DefaultAppID,
			"sender": string(sinchtest.DefaultSender),
		},
		kong.TypeMapper(reflect.TypeFor[sms.Number](), kong.MapperFunc(decodeNumber)),
		kong.Exit(func(int) { panic(helped{}) }),
	)
	if err != nil {
		return fmt.Errorf("reading the command line's own definition: %w", err)
	}
	command, err := parse(parser, args)
	if err != nil || command == nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.Serve.LogLevel}))
	command.BindTo(ctx, (*context.Context)(nil))
	command.BindTo(stdout, (*io.Writer)(nil))
	return command.Run(log)
}

// decodeNumber takes numbers as people write them.
func decodeNumber(ctx *kong.DecodeContext, target reflect.Value) error {
	var written string
	if err := ctx.Scan.PopValueInto("number", &written); err != nil {
		return err
	}
	number, err := numbers.Parse(written)
	if err != nil {
		return err
	}
	target.SetString(string(number))
	return nil
}

// helped ends parsing once --help has printed everything.
type helped struct{}

// parse turns kong's way of ending the process for --help into a nil context.
func parse(parser *kong.Kong, args []string) (command *kong.Context, err error) {
	defer func() {
		cause := recover()
		if _, ok := cause.(helped); !ok && cause != nil {
			panic(cause)
		}
	}()
	return parser.Parse(args)
}
