package test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
)

// A worker is killed with a text on the wire that the carrier has taken, after
// an earlier try of the same text was refused. Nobody knows what became of it,
// no receipt says so: the carrier's list does, and the text is not sent again.
func TestWorkerIsKilledWithATextOnTheWire(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute: the server waits for the attempt, the conversation for a receipt")
	}
	t.Parallel()

	w := newWorld(t)
	w.Sim.SetFaults(sinchtest.Faults{Receipts: sinchtest.NoReceipts})
	w.Sim.Next(sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 429}, sinchtest.OneShot{Fault: sinchtest.FaultAcceptThenHang, For: sinchtest.Duration(20 * time.Second)})
	_, err := w.Client().Send(w.Ctx(), ana, "", "order-7", wire.SendRequest{Text: "Your order is ready."})
	require.NoError(t, err)
	w.Receives(ana, "Your order is ready.")
	w.Worker.Kill()
	w.StartWorker()
	w.Text(ana, "thanks") // waits for its turn behind the doubt
	w.Receives(ana, youSaid("thanks"))
	require.Len(t, w.Sim.Sent(), 2, "each once")
	require.Equal(t, w.Sim.Sent()[0].ID, w.State(ana).Transcript[1].MessageID)
}
