package sms_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sms"
)

func TestStatusBefore(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		now, next sms.Status
		news      bool
	}{
		{"accepted after sending", sms.StatusSending, sms.StatusAccepted, true},
		{"accepted after a doubt", sms.StatusUnknown, sms.StatusAccepted, true},
		{"delivered, channel step missed", sms.StatusAccepted, sms.StatusDelivered, true},
		{"late delivered after failed", sms.StatusFailed, sms.StatusDelivered, true},
		{"read after delivered", sms.StatusDelivered, sms.StatusRead, true},
		{"late failed after delivered", sms.StatusDelivered, sms.StatusFailed, false},
		{"late on channel after delivered", sms.StatusDelivered, sms.StatusOnChannel, false},
		{"doubled", sms.StatusDelivered, sms.StatusDelivered, false},
		{"dropped is not expired too", sms.StatusDropped, sms.StatusExpired, false},
		{"unknown word", sms.StatusQueued, sms.Status("deleted"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.news, tt.now.Before(tt.next))
		})
	}
}

func TestStatusFinal(t *testing.T) {
	t.Parallel()
	for _, s := range []sms.Status{sms.StatusExpired, sms.StatusDropped, sms.StatusFailed, sms.StatusDelivered, sms.StatusRead} {
		require.True(t, s.Final(), s)
	}
	for _, s := range []sms.Status{sms.StatusQueued, sms.StatusSending, sms.StatusUnknown, sms.StatusAccepted, sms.StatusOnChannel, ""} {
		require.False(t, s.Final(), s)
	}
}
