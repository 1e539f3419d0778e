package main

import (
	"context"
	"strings"
	"time"
	_ "time/tzdata" // --zone is checked also on a machine without time zones

	"go.temporal.io/sdk/client"

	"parley/sms"
	"parley/workflows"
)

type appointmentCmd struct {
	ID           string         `name:"id" required:"" placeholder:"ID" help:"The appointment's id in your own system, such as A-17."`
	To           sms.Number     `required:"" placeholder:"+1…" help:"The contact's number."`
	Name         string         `required:"" help:"The contact's first name, for the text."`
	Business     string         `required:"" help:"Whom the appointment is with, for the text."`
	Start        time.Time      `required:"" placeholder:"TIME" help:"When it begins, such as 2026-11-24T15:00:00+01:00."`
	Zone         string         `required:"" placeholder:"ZONE" help:"The contact's time zone, such as Europe/Berlin: the text names the time in it."`
	RemindBefore *time.Duration `placeholder:"DURATION" xor:"remind" help:"How long before it begins to ask. Default: 24h."`
	Now          bool           `xor:"remind" help:"Ask at once."`
	fromFlag
	startFlags
}

// Help is the long help.
func (*appointmentCmd) Help() string {
	return `Starts the script AppointmentConfirmation under the workflow id
"appointment:" and the appointment's id. Repeating the command is harmless: if
the script runs with the same details, that is success; if it runs with others,
you are told which differ; if it has ended, you are told how, and --again asks
once more.

With --wait the last line is the outcome: the script's result as JSON, or
"cancelled" or "terminated" if somebody ended it. A script that broke is an
error.`
}

const (
	furthest = 10 * 365 * 24 * time.Hour // a year with two digits swapped is further
	// atOnce is how long before the appointment --now asks. It does not depend on
	// the clock, so the same command means the same details a minute later.
	atOnce = furthest + 24*time.Hour
)

// Run starts AppointmentConfirmation.
func (c *appointmentCmd) Run(ctx context.Context, a *app) error {
	in, err := c.appointment(time.Now())
	if err != nil {
		return err
	}
	script, err := findScript("AppointmentConfirmation")
	if err != nil {
		return err
	}
	options := client.StartWorkflowOptions{
		ID:            "appointment:" + in.ID,
		StaticSummary: "Appointment " + in.ID + " with " + in.Contact.Masked(),
	}
	return a.begin(ctx, script, in, options, c.startFlags)
}

// appointment checks what the script would only find out when it runs.
func (c *appointmentCmd) appointment(now time.Time) (workflows.Appointment, error) {
	sender, err := c.ours()
	if err != nil {
		return workflows.Appointment{}, err
	}
	in := workflows.Appointment{
		ID: strings.TrimSpace(c.ID), Contact: c.To, FirstName: strings.TrimSpace(c.Name), Business: strings.TrimSpace(c.Business),
		Start: c.Start, Zone: c.Zone, Sender: sender,
	}
	for _, f := range []struct{ name, value string }{{"--id", in.ID}, {"--name", in.FirstName}, {"--business", in.Business}} {
		if f.value == "" {
			return in, usagef("%s is empty", f.name)
		}
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "" || c.Zone == "Local" {
		return in, usagef("--zone: there is no time zone %q; write one like Europe/Berlin", c.Zone)
	}
	switch before := c.RemindBefore; {
	case !c.Start.After(now):
		return in, usagef("--start: the appointment has begun already, so there is nothing left to ask")
	case c.Start.After(now.Add(furthest)):
		return in, usagef("--start: the appointment is more than ten years away; check the year")
	case c.Now:
		in.RemindBefore = workflows.Duration(atOnce)
	case before != nil && *before <= 0:
		return in, usagef("--remind-before must be longer than nothing; --now asks at once")
	case before != nil:
		in.RemindBefore = workflows.Duration(*before)
	}
	return in, nil
}
