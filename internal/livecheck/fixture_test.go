package livecheck

import (
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sms"
)

func TestDisguise(t *testing.T) {
	t.Parallel()
	d := newDisguise("our-project", "our-app-id", "+5491112345678", []sms.Sender{"+4915112345678", "PARLEY"})
	for body, want := range map[string]string{
		`{"project_id":"our-project","app_id":"our-app-id"}`: `{"project_id":"c36f3d3d-1523-4edd-ae42-11995557ff61","app_id":"01EB37HMH1M6SV18ABNS3G135H"}`,
		`{"identity": "+5491112345678"}`:                     `{"identity": "+15559876543"}`,
		`{"identity":"5491112345678","name":"541112345678"}`: `{"identity":"15559876543","name":"15559876543"}`,
		`{"name":"(011) 12345678"}`:                          `{"name":"(011) 59876543"}`,
		`{"sender_id":"4915112345678"}`:                      `{"sender_id":"12065550100"}`,
		`{"url" : "https://sinch.example/x?t=1","n":1.50}`:   `{"url" : "https://media.example.com/picture.jpg","n":1.50}`,
	} {
		require.Equal(t, want, d.text(body))
	}
}

func TestOtherForm(t *testing.T) {
	t.Parallel()
	for one, other := range map[string]string{
		"525512345678": "5215512345678", "541112345678": "5491112345678", "551112345678": "5511912345678",
	} {
		require.Equal(t, other, otherForm(one))
		require.Equal(t, one, otherForm(other))
	}
	require.Empty(t, otherForm("15559876543"))
	require.True(t, isPhone("+5215512345678", "+525512345678"))
	require.False(t, isPhone("", "+15559876543"))
}
