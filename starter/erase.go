package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/internal/erasing"
	"parley/internal/settings"
	"parley/internal/wording"
	"parley/sinch"
	"parley/sms"
	"parley/workflows"
)

type eraseCmd struct {
	Contact        sms.Number           `arg:"" placeholder:"+1…" help:"The contact's number."`
	Yes            bool                 `help:"Erase. Without it, only what would be erased is printed."`
	Keep           []string             `placeholder:"WORKFLOW-ID" help:"A script that is not only about this contact, and stays as it is."`
	WithoutCarrier bool                 `help:"Leave alone what Sinch has."`
	Sinch          settings.SinchApp    `embed:"" group:"Sinch"`
	Access         settings.SinchAccess `embed:"" group:"Sinch"`
	archiveFlags
	workFlags
}

// Help is the long help.
func (*eraseCmd) Help() string {
	return `Ends the contact's conversations and scripts, and deletes their workflow
histories, the archive's records, and what Sinch has: messages, conversation,
contact. What stays is a record "suppression:" with an HMAC of the number, so that
the contact is sent nothing before they text START.

It prints a certificate, which holds no number. It may be repeated, and has to be
if something is left. Needs PARLEY_ID_KEY; set the archive and Sinch's settings as
for the worker.

Scripts are found by who talked to the contact, and by the number in the input of
all scripts that Temporal has: that takes a while where there are many.

What it cannot reach: the phones, backups, logs of other services, and your own
services that were handed texts or outcomes.`
}

// A certificate is printed for somebody who was not there.
type certificate erasing.Certificate

func (c certificate) text(w io.Writer, zone *time.Location) {
	title := "Erased"
	if c.Rehearsal {
		title = "Would be erased (with --yes)"
	}
	fmt.Fprintf(w, "%s, %s\n\n", title, c.At.In(zone).Format(moment))
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	done := ""
	if !c.Rehearsal {
		done = " deleted"
	}
	row("contact", "%s: an HMAC of the number, by the key %s", c.Contact, c.Key)
	row("kept", "%s, so that nothing is sent before they text START", c.Suppression)
	row("conversations", "%d running, %s%s", c.Conversations.Ended, runs(c.Conversations.Deleted), done)
	row("scripts", "%d running, %s%s", c.Scripts.Ended, runs(c.Scripts.Deleted), done)
	for _, s := range c.Found {
		fmt.Fprintf(w, "    %s %s\n", s.Type, wording.Printable(s.ID))
	}
	if c.Rehearsal && c.Conversations.Deleted+c.Scripts.Deleted == 0 {
		row("", "Temporal has nothing of them: is the number right, with its country code?")
	}
	switch {
	case c.Rehearsal:
		row("archive, Sinch", "are not looked at before --yes")
	case c.Archive != nil:
		row("archive", "%s deleted", wording.Counted(*c.Archive, "record"))
	default:
		row("archive", "was not asked: neither PARLEY_ARCHIVE_DIR nor PARLEY_ARCHIVE_URL was set")
	}
	if s := c.Sinch; s != nil {
		row("Sinch", "deleted %d of %d messages, %d of %d conversations, %d of %d contacts", s.Messages.Deleted, s.Messages.Found,
			s.Conversations.Deleted, s.Conversations.Found, s.Contacts.Deleted, s.Contacts.Found)
	} else if !c.Rehearsal {
		row("Sinch", "was not asked")
	}
	row("out of reach", "phones, backups, logs, your own services; see docs/privacy.md")
	for _, left := range c.Left {
		row("left", "%s", left)
	}
}

// runs counts histories: a conversation that continued as new has several.
func runs(n int) string {
	if n == 1 {
		return "1 history"
	}
	return fmt.Sprintf("%d histories", n)
}

// Run erases the contact.
func (c *eraseCmd) Run(ctx context.Context, a *app) error {
	archive, err := c.open()
	if err != nil {
		return err
	}
	var carrier *sinch.Client
	if !c.WithoutCarrier {
		config := c.Access.Config(c.Sinch, a.parameters)
		config.RequestTimeout = a.Timeout
		if carrier, err = sinch.NewClient(config); err != nil {
			return fmt.Errorf("%w\nor leave alone what Sinch has, with --without-carrier", err)
		}
	}
	s, err := a.connect(ctx, c.workFlags)
	if err != nil {
		return err
	}
	defer s.Close()
	e := erasing.Eraser{
		Desk: s.desk, Contact: c.Contact, Scripts: workflows.Names(), Keep: c.Keep, Archive: archive, Carrier: carrier,
	}
	erase := e.Rehearse
	if c.Yes {
		erase = e.Erase
	}
	erased, err := erase(ctx)
	if errors.Is(err, erasing.ErrNoKey) {
		return err
	}
	done := certificate(erased)
	if err != nil {
		return errors.Join(a.print(done), fmt.Errorf("%w; repeat the command to go on", err))
	}
	if err := a.print(done); err != nil {
		return err
	}
	if len(done.Left) > 0 {
		return errors.New("not everything is erased: see what is left")
	}
	return nil
}
