package main

import (
	"context"
	"strings"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

type retryCmd struct {
	To     sms.Number `arg:"" optional:"" name:"number" placeholder:"+1…" help:"The contact's number."`
	All    bool       `help:"Whatever is parked, with anybody."`
	Rate   pace       `default:"10/s" placeholder:"N/s" help:"How many conversations are told in a second, with --all. Default: ${default}."`
	DryRun bool       `help:"Only print what would be tried again."`
	fromFlag
	whichFlags
	idFlag
}

// Help is the long help.
func (*retryCmd) Help() string {
	return `Has parked work tried again, as "parley parked" lists it: a text is sent as a new
one that is linked to the first, a responder's turn goes before newer texts.

  parley retry +15559876543
  parley retry --all --reason carrier-away --since 2h --rate 10/s --dry-run

The conversation is told by a signal, so no worker needs to run; "parley show"
tells how it went. Repeating the command is harmless: what was tried again is no
longer parked. With a contact who has opted out, nothing is tried.`
}

// Run has parked work tried again.
func (c *retryCmd) Run(ctx context.Context, a *app) error {
	wanted, err := c.choice(time.Now(), c.ID...)
	switch {
	case err != nil:
		return err
	case c.All == (c.To != ""):
		return usagef("name a number, or --all")
	}
	s, err := a.connect(ctx, workFlags{})
	if err != nil {
		return err
	}
	defer s.Close()
	m := newMending(a, s, conversations.Mending{Choice: wanted, DryRun: c.DryRun})
	if !c.All {
		return m.one(ctx, c.To, c.asGiven())
	}
	all, err := s.desk.AllParked(ctx, wanted)
	if err != nil {
		return undecryptable(err)
	}
	return m.all(ctx, all, c.Rate)
}

type skipCmd struct {
	To     sms.Number      `arg:"" name:"number" placeholder:"+1…" help:"The contact's number."`
	Why    string          `required:"" placeholder:"TEXT" help:"Why, for whoever asks later: the conversation keeps it, with your name."`
	Reason []wire.ParkCode `placeholder:"CODE" help:"Only what was parked for this reason: ${park_codes}. May be given several times."`
	fromFlag
	idFlag
}

// Help is the long help.
func (*skipCmd) Help() string {
	return `Gives parked work up: it is not tried again, and no longer asks for a person. If
nothing is left, whatever else asked for attention there has been seen, too.

The conversation is told by a signal, so no worker needs to run.`
}

// Run gives parked work up.
func (c *skipCmd) Run(ctx context.Context, a *app) error {
	why := strings.TrimSpace(c.Why)
	if why == "" {
		return usagef("--why is empty")
	}
	s, err := a.connect(ctx, workFlags{})
	if err != nil {
		return err
	}
	defer s.Close()
	m := newMending(a, s, conversations.Mending{Choice: conversations.Choice{Codes: c.Reason, IDs: c.ID}, Skip: true, Why: why})
	return m.one(ctx, c.To, c.asGiven())
}
