package sinch_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"parley/sinch"
)

func TestCall(t *testing.T) {
	t.Parallel()
	status, body := http.StatusOK, `{"messages": []}`
	s := newServer(t, 3600, func(w http.ResponseWriter, r *http.Request) {
		answer(status, body)(w, r)
	})
	c := newClient(t, s.config())
	got, err := c.Call(t.Context(), http.MethodGet, "/messages?page_size=1", nil)
	require.NoError(t, err)
	require.Equal(t, body, string(got), "byte for byte")

	status, body = http.StatusBadRequest, `{"error":{"status":"INVALID_ARGUMENT","message":"no such word: harbor"}}`
	_, err = c.Call(t.Context(), http.MethodGet, "/messages", nil, "harbor")
	require.ErrorAs(t, err, new(*sinch.Error))
	require.ErrorContains(t, err, "INVALID_ARGUMENT: no such word: •••")
}
