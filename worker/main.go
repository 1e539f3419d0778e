// Command worker runs conversations, scripts and the work they ask for. Any
// number of them may run; it serves nobody by itself and may end at any time.
package main

import (
	"context"
	"io"
	_ "time/tzdata" // scripts know zones also where the machine does not

	"parley/internal/program"
	"parley/internal/settings"
)

func main() { about.Main(run) }

type cli struct {
	Run    struct{}  `cmd:"" default:"1" help:"Work, until told to stop. The default."`
	Replay replayCmd `cmd:"" help:"Find out, before a deployment, whether this build can go on with what runs on a server, and exit."`

	Only part `enum:",conversations,send" default:"" placeholder:"conversations|send" help:"Run one part only: 'send' is the one process that holds the carrier's credentials, 'conversations' everything else. Needs PARLEY_SEND_TASK_QUEUE, here and there. Default: both."`

	settings.Temporal       `embed:"" group:"Temporal"`
	settings.Sending        `embed:"" group:"Temporal"`
	settings.Versioning     `embed:"" group:"Temporal"`
	settings.Encryption     `embed:"" group:"Temporal"`
	settings.Conversation   `embed:"" group:"Conversations"`
	settings.IDs            `embed:"" group:"Conversations"`
	settings.Hooks          `embed:"" group:"Your own services"`
	settings.Archive        `embed:"" group:"Your own services"`
	settings.SinchApp       `embed:"" group:"Sinch"`
	settings.SinchAccess    `embed:"" group:"Sinch"`
	settings.SinchTolerance `embed:"" group:"Sinch"`
	settings.Log            `embed:"" group:"Log"`
	settings.Metrics        `embed:"" group:"Log"`
}

var about = program.About{
	Name:    "worker",
	Metrics: "127.0.0.1:9090", // the first worker on a machine has them there
	Does:    "Runs conversations, scripts and the work they ask for.",
	Stops: `Start as many workers as you like. To stop one, send it SIGTERM: it takes no more work and gives what it has begun 20 seconds to end; what does not end is done
again by another worker, and a text whose fate is in doubt is looked for at the carrier before it is sent again.`,
}

// run is main without the process: it works until the context ends.
func run(ctx context.Context, args []string, env settings.Env, stdout, stderr io.Writer) error {
	var c cli
	command, err := about.Parse(&c, args, env, stdout, stderr)
	if err != nil || command == nil {
		return err
	}
	if command.Command() == "replay" {
		return c.replay(ctx, env, stdout, c.Logger(stderr))
	}
	p, err := about.Begin(ctx, c.Logger(stderr), program.Settings{Metrics: c.MetricsAddr, Temporal: c.Temporal, Encryption: c.Encryption, Worker: true, Env: env})
	if err != nil {
		return err
	}
	defer p.End()
	plan, err := c.plan(p.Kept, p.Traces)
	if err != nil {
		return err
	}
	return plan.work(ctx, p)
}
