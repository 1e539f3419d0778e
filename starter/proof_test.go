package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

func TestProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.work()
	const ana sms.Number = "+12025550150"

	key := unmarshal[sent](t, w.does("send", string(ana), "Your order has left.", "--reference", "O-1", "--by", "Bea", "--json")).MessageKey
	m := w.sentBy(ana, key)
	w.delivered(ana, m.MessageID)
	printed := w.eventually("  delivered", "proof", key)
	require.Contains(t, printed, "+12025550150 · conversation:+12025550150\n"+w.link("conversation:+12025550150")+"\n")
	require.Contains(t, printed, "From Bea · O-1 · key "+key+"\n            Your order has left.\n")
	require.Regexp(t, `(?m)^  \d+ \w+ \d{4} \d\d:\d\d:\d\d \S+  queued$`, printed)
	require.Regexp(t, `(?m)^  \d+ \w+ \d{4} \d\d:\d\d:\d\d \S+  accepted · Sinch's id `+m.MessageID+`$`, printed)
	require.Regexp(t, `(?m)^  \d+ \w+ \d{4} \d\d:\d\d:\d\d \S+  delivered · Sinch's id `+m.MessageID+`$`, printed)
	require.Equal(t, printed, w.does("proof", key+".2"), "an attempt is shown as its message")
	require.Equal(t, printed, w.eventually("Bea", "proof", m.MessageID))

	told := unmarshal[proof](t, w.does("proof", key, "--json"))
	require.Equal(t, key, told.Message)
	require.Equal(t, ana, told.Number)
	require.Len(t, told.Evidence, 1)
	require.Equal(t, conversations.FromNow, told.Evidence[0].Source)
	require.Equal(t, m.Accepted, told.Evidence[0].Message.Accepted)
	require.Equal(t, sms.StatusDelivered, told.Evidence[0].Message.Status)

	w.texts(ana, "01FROMANA", "Where is it?")
	require.Contains(t, w.eventually("From the contact", "proof", "01FROMANA"), "  received · Sinch's id 01FROMANA\n")

	complaint := w.fails(1, "proof", key[:36]+"-99")
	require.Contains(t, complaint, "parley: no trace of "+key[:36]+"-99: conversation:+12025550150 has given out keys up to -2 only; there is no archive to look in: ")
	complaint = w.fails(1, "proof", "01a2b3c4-0000-7000-8000-000000000000-1")
	require.Contains(t, complaint, "no history is left of its conversation, neither in the visibility of namespace \""+w.env["TEMPORAL_NAMESPACE"]+"\" nor among the 100 newest conversations (a new one is listed a second or two late); there is no archive")
	require.Contains(t, w.fails(1, "proof", "01NOBODYS"), "no message 01NOBODYS in the 1 newest conversations; there is no archive to look in")
	require.Contains(t, w.fails(2, "proof", "+12025550150"), "is neither a message's key nor its id at Sinch")

	stop()
	without := unmarshal[proof](t, w.does("proof", key, "--json", "--timeout", "2s"))
	require.Contains(t, without.Note, "answers only while a worker runs")
	require.Equal(t, conversations.FromHistory, without.Evidence[0].Source)
	require.Equal(t, "Your order has left.", without.Evidence[0].Message.Text)
	require.Equal(t, "O-1", without.Evidence[0].Message.Reference)
	require.Equal(t, sms.StatusDelivered, without.Evidence[0].Message.Status)
	require.Contains(t, w.fails(1, "proof", key[:36]+"-99", "--timeout", "2s"), "no worker of task queue \"parley\" answers")
}

// A text that did not arrive is sent once more: they prove each other.
func TestProofOfATextSentOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana sms.Number = "+12025550151"

	key := w.says(ana, "Anybody there?")
	w.reports(sms.Receipt{MessageID: w.sentBy(ana, key).MessageID, To: ana, Status: sms.StatusFailed, Reason: "RECIPIENT_NOT_REACHABLE", Class: sms.Transient})
	printed := w.eventually("Repeats "+key+", which did not arrive", "proof", key)
	require.Contains(t, printed, "failed: RECIPIENT_NOT_REACHABLE")
	require.Contains(t, printed, "  next try\n")
	again := unmarshal[proof](t, w.does("proof", key, "--json")).Evidence[1].Message
	require.Equal(t, key, again.ResendOf)
	require.Equal(t, printed, w.does("proof", again.Key))

	story := w.does("show", again.Key)
	require.Contains(t, story, ": RECIPIENT_NOT_REACHABLE · will be sent once more\n            Anybody there?\n")
	require.Regexp(t, `(?m)^» .* → application · waits … · repeats that of \d\d:\d\d:\d\d · is sent at \d\d:\d\d:\d\d\n            Anybody there\?$`, story)
}

// fill makes a conversation let go of what it said before: it keeps 64 KB.
func (w *world) fill(contact sms.Number) {
	w.t.Helper()
	long := strings.Repeat("長", 660) // nearly ten segments
	for i := range 34 {
		require.NoError(w.t, w.reach.Queue(w.t.Context(), contact, "", fmt.Sprint("filler ", i), wire.SendRequest{Text: long}))
	}
	w.says(contact, "The last one.")
}

// What a conversation has let go of is found in what it knew when an earlier run
// ended, and in the history since.
func TestProofFromAnEarlierRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settings.ContinueAfter = 60
	w.work()
	const ana sms.Number = "+12025550152"

	key := w.says(ana, "Early")
	w.fill(ana)
	require.Contains(t, w.fails(1, "show", key), "; parley proof "+key+" looks further")
	w.delivered(ana, w.carrier.id(key))
	w.does("send", string(ana), "Hi") // behind the receipt
	told := unmarshal[proof](t, w.does("proof", key, "--json"))
	require.Equal(t, conversations.FromBefore, told.Evidence[0].Source)
	require.Equal(t, "Early", told.Evidence[0].Message.Text)
	require.Equal(t, "application", told.Evidence[0].Message.From)
	require.Equal(t, sms.StatusDelivered, told.Evidence[0].Message.Status, "as the history tells since")
	require.Contains(t, w.does("proof", key), "  from an earlier run of its conversation, as of ")
}

// A run that says much lets go of its own texts: they are in raw history only.
func TestProofFromHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	const ana sms.Number = "+12025550153"

	key := w.says(ana, "Early")
	w.delivered(ana, w.carrier.id(key))
	w.fill(ana)
	told := unmarshal[proof](t, w.does("proof", key, "--json"))
	require.Equal(t, conversations.FromHistory, told.Evidence[0].Source)
	require.Equal(t, "Early", told.Evidence[0].Message.Text)
	require.Equal(t, w.carrier.id(key), told.Evidence[0].Message.MessageID)
	require.Equal(t, sms.StatusDelivered, told.Evidence[0].Message.Status)
	require.Contains(t, w.does("proof", key), "  put together from the history of its conversation")
}

func TestProofFromTheArchive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keeps()
	w.settings.IdleAfter = 100 * time.Millisecond
	w.work()
	const ana sms.Number = "+12025550154"

	key := w.says(ana, "Early")
	id := w.carrier.id(key)
	w.eventually("closed (completed ", "show", string(ana))
	w = w.forgotten()

	for _, what := range []string{key, id} {
		told := unmarshal[proof](t, w.does("proof", what, "--json"))
		require.Equal(t, conversations.FromArchive, told.Evidence[0].Source)
		require.Equal(t, "Early", told.Evidence[0].Message.Text)
		require.Equal(t, ana, told.Number)
		require.Contains(t, w.does("proof", what), "  from the archive, as of ")
	}
	require.Contains(t, w.fails(1, "proof", key[:36]+"-9"), "; the archive does not have it either")

	story := w.does("show", string(ana))
	require.Contains(t, story, "+12025550154 · from the archive; Temporal no longer has it · since ")
	require.Contains(t, story, "→ application · sent ✓\n            Early\n")
	require.Equal(t, conversations.StatusArchived, unmarshal[shown](t, w.does("show", string(ana), "--json")).Status)
	for _, what := range []string{key, id} {
		require.Contains(t, w.does("show", what), "» ")
	}
	require.Contains(t, w.fails(1, "show", "+12025550159"), "are gone, and the archive does not have it either")

	// A new conversation with the same contact is told what was said before.
	w.settings.IdleAfter = time.Hour
	w.work()
	w.texts(ana, "01AGAIN", "Hello again")
	w.eventually("Before this conversation, from the archive:\n", "show", string(ana))
	require.Equal(t, conversations.FromArchive, unmarshal[proof](t, w.does("proof", key, "--json")).Evidence[0].Source)
}
