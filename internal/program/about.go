package program

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"parley/internal/settings"
	"parley/sms"
)

// About is what a program says of itself.
type About struct {
	Name    string
	Metrics string // the address of its metrics, unless another is set
	Does    string // the first paragraph of its help
	Stops   string // the last one: how it starts and stops
}

const fromEnvironment = `Settings come from the environment, as listed below; a flag goes before its variable. Where the Temporal server is, and how to reach it, is read from
TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_* and the profile file, as by the temporal command itself.`

// service is its name in what is sent to those who watch several programs.
func (a About) service() string { return "parley-" + a.Name }

// Main is the whole of a program's main: it runs until the work is done, or until
// a signal ends the context, and tells what went wrong.
func (a About) Main(run func(ctx context.Context, args []string, env settings.Env, stdout, stderr io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], settings.Environ(os.Environ()), os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, a.Name+":", sms.Mask(err.Error()))
		os.Exit(1)
	}
}

// Parse fills in the settings. It returns nil if there is nothing left to do.
func (a About) Parse(grammar any, args []string, env settings.Env, stdout, stderr io.Writer) (*kong.Context, error) {
	return settings.Parse(grammar, args, env, stdout, stderr,
		kong.Name(a.Name), kong.Description(a.Does+"\n\n"+fromEnvironment+"\n\n"+a.Stops), kong.Vars{"metrics_addr": a.Metrics})
}
