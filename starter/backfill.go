package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	conversations "parley/conversation/client"
	"parley/internal/settings"
	"parley/internal/wording"
	"parley/sinch"
	"parley/sms"
)

type backfillCmd struct {
	Since  time.Duration        `required:"" placeholder:"DURATION" help:"How far back to look, such as 2h: since before the webhook could not be reached."`
	DryRun bool                 `help:"Only print what would be brought in."`
	Sinch  settings.SinchApp    `embed:"" group:"Sinch"`
	Access settings.SinchAccess `embed:"" group:"Sinch"`
	archiveFlags
	workFlags
}

// Help is the long help.
func (*backfillCmd) Help() string {
	return `For texts that were lost on the way, because the webhook was away for longer than
Sinch tries: reads Sinch's list of messages to the app, and brings each text that
no conversation knows to the one it belongs to, oldest first. Set what the webhook
has set, above all SINCH_SMS_SENDER.

Sinch keeps messages of an app in CONVERSATION mode, and of one in DISPATCH mode if
its dispatch retention is not 0; otherwise there is no list, and nothing to bring in.

A conversation that runs is asked what it knows, which needs a worker; one that has
closed is read from its result, and from the archive, if there is one. Both are kept
for a time only: the result as long as the namespace's retention, the latest hundred
messages. A text of which nobody can say any more whether it was known is printed as
"unsure", and not brought in, since somebody would be answered twice.

Repeating the command is harmless.`
}

// Run brings in what is missing.
func (c *backfillCmd) Run(ctx context.Context, a *app) error {
	if c.Since <= 0 {
		return usagef("--since must be longer than nothing, such as 2h")
	}
	config := c.Access.Config(c.Sinch, a.parameters)
	config.RequestTimeout = a.Timeout
	carrier, err := sinch.NewClient(config)
	if err != nil {
		return err
	}
	now := time.Now()
	from := now.Add(-c.Since)
	texts, err := inbox(ctx, carrier, from, now)
	if err != nil {
		return err
	}
	s, err := a.connect(ctx, c.workFlags)
	if err != nil {
		return err
	}
	defer s.Close()

	report := backfilled{Found: len(texts), DryRun: c.DryRun, Texts: []backfilledText{}}
	s.desk.Archive = c.messages()
	r := rememberer{server: s, from: from, known: map[string]memory{}}
	for i, text := range texts {
		did, err := c.bring(ctx, &r, text)
		if err != nil {
			err = s.explain(fmt.Sprintf("after %d of %s", i, wording.Counted(len(texts), "text")), err)
			return errors.Join(a.print(report), fmt.Errorf("%w; the same command goes on with the rest", err))
		}
		report.add(did)
	}
	return a.print(report)
}

// bring hands a text to its conversation, unless that knows it.
func (c *backfillCmd) bring(ctx context.Context, r *rememberer, text sms.Inbound) (backfilledText, error) {
	sender := c.Sinch.ConversationSender(text.To)
	did := backfilledText{MessageID: text.ID, WorkflowID: r.server.id(text.From, sender), Number: text.From, Sender: sender, Accepted: text.AcceptedAt}
	m, err := r.memory(ctx, text.From, sender)
	if err != nil {
		return did, err
	}
	if did.Fate = m.fate(text); did.Fate != fateSignalled || c.DryRun {
		return did, nil
	}
	event, err := conversations.InboundEvent(text, time.Now())
	if err != nil {
		return did, err
	}
	ctx, cancel := r.server.desk.WithPatience(ctx)
	defer cancel()
	return did, r.server.desk.Tell(ctx, text.From, sender, event)
}

// inbox are the texts to the app that Sinch still has, oldest first.
func inbox(ctx context.Context, carrier *sinch.Client, from, now time.Time) ([]sms.Inbound, error) {
	app, err := carrier.App(ctx)
	if err != nil {
		return nil, err
	}
	if err := keeps(app, now.Sub(from)); err != nil {
		return nil, err
	}
	var texts []sms.Inbound
	// Pictures come as MMS.
	query := sinch.Query{Direction: sinch.ToApp, Source: app.Source(), Start: from, PageSize: 500, AllChannels: true}
	for {
		page, next, err := carrier.Messages(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			if m.Inbound != nil {
				texts = append(texts, *m.Inbound)
			}
		}
		if query.PageToken = next; next == "" {
			break
		}
	}
	slices.SortStableFunc(texts, func(a, b sms.Inbound) int {
		return cmp.Or(a.AcceptedAt.Compare(b.AcceptedAt), strings.Compare(a.ID, b.ID))
	})
	return slices.CompactFunc(texts, func(a, b sms.Inbound) bool { return a.ID == b.ID }), nil // a page may shift while it is read
}

// keeps fails if Sinch does not keep the app's messages for so long.
func keeps(app sinch.App, since time.Duration) error {
	days := app.RetentionDays
	switch app.Source() {
	case sinch.ConversationSource:
	case sinch.DispatchSource:
		days = app.DispatchRetentionDays
	default:
		return fmt.Errorf("nothing can be brought in: the app is in %s mode and Sinch keeps none of its messages; with a dispatch retention, or in CONVERSATION mode, it would keep later ones", app.ProcessingMode)
	}
	if days > 0 && since > time.Duration(days)*24*time.Hour { // 0: for ever
		return fmt.Errorf("messages of this app are kept by Sinch for %s: --since must not be longer than %dh", wording.Counted(days, "day"), days*24)
	}
	return nil
}

// backfilled is what was found, and what became of it.
type backfilled struct {
	Found     int              `json:"found"`
	Known     int              `json:"known"`
	Signalled int              `json:"signalled"` // or would be
	Unsure    int              `json:"unsure"`
	DryRun    bool             `json:"dry_run,omitempty"`
	Texts     []backfilledText `json:"texts"` // all but the known ones
}

type backfilledText struct {
	MessageID  string     `json:"message_id"`
	WorkflowID string     `json:"workflow_id"`
	Number     sms.Number `json:"number"`
	Sender     sms.Sender `json:"sender,omitempty"`
	Accepted   time.Time  `json:"accepted_at"`
	Fate       fate       `json:"fate"`
}

// A fate is what became of a text.
type fate string

const (
	fateKnown     fate = "known"
	fateSignalled fate = "signalled"
	fateUnsure    fate = "unsure" // nobody can say any more whether it was known
)

func (b *backfilled) add(t backfilledText) {
	switch t.Fate {
	case fateKnown:
		b.Known++
		return
	case fateSignalled:
		b.Signalled++
	case fateUnsure:
		b.Unsure++
	}
	b.Texts = append(b.Texts, t)
}

func (b backfilled) text(w io.Writer, zone *time.Location) {
	if len(b.Texts) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NUMBER\tSENDER\tTAKEN BY SINCH\tID\tFATE")
		for _, t := range b.Texts {
			fate := string(t.Fate)
			if b.DryRun && t.Fate == fateSignalled {
				fate = "would be signalled"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", t.Number, orDash(string(t.Sender)), t.Accepted.In(zone).Format(moment), t.MessageID, fate)
		}
		_ = table.Flush() // as little can be done as about any other print
	}
	signalled := "signalled"
	if b.DryRun {
		signalled = "to be signalled"
	}
	fmt.Fprintf(w, "%d found, %d known, %d %s", b.Found, b.Known, b.Signalled, signalled)
	if b.Unsure > 0 {
		fmt.Fprintf(w, ", %d unsure", b.Unsure)
	}
	fmt.Fprintln(w)
}
