package settings_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/internal/secrets"
	"parley/internal/settings"
)

func TestEncryptionKeys(t *testing.T) {
	t.Parallel()
	ring := func(env settings.Env) secrets.Value {
		var e settings.Encryption
		_, err := settings.Parse(&e, nil, env, io.Discard, io.Discard)
		require.NoError(t, err)
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), "c2VjcmV0")
		return e.KeyRing(shelf{"/keys": "b:c2VjcmV0"})
	}
	require.Nil(t, ring(nil), "nothing is encrypted")
	require.Nil(t, ring(settings.Env{"PARLEY_ENCRYPTION_KEYS": " "}))
	require.Equal(t, secrets.Fixed("none,a:c2VjcmV0"), ring(settings.Env{"PARLEY_ENCRYPTION_KEYS": "none, a:c2VjcmV0 ", "PARLEY_ENCRYPTION_KEYS_PARAM": "/keys"}))
	require.Equal(t, secrets.Fixed("b:c2VjcmV0"), ring(settings.Env{"PARLEY_ENCRYPTION_KEYS_PARAM": "/keys"}))
}
