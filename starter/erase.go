package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/activities"
	"parley/conversation/wire"
	"parley/internal/settings"
	"parley/sinch"
	"parley/sms"
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

// A certificate says what was erased, and of whom only somebody with the key can tell.
type certificate struct {
	At            time.Time     `json:"at"`
	Rehearsal     bool          `json:"rehearsal,omitempty"` // nothing was erased
	Contact       string        `json:"contact"`             // HMAC of the number
	Key           string        `json:"key"`                 // fingerprint of PARLEY_ID_KEY
	Suppression   string        `json:"suppression"`         // workflow id of what is kept
	Conversations ended         `json:"conversations"`
	Scripts       ended         `json:"scripts"`
	Archive       *int          `json:"archive_records"` // null: there is none, or it was not asked
	Sinch         *sinch.Erased `json:"sinch"`           // null: it was not asked
	Left          []string      `json:"left,omitempty"`

	scripts []execution
}

// ended counts workflows of one kind.
type ended struct {
	Ended   int `json:"ended"`   // that were running
	Deleted int `json:"deleted"` // histories
}

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
	for _, s := range c.scripts {
		fmt.Fprintf(w, "    %s %s\n", s.workflowType, printable(s.id))
	}
	if c.Rehearsal && c.Conversations.Deleted+c.Scripts.Deleted == 0 {
		row("", "Temporal has nothing of them: is the number right, with its country code?")
	}
	switch {
	case c.Rehearsal:
		row("archive, Sinch", "are not looked at before --yes")
	case c.Archive != nil:
		row("archive", "%s deleted", counted(*c.Archive, "record"))
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
	ids := s.conversations.IDs
	if !ids.Keyed() {
		return errors.New("erasing needs PARLEY_ID_KEY: without it what has to be kept of the contact would be the number itself. a namespace is used with one from the start, see docs/privacy.md")
	}
	e := eraser{
		deleted: map[string]bool{},
		server:  s, contact: c.Contact, keep: c.Keep, archive: archive, carrier: carrier,
		done: certificate{At: time.Now(), Rehearsal: !c.Yes, Contact: ids.Tag(c.Contact), Key: ids.Fingerprint(), Suppression: ids.SuppressionID(c.Contact)},
	}
	if err = e.temporal(ctx); err == nil && c.Yes {
		err = e.elsewhere(ctx)
	}
	if err != nil {
		return errors.Join(a.print(e.done), fmt.Errorf("%w; repeat the command to go on", err))
	}
	if err := a.print(e.done); err != nil {
		return err
	}
	if len(e.done.Left) > 0 {
		return errors.New("not everything is erased: see what is left")
	}
	return nil
}

// An eraser erases one contact.
type eraser struct {
	server  *server
	contact sms.Number
	keep    []string
	archive activities.Archive // nil: there is none
	carrier *sinch.Client      // nil: not to be asked
	deleted map[string]bool    // runs that the server was told to delete
	empty   bool               // the last look found nothing
	done    certificate
}

// erasePatience is how long the server may take to delete what it was told to. It
// does so within a minute or so.
const erasePatience = 3 * time.Minute

// temporal ends and deletes workflows: the scripts' first, since the conversations'
// histories are what leads to them should this have to be repeated.
func (e *eraser) temporal(ctx context.Context) error {
	if !e.done.Rehearsal {
		if err := e.suppress(ctx); err != nil {
			return e.server.explain("erasing", err)
		}
	}
	for began := time.Now(); time.Since(began) < erasePatience; {
		conversations, scripts, err := e.find(ctx)
		if err != nil {
			return err
		}
		if e.done.Rehearsal {
			e.done.Conversations, e.done.Scripts, e.done.scripts = tally(conversations), tally(scripts), scripts
			return nil
		}
		if len(conversations)+len(scripts) == 0 && e.empty {
			return nil
		}
		e.empty = len(conversations)+len(scripts) == 0 // a workflow is listed a moment after it began
		if err := e.end(ctx, conversations, scripts); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
	e.done.Left = append(e.done.Left, "Temporal still lists workflows of the contact after they were deleted; repeat this in a minute")
	return nil
}

func (e *eraser) end(ctx context.Context, conversations, scripts []execution) error {
	for _, step := range []struct {
		doing string
		do    func(context.Context, []execution) (int, error)
		all   []execution
		count *int
	}{
		{"ending scripts", e.terminate, scripts, &e.done.Scripts.Ended},
		{"ending conversations", e.terminate, conversations, &e.done.Conversations.Ended},
		{"deleting scripts", e.delete, scripts, &e.done.Scripts.Deleted},
		{"deleting conversations", e.delete, conversations, &e.done.Conversations.Deleted},
	} {
		n, err := step.do(ctx, step.all)
		*step.count += n
		if err != nil {
			return e.server.explain(step.doing, err)
		}
	}
	return nil
}

func tally(all []execution) (n ended) {
	n.Deleted = len(all)
	for _, x := range all {
		if x.running {
			n.Ended++
		}
	}
	return n
}

// archivePatience is long: a large folder is read as a whole.
const archivePatience = 5 * time.Minute

// elsewhere erases what is not Temporal's.
func (e *eraser) elsewhere(ctx context.Context) error {
	if e.carrier != nil {
		erased, err := e.carrier.Erase(ctx, e.contact)
		e.done.Sinch = &erased
		e.done.Left = append(e.done.Left, erased.Left...)
		if err != nil {
			return err
		}
	}
	if e.archive == nil {
		return nil
	}
	// Last: what a conversation had begun to store when it was ended is most likely
	// stored by now.
	ctx, cancel := context.WithTimeout(ctx, archivePatience)
	defer cancel()
	records := 0
	for _, id := range e.idsOf() {
		n, err := e.archive.Erase(ctx, id)
		records += n
		e.done.Archive = &records
		if err != nil {
			return fmt.Errorf("erasing in the archive: %w", err)
		}
	}
	return nil
}

// idsOf are the workflow ids of the contact's conversations over the default
// sender: as they are now, and as they were before there was a key. Those over
// other senders begin with them.
func (e *eraser) idsOf() []string {
	return []string{e.server.id(e.contact, ""), wire.ID(e.contact, "")}
}
