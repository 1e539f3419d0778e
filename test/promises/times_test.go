package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

const ana sms.Number = "+15559876543"

// writes brings a text with a time of its own to the webhook.
func writes(w *e2e.World, id, words string, at time.Time) {
	w.T.Helper()
	require.Equal(w.T, http.StatusOK, w.Post(e2e.Inbound(id, ana, e2e.Ours, words, at)))
	w.Eventually(id+" is in the conversation", func() bool {
		for _, m := range w.State(ana).Transcript {
			if m.MessageID == id {
				return true
			}
		}
		return false
	})
}

const skewedConsent = "a time that lies ahead is believed"

func TestStopCountsAfterAStartFromTheFuture(t *testing.T) {
	promise(t, "a STOP counts although an earlier START was dated three days ahead", skewedConsent)
	w := e2e.New(t)
	writes(w, "in-1", "STOP", time.Now())
	writes(w, "in-2", "START", time.Now().Add(72*time.Hour))
	writes(w, "in-3", "STOP", time.Now())
	require.NotNil(t, w.State(ana).OptedOut, "the second STOP is obeyed")
	confirmation := wire.DefaultSettings().OptOutReply
	w.Eventually("both STOPs are confirmed", func() bool { return count(w, confirmation) == 2 })
}

func TestStartCountsAfterAStopFromTheFuture(t *testing.T) {
	promise(t, "a START counts although an earlier STOP was dated three days ahead", skewedConsent)
	w := e2e.New(t)
	writes(w, "in-1", "STOP", time.Now().Add(72*time.Hour))
	writes(w, "in-2", "START", time.Now())
	require.Nil(t, w.State(ana).OptedOut, "the START is obeyed")
}

// count is how often the phone has a text of ours.
func count(w *e2e.World, words string) (n int) {
	for _, text := range e2e.Texts(w.Sim.Phone(ana).Messages()) {
		if text == words {
			n++
		}
	}
	return n
}

// asks starts a script that asks for a number.
func asks(w *e2e.World) {
	w.T.Helper()
	w.Start("feedback-1", "Feedback", fmt.Sprintf(`{"contact":%q,"business_name":"Harbor Dental"}`, ana))
	w.Receives(ana, "How was your visit")
}

// answered says that a text answered the question, and was not given to the responder.
func answered(w *e2e.World) {
	w.T.Helper()
	thanks, echo := "Thank you! We are glad you liked it.", `Thanks for your message! You said: "5"`
	w.Eventually("the answer is taken for something", func() bool { return count(w, thanks)+count(w, echo) > 0 })
	require.Zero(w.T, count(w, echo), "the answer to the question went to the responder")
}

func TestAnswerToAQuestionInDoubtWithReceiptsOfTheirOwnTime(t *testing.T) {
	promise(t, "an answer reaches its question though the question is in doubt and a receipt tells its own time",
		"the accepted_time of a receipt is read as that of the text")
	w := e2e.New(t, func(_ *e2e.World, o *sinchtest.Options) {
		o.Readings.ReceiptTime = sinchtest.ReceiptTimeOfCallback
		o.Delays.Final = 4 * time.Second // the answer is faster
	})
	w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultAcceptThen500})
	asks(w)
	w.Text(ana, "5")
	answered(w)
}

func TestAnswerToTheFirstOfTwoCopies(t *testing.T) {
	promise(t, "an answer reaches its question though the question was sent again meanwhile",
		"the question's time is that of the second copy")
	// Without a list nobody can know that the first copy arrived.
	w := e2e.New(t, func(_ *e2e.World, o *sinchtest.Options) { o.Mode = sinchtest.Dispatch })
	w.Sim.SetFaults(sinchtest.Faults{Receipts: sinchtest.NoReceipts, Next: []sinchtest.OneShot{{Fault: sinchtest.FaultAcceptThen500}}})
	asks(w)
	w.Text(ana, "5")
	answered(w)
}
