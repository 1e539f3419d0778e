package doctor

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
)

// TestParked: what was counted is told even if the time was too short for all.
func TestParked(t *testing.T) {
	t.Parallel()
	type shown struct {
		parked    []wire.ParkedMark
		attention string
	}
	since := time.Now().Add(-5*time.Minute - 30*time.Second)
	denied, looping := wire.ParkedMark{Code: wire.ParkedDenied, At: time.Now()}, wire.ParkedMark{Code: wire.ParkedLoop, At: since}
	parked, other := shown{[]wire.ParkedMark{denied, looping}, "parked"}, shown{nil, "asked for help"}
	slow, broken := context.DeadlineExceeded, errors.New("broken")
	const partly = "not counted to the end in 10s; so far: "
	tests := []struct {
		name          string
		conversations []shown
		err           error
		status        Status
		found, advice string
	}{
		{"nothing", []shown{{}}, nil, OK, "none, and no conversation needs a person", ""},
		{"parked", []shown{parked, parked}, nil, Warn, "4 things in 2 conversations (2 send-denied, 2 loop), the oldest for 5m", "parley parked; then parley retry or parley skip"},
		{"another reason", []shown{other}, nil, Warn, "1 conversation needs a person for another reason", "parley list --attention"},
		{"both", []shown{parked, other, other}, nil, Warn, "2 things in 1 conversation (1 send-denied, 1 loop), the oldest for 5m; 2 conversations need a person for another reason", "parley parked; then parley retry or parley skip; parley list --attention"},
		{"not all in time", []shown{other}, slow, Warn, partly + "1 conversation needs a person for another reason; …", "a longer --timeout"},
		{"none in time", nil, slow, Warn, partly + "…", "a longer --timeout"},
		{"broken", []shown{other}, broken, Fail, "listing what is parked: broken", "look at the server's visibility store"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := &examination{Doctor: Doctor{Timeout: 10 * time.Second}, server: &Server{}}
			n := need{things: map[wire.ParkCode]int{}}
			for _, shown := range tt.conversations {
				n.add(conversations.ParkedConversation{Row: conversations.Row{Attention: shown.attention}, Marks: shown.parked}, true)
			}
			require.Equal(t, Finding{Check: "parked work", Status: tt.status, Found: tt.found, Advice: tt.advice}, e.parked(n, tt.err))
		})
	}
}
