package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

// foundAgain says that a text that was taken, of which the sender was not told,
// is found in the carrier's list and arrives once.
func foundAgain(w *e2e.World, words string, list sinchtest.ListFaults) {
	w.T.Helper()
	w.Sim.SetFaults(sinchtest.Faults{
		Receipts: sinchtest.NoReceipts, // else a receipt would settle it
		List:     list,
		Next:     []sinchtest.OneShot{{Fault: sinchtest.FaultAcceptThen500}},
	})
	require.Equal(w.T, http.StatusAccepted, w.Message(ana, words, "order-7"))
	w.Eventually("the doubt is settled", func() bool {
		outbox := w.State(ana).Outbox
		return len(w.Sim.Attempts(ana)) > 0 && len(outbox) == 0
	})
	w.T.Logf("figures: the phone has %d", len(w.Sim.Sent()))
	require.Len(w.T, w.Sim.Sent(), 1, "the carrier took it once")
	transcript := w.State(ana).Transcript
	m := transcript[len(transcript)-1]
	require.Equal(w.T, sms.StatusAccepted, m.Status)
	require.Equal(w.T, w.Sim.Sent()[0].ID, m.MessageID)
}

func TestDoubtIsSettledInABusyApp(t *testing.T) {
	promise(t, "a doubtful text is found though 1,100 newer texts are in the app's list", "the look reads the newest 1,000 messages of the app")
	foundAgain(e2e.New(t), "Your order has left.", sinchtest.ListFaults{Others: 1100})
}

const wordsMustAgree = "the look wants the same words, whatever key the list shows"

func TestDoubtIsSettledThoughTheListTrims(t *testing.T) {
	promise(t, "a doubtful text is found though the list shows it without its last line end", wordsMustAgree)
	foundAgain(reading(t, sinchtest.Readings{ListWords: sinchtest.ListWordsTrimmed}), "Your order has left.\n", sinchtest.ListFaults{})
}

func TestDoubtIsSettledThoughTheListChangesLineEnds(t *testing.T) {
	promise(t, "a doubtful text is found though the list shows other line ends", wordsMustAgree)
	foundAgain(reading(t, sinchtest.Readings{ListWords: sinchtest.ListWordsLF}), "Your order\r\nhas left.", sinchtest.ListFaults{})
}

func TestDoubtIsSettledThoughTheListComposesLetters(t *testing.T) {
	promise(t, "a doubtful text is found though the list shows its accents composed", wordsMustAgree)
	foundAgain(reading(t, sinchtest.Readings{ListWords: sinchtest.ListWordsNFC}), "Your table at the Cafe\u0301.", sinchtest.ListFaults{})
}

func TestDoubtIsSettledThoughTheClocksDiffer(t *testing.T) {
	promise(t, "a doubtful text is found though the carrier's clock is two minutes behind", "the look begins one minute before the first attempt")
	foundAgain(reading(t, sinchtest.Readings{Clock: sinchtest.Offset(-2 * time.Minute)}), "Your order has left.", sinchtest.ListFaults{})
}

// reading is a world whose carrier is read in another way.
func reading(t *testing.T, r sinchtest.Readings) *e2e.World {
	t.Helper()
	return e2e.New(t, func(_ *e2e.World, o *sinchtest.Options) { o.Readings = r })
}
