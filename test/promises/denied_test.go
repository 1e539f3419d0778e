package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/test/e2e"
)

// typed is what a person sees who types a command of parley's, and whether it went
// well.
func typed(w *e2e.World, args ...string) (printed, complaint string, err error) {
	w.T.Helper()
	command := exec.CommandContext(w.Ctx(), filepath.Join(e2e.Bin, "parley"), args...) //nolint:gosec // our own program
	command.Env = []string{"HOME=" + w.Dir, "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"} {
		command.Env = append(command.Env, name+"="+w.Settings[name])
	}
	var out, wrong bytes.Buffer
	command.Stdout, command.Stderr = &out, &wrong
	err = command.Run()
	return out.String(), wrong.String(), err
}

// The carrier refuses everything while an account is suspended, confirmations of
// STOP too. A contact is owed one, so a person can have it sent when all is well
// again; and nothing else with it.
func TestDeniedConfirmationOfStopIsRetried(t *testing.T) {
	promise(t, "a confirmation of STOP that the carrier denied can be tried again by hand, and nothing else with it",
		"with a contact who opted out, nothing that is parked is tried again")

	w := e2e.New(t)
	denied := sinchtest.OneShot{Fault: sinchtest.FaultError, Status: 403}
	parked := func(n int) []wire.Parked {
		var now []wire.Parked
		w.Eventually("it is parked", func() bool { now = w.State(guest).Parked; return len(now) == n })
		return now
	}
	w.Text(guest, "hello")
	w.Receives(guest, echoed("hello"))
	w.Sim.Next(denied)
	require.Equal(t, 202, w.Message(guest, "Your order is ready.", "order-7"))
	order := parked(1)[0]
	w.Sim.Next(denied)
	w.Text(guest, "STOP")
	confirmation := parked(2)[1]
	require.Equal(t, wire.ParkedDenied, confirmation.Code)
	require.Contains(t, confirmation.Message.Text, "unsubscribed")

	_, complaint, err := typed(w, "retry", string(guest), "--id", confirmation.ID)
	require.NoError(t, err, "parley retry: %s", complaint)
	w.Receives(guest, "unsubscribed")
	w.Eventually("it is parked no more", func() bool { now := w.State(guest).Parked; return len(now) == 1 && now[0].ID == order.ID })

	// The other one stays, however it is asked for.
	_, _, err = typed(w, "retry", string(guest), "--id", order.ID)
	require.Error(t, err)
	require.NoError(t, w.Client().Retry(w.Ctx(), guest, "", "1", wire.Mend{}))
	w.Text(guest, "thanks") // is taken behind it, and answered by nobody
	w.Eventually("all that was asked is done", func() bool {
		s := w.State(guest)
		return len(s.Outbox) == 0 && s.Transcript[len(s.Transcript)-1].Text == "thanks"
	})
	require.NotNil(t, w.State(guest).OptedOut)
	require.Equal(t, []string{echoed("hello"), confirmation.Message.Text}, e2e.Texts(w.Sim.Phone(guest).Messages()))
	require.Len(t, w.Sim.Attempts(guest), 4, "two denied, two taken")
}
