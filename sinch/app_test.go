package sinch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sinch"
)

func TestAppChannels(t *testing.T) {
	t.Parallel()
	s := newServer(t, 3599, answer(200, `{"id":"app-1","processing_mode":"DISPATCH","channel_credentials":[
		{"channel":"SMS","static_bearer":{"claimed_identity":"plan","token":"t0ken"},"state":{"status":"FAILING","description":"plan of +15559876543 is closed"}},
		{"channel":"MMS"}]}`))

	app, err := newClient(t, s.config()).App(t.Context())
	require.NoError(t, err)
	require.Equal(t, []sinch.Channel{{Name: "SMS", Status: "FAILING", Detail: "plan of ••• is closed"}, {Name: "MMS"}}, app.Channels)
	channel, ok := app.Channel("SMS")
	require.True(t, ok)
	require.Equal(t, "FAILING", channel.Status)
	_, ok = app.Channel("RCS")
	require.False(t, ok)
}
