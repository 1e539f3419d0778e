package main

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/internal/stack"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

// onTheWire is how long after the webhook's 200 for a STOP the first byte of a
// text may still reach the carrier: an attempt that began within 250 ms, and its way.
const onTheWire = 350 * time.Millisecond

const people = 20

func contact(i int) sms.Number { return sms.Number(fmt.Sprintf("+120255501%02d", i)) }

func contacts() (all []sms.Number) {
	for i := range people {
		all = append(all, contact(i))
	}
	return all
}

// waiting has a text to each contact that the carrier refuses for the moment, so
// that its next try lies some seconds ahead.
func waiting(w *e2e.World) {
	w.T.Helper()
	w.Sim.SetFaults(sinchtest.Faults{Errors: map[int]float64{http.StatusTooManyRequests: 1}})
	for i, number := range contacts() {
		require.Equal(w.T, http.StatusAccepted, w.Message(number, "Your order has left.", fmt.Sprint("order-", i)))
	}
	for _, number := range contacts() {
		// The second try is followed by a pause of four seconds.
		w.Eventually("a text is tried", func() bool { return len(w.Sim.Attempts(number)) >= 2 })
	}
}

// stopAll has all contacts text STOP, and returns when each was answered 200.
func stopAll(w *e2e.World) {
	w.T.Helper()
	var ids []string
	for _, number := range contacts() {
		ids = append(ids, w.Sim.Text(number, "", "STOP"))
	}
	for _, id := range ids {
		_, err := w.Sim.WaitAcknowledged(w.Ctx(), id)
		require.NoError(w.T, err)
	}
	w.Sim.SetFaults(sinchtest.Faults{}) // from here on the carrier would take all
}

// obeyed says that after its STOP each contact got one confirmation and nothing
// else, by what reached the carrier.
func obeyed(w *e2e.World) {
	w.T.Helper()
	confirmation := wire.DefaultSettings().OptOutReply
	for _, number := range contacts() {
		w.Receives(number, confirmation)
		// The conversation has nothing left that could still leave.
		w.Eventually("the outbox is empty", func() bool { return len(w.State(number).Outbox) == 0 })
	}
	var late []time.Duration
	confirmed := map[int]int{} // contacts by how many confirmations they got
	for _, number := range contacts() {
		stopped, confirmations := stoppedAt(w, number), 0
		for _, a := range w.Sim.Attempts(number) {
			switch after := a.FirstByte.Sub(stopped); {
			case a.Text == confirmation && a.MessageID != "":
				confirmations++
			case a.Text != confirmation && after > onTheWire:
				late = append(late, after)
			}
		}
		confirmed[confirmations]++
	}
	slices.Sort(late)
	if n := len(late); n > 0 {
		w.T.Logf("figures: %d of %d left after STOP, from %s to %s after the 200", n, people, round(late[0]), round(late[n-1]))
	} else {
		w.T.Logf("figures: 0 of %d left after STOP", people)
	}
	require.Empty(w.T, late, "texts that left after STOP")
	require.Equal(w.T, map[int]int{1: people}, confirmed, "contacts by how many confirmations they got")
}

// stoppedAt is when the webhook answered 200 to a contact's STOP.
func stoppedAt(w *e2e.World, number sms.Number) time.Time {
	for _, m := range w.Sim.Phone(number).Messages() {
		if m.Text == "STOP" && m.AcknowledgedAt != nil {
			return *m.AcknowledgedAt
		}
	}
	w.T.Fatalf("no STOP of %s was answered", number.Masked())
	return time.Time{}
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

const tryComesFirst = "the server may start the next try of an activity before the task that knows of the STOP"

// second starts one more worker, and waits until both serve conversations.
func second(w *e2e.World) *stack.Process {
	w.T.Helper()
	first := w.Worker
	w.StartWorker()
	w.Worker = append(first, w.Worker...)
	return first[0]
}

func TestStopHoldsWhenAllWorkersDie(t *testing.T) {
	promise(t, "no text leaves after STOP though all workers are killed and come back 14 s later", tryComesFirst)
	w := e2e.New(t)
	waiting(w)
	w.Worker.Kill()
	stopAll(w)
	pause(t, 14*time.Second)
	w.StartWorker()
	obeyed(w)
}

func TestStopHoldsOverADeploy(t *testing.T) {
	promise(t, "no text leaves after STOP though the workers are stopped and started again 6 s later", tryComesFirst)
	w := e2e.New(t)
	waiting(w)
	w.StopWorker()
	stopAll(w)
	pause(t, 6*time.Second)
	w.StartWorker()
	obeyed(w)
}

func TestStopHoldsWhenAWorkerDies(t *testing.T) {
	promise(t, "no text leaves after STOP though one of two workers is killed", tryComesFirst)
	w := e2e.New(t)
	one := second(w)
	waiting(w)
	one.Kill()
	stopAll(w)
	obeyed(w)
}

func TestStopHoldsWhenAWorkerFreezes(t *testing.T) {
	promise(t, "no text leaves after STOP though one of two workers is frozen for 12 s", tryComesFirst)
	w := e2e.New(t)
	one := second(w)
	waiting(w)
	one.Freeze()
	defer one.Thaw()
	stopAll(w)
	pause(t, 12*time.Second)
	one.Thaw()
	obeyed(w)
}

// pause lets time pass in which nothing can be waited for: programs are down.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func TestStopHoldsWhileATokenIsFetched(t *testing.T) {
	promise(t, "no text leaves after STOP though it waits for an access token that takes 8 s", "between the token and the request nothing looks whether the text may still leave")
	w := e2e.New(t)
	for _, number := range contacts() { // so that each conversation is there
		w.Text(number, "hello")
		w.Receives(number, `You said: "hello"`)
	}
	w.Sim.SetFaults(sinchtest.Faults{ExpireTokens: true, Next: []sinchtest.OneShot{
		{Fault: sinchtest.FaultSlow, On: sinchtest.OnToken, For: sinchtest.Duration(8 * time.Second)},
	}})
	for i, number := range contacts() {
		require.Equal(t, http.StatusAccepted, w.Message(number, "Your order has left.", fmt.Sprint("order-", i)))
	}
	for _, number := range contacts() {
		w.Eventually("the text is being sent", func() bool {
			outbox := w.State(number).Outbox
			return len(outbox) > 0 && outbox[0].Status == sms.StatusSending
		})
	}
	stopAll(w)
	obeyed(w)
}

func TestStopHoldsInOrdinaryRaces(t *testing.T) {
	promise(t, "no text leaves after STOP when both race and nothing fails", "")
	if os.Getenv(tryAll) == "" {
		t.Skip("counts milliseconds, which a machine that runs all tests does not keep")
	}
	w := e2e.New(t)
	for i, number := range contacts() {
		require.Equal(t, http.StatusAccepted, w.Message(number, "Your order has left.", fmt.Sprint("order-", i)))
	}
	stopAll(w)
	obeyed(w)
}
