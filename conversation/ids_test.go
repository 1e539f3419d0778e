package conversation_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/conversation"
	"parley/sms"
)

var keyed = conversation.KeyedIDs(bytes.Repeat([]byte{7}, 32))

func TestIDs(t *testing.T) {
	t.Parallel()

	plain := conversation.IDs{}
	require.Equal(t, "conversation:+15559876543", plain.Of(contact, ""))
	require.Equal(t, "conversation:+15559876543:+12065550101", plain.Of(contact, "+12065550101"))
	require.Equal(t, "+1•••543", plain.Tag(contact))
	require.Equal(t, "order-7", plain.Key("order-7"))
	require.Empty(t, plain.Fingerprint())

	// These are in the workflow ids of whoever has set a key: they never change.
	require.Equal(t, "conversation:vwy36hbeqv6ejkv6rjnxkw2oou", keyed.Of(contact, ""))
	require.Regexp(t, `^conversation:vwy36hbeqv6ejkv6rjnxkw2oou:[a-z2-7]{26}$`, keyed.Of(contact, "+12065550101"))
	require.Equal(t, "vwy36hbeqv6ejkv6rjnxkw2oou", keyed.Tag(contact))
	require.Equal(t, "suppression:vwy36hbeqv6ejkv6rjnxkw2oou", keyed.SuppressionID(contact))
	require.NotEqual(t, keyed.Of("+12065550101", ""), "conversation:"+keyed.Key("+12065550101"), "what stands for different things differs")
	require.NotContains(t, keyed.Of(contact, sms.Sender(contact)), "vwy36hbeqv6ejkv6rjnxkw2oou:vwy36hbeqv6ejkv6rjnxkw2oou", "a number as contact and as sender")
	other := conversation.KeyedIDs(bytes.Repeat([]byte{8}, 32))
	require.NotEqual(t, keyed.Of(contact, ""), other.Of(contact, ""))
	require.NotEqual(t, keyed.Fingerprint(), other.Fingerprint())

	number, sender, err := conversation.ParseID(plain.Of(contact, "+12065550101"))
	require.NoError(t, err)
	require.Equal(t, contact, number)
	require.Equal(t, sms.Sender("+12065550101"), sender)
	for _, id := range []string{keyed.Of(contact, ""), "appointment:A-17", "conversation:", "conversation:+1", ""} {
		_, _, err := conversation.ParseID(id)
		require.Error(t, err, id)
	}
	require.True(t, conversation.IsID(keyed.Of(contact, "")))
	require.False(t, conversation.IsID("appointment:A-17"))
}
