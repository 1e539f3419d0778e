package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation/wire"
)

func TestMendOfOlderBuilds(t *testing.T) {
	t.Parallel()
	old := wire.ParkedMark{Reason: "asking the responder: HTTP 500", At: at("08:00:00")}
	recent := wire.ParkedMark{ID: "r/p2", Code: wire.ParkedLoop, At: at("09:00:00")}
	var retry Mending
	c := ParkedConversation{Marks: []wire.ParkedMark{old, recent}, known: true}

	word, parked, left := retry.word(c)
	require.Empty(t, left)
	require.Empty(t, word.IDs, "all of it")
	require.Len(t, parked, 2)

	retry.Since = at("08:30:00")
	word, parked, left = retry.word(c)
	require.Empty(t, left)
	require.Equal(t, []string{"r/p2"}, word.IDs)
	require.Len(t, parked, 1)

	retry.Choice = Choice{Codes: []wire.ParkCode{""}}
	_, _, left = retry.word(c)
	require.Equal(t, LeftOutNameless, left)

	retry.Choice = Choice{}
	silent := ParkedConversation{Row: Row{Attention: "asking the responder: HTTP 500"}}
	_, parked, left = retry.word(silent)
	require.Empty(t, left, "only the conversation knows what is parked")
	require.Empty(t, parked)
}
