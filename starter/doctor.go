package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/internal/doctor"
	"parley/internal/settings"
	"parley/internal/wording"
)

type doctorCmd struct {
	Probe  string `placeholder:"https://…" help:"Post a harmless callback, signed as Sinch signs, to this URL: the one that Sinch calls."`
	Sample int    `default:"50" placeholder:"N" help:"How many conversations to look into, those that began last. Default: ${default}."`
}

// Help is the long help.
func (*doctorCmd) Help() string {
	return `Examines an installation, and changes nothing: settings, Temporal, task queues and
workers, the app at Sinch and its webhook, and what goes on. It says what was
found, and what to do about it. What is not set here is left out.

  parley doctor
  parley doctor --probe https://sms.example.com/webhooks/sinch

It reads the environment of worker, webhook and parley, so run it where that is
set. No worker is needed, and no conversation is asked. --timeout is for each
step. The exit code is 1 if anything failed; warnings alone leave it at 0.`
}

// findings are what the doctor says.
type findings []doctor.Finding

func (list findings) text(w io.Writer, _ *time.Location) {
	for _, f := range list {
		fmt.Fprintf(w, "%-5s %s: %s\n", f.Status, f.Check, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(w, "      → %s\n", f.Advice)
		}
	}
}

// Run examines everything.
func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	if c.Sample < 1 {
		return usagef("--sample must be 1 or more")
	}
	all := findings(c.doctor(a).Examine(ctx, func(found []doctor.Finding) {
		if !a.JSON {
			findings(found).text(a.stdout, a.zone)
		}
	}))
	if a.JSON {
		if err := a.print(all); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errors.New("examining: interrupted")
	}
	return all.verdict()
}

func (c *doctorCmd) doctor(a *app) doctor.Doctor {
	return doctor.Doctor{
		Env: a.env, Parameters: a.parameters, IDKey: a.IDs.KeyOfIDs(a.parameters),
		Zone: a.zone, Timeout: a.Timeout, Sample: c.Sample, Probe: c.Probe,
		Dial: func(ctx context.Context, t settings.Temporal) (*doctor.Server, error) {
			s, err := a.dial(ctx, workFlags{Temporal: t})
			if err != nil {
				return nil, err
			}
			return &doctor.Server{Desk: s.desk, Address: s.options.HostPort, Keys: s.keys}, nil
		},
	}
}

func (list findings) verdict() error {
	bad := 0
	for _, f := range list {
		if f.Status == doctor.Fail {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %s failed", bad, wording.Counted(len(list), "check"))
	}
	return nil
}
