package auth

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	var tokens Tokens
	require.Equal(t, -1, tokens.Find(""))
	for _, text := range []string{"first-token", "second-token", "first-token-and-more"} {
		tokens.Add(text)
	}
	for text, want := range map[string]int{
		"first-token": 0, "second-token": 1, "first-token-and-more": 2,
		"": -1, "first": -1, "first-token ": -1, "First-token": -1,
	} {
		require.Equal(t, want, tokens.Find(text), text)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{"Bearer secret": "secret", "bearer secret": "secret", "BEARER a b": "a b", "Bearer ": ""} {
		text, ok := Bearer(header)
		require.True(t, ok, header)
		require.Equal(t, want, text, header)
	}
	for _, header := range []string{"", "Bearer", "Basic secret", "secret", " secret", "Bearersecret"} {
		_, ok := Bearer(header)
		require.False(t, ok, header)
	}
}
