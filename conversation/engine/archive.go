package engine

import (
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"parley/activities"
	"parley/conversation/wire"
)

const (
	archiveDelay = time.Minute // in which records gather to be stored together
	archivePause = time.Hour   // after an archive took nothing for minutes
	archiveBatch = 50          // records, at most
)

// storing is a batch on its way to the archive.
type storing struct {
	ids     []string // of messages
	closing bool     // with the record of this run's end
}

// toArchive notes that the archive does not have a message as it is.
func (c *conversation) toArchive(m *wire.Message) {
	m.Stored = false
	c.changed()
	if c.state.Settings.Archive && m.Settled() && c.state.ArchiveAt.IsZero() {
		c.state.ArchiveAt = c.now().Add(archiveDelay)
	}
}

// changed notes that a record of this run's end would be old.
func (c *conversation) changed() {
	c.closingStored = false
	if c.storing != nil {
		c.storing.closing = false
	}
}

// store hands to the archive what is due.
func (c *conversation) store() {
	due := c.state.ArchiveAt
	if !c.state.Settings.Archive || c.storing != nil || due.IsZero() || c.now().Before(due) {
		return
	}
	if !c.storeBatch((*wire.Message).Settled, nil) {
		c.state.ArchiveAt = time.Time{}
	}
}

// storeAll hands over what is left before a run ends, and reports whether that
// is still on its way. While the archive takes nothing, a conversation that
// continues as new takes its messages along, and one that would close waits.
func (c *conversation) storeAll(continues bool) bool {
	s := c.state
	if !s.Settings.Archive || c.closingStored {
		return false
	}
	if s.ArchiveAway && c.now().Before(s.ArchiveAt) {
		return !continues
	}
	return c.storeBatch(func(*wire.Message) bool { return true }, &wire.Closing{
		Contact: s.Contact, Sender: s.Sender, Run: s.Run, StartedAt: s.StartedAt, ActiveAt: s.ActiveAt, Continues: continues,
		OptedOut: s.OptedOut, Parked: s.Parked, Mended: s.Mended, Evicted: s.Evicted,
	})
}

// storeBatch starts to store, the oldest first, and reports whether there is
// anything to store.
func (c *conversation) storeBatch(which func(*wire.Message) bool, closing *wire.Closing) bool {
	s := c.state
	batch := &storing{}
	var records []activities.Record
	add := func(m *wire.Message, due bool) {
		if m.Stored || !due || len(records) >= archiveBatch {
			return
		}
		m.Stored = true // until it changes, or the archive does not take it
		batch.ids = append(batch.ids, m.RecordID())
		records = append(records, c.recordOf(m))
	}
	for i := range s.Evictees {
		add(&s.Evictees[i], true) // nothing more will be known of it here
	}
	for i := range s.Transcript {
		add(&s.Transcript[i], which(&s.Transcript[i]))
	}
	if closing != nil && len(records) < archiveBatch {
		batch.closing = true
		records = append(records, activities.Record{
			ID: s.FirstRunID + "/run" + strconv.Itoa(s.Run), Kind: wire.RecordConversation,
			Conversation: c.ids.Of(s.Contact, s.Sender), FirstRunID: s.FirstRunID, At: c.now(), Closing: closing,
		})
	}
	if len(records) == 0 {
		return false
	}
	c.storing = batch
	c.launch(flightStore, workflow.ExecuteActivity(c.errandContext("archive "+strconv.Itoa(len(records))), archives.StoreRecords, records), c.onStored)
	return true
}

func (c *conversation) recordOf(m *wire.Message) activities.Record {
	kept := *m
	kept.Delivery, kept.Stored = nil, false
	return activities.Record{
		ID: m.RecordID(), Kind: wire.RecordMessage, Conversation: c.ids.Of(c.state.Contact, c.state.Sender), FirstRunID: c.state.FirstRunID,
		Key: m.Key, MessageID: m.MessageID, Line: &wire.Line{From: m.From, Text: m.Text, Time: m.At}, At: c.now(), Message: &kept,
	}
}

func (c *conversation) onStored(f workflow.Future) {
	batch := c.storing
	c.storing = nil
	s := c.state
	if err := f.Get(c.ctx, nil); err != nil {
		for _, list := range [][]wire.Message{s.Evictees, s.Transcript} {
			for i := range list {
				if slices.Contains(batch.ids, list[i].RecordID()) {
					list[i].Stored = false
				}
			}
		}
		s.ArchiveAt, s.ArchiveAway = c.now().Add(archivePause), true
		c.raise(wire.CauseArchiveAway, "the archive takes nothing: "+plain(err))
		return
	}
	s.ArchiveAway = false
	s.Settle(wire.CauseArchiveAway)
	s.Evictees = slices.DeleteFunc(s.Evictees, func(m wire.Message) bool { return m.Stored })
	c.closingStored = batch.closing
	s.ArchiveAt = c.now() // look whether there is more
}

// evict keeps a message that leaves the transcript until the archive has it.
func (c *conversation) evict(m wire.Message) {
	s := c.state
	onItsWay := c.storing != nil && slices.Contains(c.storing.ids, m.RecordID())
	if !s.Settings.Archive || m.Stored && !onItsWay {
		return
	}
	s.Evictees = append(s.Evictees, m)
	size := 0
	for i, kept := range slices.Backward(s.Evictees) {
		if size += len(kept.Text); size > maxEvicteeBytes || len(s.Evictees)-i > maxEvictees {
			s.Evicted += i + 1
			s.Evictees = slices.Clone(s.Evictees[i+1:])
			break
		}
	}
	if s.ArchiveAt.IsZero() {
		s.ArchiveAt = c.now().Add(archiveDelay)
	}
}

// recalled reports whether it is known what was said in an earlier
// conversation, and asks for it if not: the responder needs to see that too.
func (c *conversation) recalled() bool {
	s := c.state
	if s.Recalled || s.Run > 0 || !s.Settings.Archive {
		return true
	}
	if !c.flying(flightRecall) {
		ctx := workflow.WithActivityOptions(c.ctx, workflow.ActivityOptions{
			StartToCloseTimeout: 10 * time.Second,
			RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 3},
			Summary:             "what was said before?",
		})
		in := activities.RecallInput{Conversation: c.ids.Of(s.Contact, s.Sender), Messages: maxRecalled + len(s.Transcript)}
		if c.ids.Keyed() {
			in.Earlier = wire.ID(s.Contact, s.Sender)
		}
		c.launch(flightRecall, workflow.ExecuteActivity(ctx, archives.RecallMessages, in), c.onRecalled)
	}
	return false
}

// onRecalled goes on without the archive if that does not answer: the contact
// waits.
func (c *conversation) onRecalled(f workflow.Future) {
	s := c.state
	s.Recalled = true
	var lines []wire.Line
	if err := f.Get(c.ctx, &lines); err != nil {
		workflow.GetLogger(c.ctx).Warn("The archive did not tell what was said before", "error", plain(err))
		return
	}
	for _, line := range lines {
		if line.Time.Before(s.StartedAt) {
			s.Before = append(s.Before, wire.Line{From: wire.Cut(line.From, wire.MaxIDBytes), Text: wire.Cut(line.Text, maxTextBytes), Time: line.Time})
		}
	}
	s.Before = s.Before[max(0, len(s.Before)-maxRecalled):]
	size := 0
	for i, line := range slices.Backward(s.Before) {
		if size += len(line.Text); size > maxRecalledBytes {
			s.Before = s.Before[i+1:]
			break
		}
	}
}
