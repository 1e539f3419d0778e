package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/erasing"
	"parley/sinch"
)

// A certificate is read by somebody who was not there.
func TestCertificate(t *testing.T) {
	t.Parallel()
	c := certificate{
		At: at("08:00:00"), Rehearsal: true, Contact: "437rmmya", Key: "mt75sxmh", Suppression: "suppression:437rmmya",
		Conversations: erasing.Ended{Ended: 1, Deleted: 2}, Scripts: erasing.Ended{Deleted: 1}, Found: []erasing.Execution{{ID: "visit:17", Type: "Feedback"}},
	}
	printed := func() string {
		var b strings.Builder
		c.text(&b, time.UTC)
		return b.String()
	}
	require.Equal(t, `Would be erased (with --yes), 24 Nov 2026 08:00:00 UTC

  contact        437rmmya: an HMAC of the number, by the key mt75sxmh
  kept           suppression:437rmmya, so that nothing is sent before they text START
  conversations  1 running, 2 histories
  scripts        0 running, 1 history
    Feedback visit:17
  archive, Sinch are not looked at before --yes
  out of reach   phones, backups, logs, your own services; see docs/privacy.md
`, printed())

	require.NotContains(t, printed(), "is the number right")
	unknown := certificate{Rehearsal: true}
	var b strings.Builder
	unknown.text(&b, time.UTC)
	require.Contains(t, b.String(), "Temporal has nothing of them: is the number right, with its country code?", "a certificate does not show a slip of the finger")

	c.Rehearsal, c.Found, c.Left = false, nil, []string{"a contact that another app has conversations with"}
	require.Contains(t, printed(), `
  conversations  1 running, 2 histories deleted
  scripts        0 running, 1 history deleted
  archive        was not asked: neither PARLEY_ARCHIVE_DIR nor PARLEY_ARCHIVE_URL was set
  Sinch          was not asked
  out of reach   phones, backups, logs, your own services; see docs/privacy.md
  left           a contact that another app has conversations with
`)
	records := 1
	c.Archive, c.Sinch = &records, &sinch.Erased{}
	c.Sinch.Messages.Found, c.Sinch.Messages.Deleted = 16, 15
	require.Contains(t, printed(), `
  archive        1 record deleted
  Sinch          deleted 15 of 16 messages, 0 of 0 conversations, 0 of 0 contacts
`)
}
