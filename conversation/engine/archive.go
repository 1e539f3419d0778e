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

// archive keeps messages beyond retention, in batches, and tells what was said before.
type archive struct {
	still
	*run
	*wire.Services
	storing       *storing
	closingStored bool // the archive has the record of this run's end
}

// before is the end of an earlier conversation.
func (a *archive) before() []wire.Line { return a.Before }

func (a *archive) deadlines(at func(time.Time, string)) {
	if a.storing == nil {
		at(a.ArchiveAt, "archive")
	}
}

// add notes that the archive does not have a message as it is.
func (a *archive) add(m *wire.Message) {
	m.Stored = false
	a.changed()
	if a.Settings.Archive && m.Settled() && a.ArchiveAt.IsZero() {
		a.ArchiveAt = a.now().Add(archiveDelay)
	}
}

// changed notes that a record of this run's end would be old.
func (a *archive) changed() {
	a.closingStored = false
	if a.storing != nil {
		a.storing.closing = false
	}
}

// advance hands to the archive what is due.
func (a *archive) advance() {
	due := a.ArchiveAt
	if !a.Settings.Archive || a.storing != nil || due.IsZero() || a.now().Before(due) {
		return
	}
	if !a.storeBatch((*wire.Message).Settled, nil) {
		a.ArchiveAt = time.Time{}
	}
}

// storeAll hands over what is left before a run ends, and reports whether that
// is still on its way. While the archive takes nothing, a conversation that
// continues as new takes its messages along, and one that would close waits.
func (a *archive) storeAll(closing wire.Closing) bool {
	if !a.Settings.Archive || a.closingStored {
		return false
	}
	if a.ArchiveAway && a.now().Before(a.ArchiveAt) {
		return !closing.Continues
	}
	return a.storeBatch(func(*wire.Message) bool { return true }, &closing)
}

// storeBatch starts to store, the oldest first, and reports whether there is
// anything to store.
func (a *archive) storeBatch(which func(*wire.Message) bool, closing *wire.Closing) bool {
	batch := &storing{}
	var records []activities.Record
	add := func(m *wire.Message, due bool) {
		if m.Stored || !due || len(records) >= archiveBatch {
			return
		}
		m.Stored = true // until it changes, or the archive does not take it
		batch.ids = append(batch.ids, m.RecordID())
		records = append(records, a.recordOf(m))
	}
	for i := range a.Evictees {
		add(&a.Evictees[i], true) // nothing more will be known of it here
	}
	for i := range a.transcript.messages() {
		add(&a.transcript.messages()[i], which(&a.transcript.messages()[i]))
	}
	if closing != nil && len(records) < archiveBatch {
		batch.closing = true
		records = append(records, activities.Record{
			ID: a.FirstRunID + "/run" + strconv.Itoa(a.Run), Kind: wire.RecordConversation,
			Conversation: a.ids.Of(a.Contact, a.Sender), FirstRunID: a.FirstRunID, At: a.now(), Closing: closing,
		})
	}
	if len(records) == 0 {
		return false
	}
	a.storing = batch
	a.launch(flightStore, workflow.ExecuteActivity(a.patiently("archive "+strconv.Itoa(len(records))), archives.StoreRecords, records), a.onStored)
	return true
}

func (a *archive) recordOf(m *wire.Message) activities.Record {
	kept := *m
	kept.Delivery, kept.Stored = nil, false
	return activities.Record{
		ID: m.RecordID(), Kind: wire.RecordMessage, Conversation: a.ids.Of(a.Contact, a.Sender), FirstRunID: a.FirstRunID,
		Key: m.Key, MessageID: m.MessageID, Line: &wire.Line{From: m.From, Author: m.Author, Text: m.Text, Time: m.At}, At: a.now(), Message: &kept,
	}
}

func (a *archive) onStored(f workflow.Future) {
	batch := a.storing
	a.storing = nil
	if err := f.Get(a.ctx, nil); err != nil {
		for _, list := range [][]wire.Message{a.Evictees, a.transcript.messages()} {
			for i := range list {
				if slices.Contains(batch.ids, list[i].RecordID()) {
					list[i].Stored = false
				}
			}
		}
		a.ArchiveAt, a.ArchiveAway = a.now().Add(archivePause), true
		a.desk.raise(wire.CauseArchiveAway, "the archive takes nothing: "+plain(err))
		return
	}
	a.ArchiveAway = false
	a.desk.settle(wire.CauseArchiveAway)
	a.Evictees = slices.DeleteFunc(a.Evictees, func(m wire.Message) bool { return m.Stored })
	a.closingStored = batch.closing
	a.ArchiveAt = a.now() // look whether there is more
}

// evict keeps a message that leaves the transcript until the archive has it.
func (a *archive) evict(m wire.Message) {
	onItsWay := a.storing != nil && slices.Contains(a.storing.ids, m.RecordID())
	if !a.Settings.Archive || m.Stored && !onItsWay {
		return
	}
	a.Evictees = append(a.Evictees, m)
	size := 0
	for i, kept := range slices.Backward(a.Evictees) {
		if size += len(kept.Text); size > maxEvicteeBytes || len(a.Evictees)-i > maxEvictees {
			a.Evicted += i + 1
			a.Evictees = slices.Clone(a.Evictees[i+1:])
			break
		}
	}
	if a.ArchiveAt.IsZero() {
		a.ArchiveAt = a.now().Add(archiveDelay)
	}
}

// recalled reports whether it is known what was said in an earlier
// conversation, and asks for it if not: the responder needs to see that too.
func (a *archive) recalled() bool {
	if a.Recalled || a.Run > 0 || !a.Settings.Archive {
		return true
	}
	if !a.flying(flightRecall) {
		ctx := workflow.WithActivityOptions(a.ctx, workflow.ActivityOptions{
			StartToCloseTimeout: 10 * time.Second,
			RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 3},
			Summary:             "what was said before?",
		})
		in := activities.RecallInput{Conversation: a.ids.Of(a.Contact, a.Sender), Messages: maxRecalled + len(a.transcript.messages())}
		a.launch(flightRecall, workflow.ExecuteActivity(ctx, archives.RecallMessages, in), a.onRecalled)
	}
	return false
}

// onRecalled goes on without the archive if that does not answer: the contact
// waits.
func (a *archive) onRecalled(f workflow.Future) {
	a.Recalled = true
	var lines []wire.Line
	if err := f.Get(a.ctx, &lines); err != nil {
		workflow.GetLogger(a.ctx).Warn("The archive did not tell what was said before", "error", plain(err))
		return
	}
	for _, line := range lines {
		if line.Time.Before(a.StartedAt) {
			a.Before = append(a.Before, wire.Line{From: wire.Cut(line.From, wire.MaxIDBytes), Author: line.Author, Text: wire.Cut(line.Text, maxTextBytes), Time: line.Time})
		}
	}
	a.Before = a.Before[max(0, len(a.Before)-maxRecalled):]
	size := 0
	for i, line := range slices.Backward(a.Before) {
		if size += len(line.Text); size > maxRecalledBytes {
			a.Before = a.Before[i+1:]
			break
		}
	}
}
