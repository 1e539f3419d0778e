package connect_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"parley/internal/connect"
	"parley/internal/secrets"
	"parley/internal/settings"
)

// nowhere is an address at which nothing listens: the port of "discard".
const nowhere = "127.0.0.1:9"

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func env(pairs ...string) settings.Env {
	e := settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull}
	for pair := range slices.Chunk(pairs, 2) {
		e[pair[0]] = pair[1]
	}
	return e
}

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := connect.Options(quiet(), env(), nil)
	require.NoError(t, err)
	require.Equal(t, "localhost:7233", o.HostPort)
	require.Equal(t, "default", o.Namespace)
	require.Nil(t, o.ConnectionOptions.TLS)
	require.Len(t, o.ConnectionOptions.DialOptions, 2, "request ids, and quick reconnection")

	o, err = connect.Options(quiet(), env("TEMPORAL_ADDRESS", "eu.example:7233", "TEMPORAL_NAMESPACE", "sms.acct", "TEMPORAL_API_KEY", "key"), nil)
	require.NoError(t, err)
	require.Equal(t, "eu.example:7233", o.HostPort)
	require.Equal(t, "sms.acct", o.Namespace)
	require.NotNil(t, o.ConnectionOptions.TLS, "an API key never travels in clear")

	empty := env("TEMPORAL_ADDRESS", "", "TEMPORAL_NAMESPACE", "", "TEMPORAL_PROFILE", "", "TEMPORAL_API_KEY", "", "TEMPORAL_TLS", "",
		"TEMPORAL_TLS_CLIENT_CERT_PATH", "", "TEMPORAL_TLS_CLIENT_KEY_PATH", "", "TEMPORAL_TLS_SERVER_CA_CERT_PATH", "", "TEMPORAL_TLS_SERVER_NAME", "")
	o, err = connect.Options(quiet(), empty, nil)
	require.NoError(t, err)
	require.Equal(t, "localhost:7233", o.HostPort)
	require.Nil(t, o.ConnectionOptions.TLS, "what is empty is not set")

	_, err = connect.Options(quiet(), env("TEMPORAL_PROFILE", "missing"), nil)
	require.ErrorContains(t, err, "reading TEMPORAL_* and Temporal's profile file")
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	o, err := connect.Options(quiet(), env("TEMPORAL_ADDRESS", nowhere, "TEMPORAL_NAMESPACE", "sms"), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()

	_, err = connect.Dial(ctx, o)
	require.ErrorContains(t, err, `reaching Temporal at 127.0.0.1:9, namespace "sms": start a server there (temporal server start-dev), or set TEMPORAL_ADDRESS`)

	lazy, err := connect.Lazy(o)
	require.NoError(t, err, "it starts without a server")
	defer lazy.Close()
	require.ErrorContains(t, connect.Check(ctx, lazy, o), "reaching Temporal at 127.0.0.1:9")
}

// TestNoKey: where the key is kept elsewhere and cannot be had, nobody is sent to
// look for a server.
func TestNoKey(t *testing.T) {
	t.Parallel()
	absent := secrets.Keep("/temporal/api-key", func(context.Context) (string, error) {
		return "", errors.New("reading parameter /temporal/api-key: AWS did not answer in time")
	}, quiet())
	o, err := connect.Options(quiet(), env("TEMPORAL_ADDRESS", nowhere, "TEMPORAL_NAMESPACE", "sms"), absent)
	require.NoError(t, err)
	require.NotNil(t, o.ConnectionOptions.TLS, "as with a key that is set")
	const want = `reaching Temporal at 127.0.0.1:9, namespace "sms": the API key is not known: reading parameter /temporal/api-key: AWS did not answer in time`
	_, err = connect.Dial(t.Context(), o)
	require.EqualError(t, err, want)

	lazy, err := connect.Lazy(o)
	require.NoError(t, err)
	defer lazy.Close()
	require.EqualError(t, connect.Check(t.Context(), lazy, o), want)

	o, err = connect.Options(quiet(), env("TEMPORAL_TLS", "false"), absent)
	require.NoError(t, err)
	require.Nil(t, o.ConnectionOptions.TLS, "said so")
}

func TestServerThatDoesNotAgreeOnTLS(t *testing.T) {
	t.Parallel()
	withTLS := httptest.NewUnstartedServer(http.NotFoundHandler())
	withTLS.EnableHTTP2 = true
	withTLS.Config.ErrorLog = log.New(io.Discard, "", 0)
	withTLS.StartTLS()
	t.Cleanup(withTLS.Close)
	without := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(without.Close)

	for name, vars := range map[string][]string{
		"it wants TLS":                     {"TEMPORAL_ADDRESS", withTLS.Listener.Addr().String()},
		"its authority is not known":       {"TEMPORAL_ADDRESS", withTLS.Listener.Addr().String(), "TEMPORAL_TLS", "true"},
		"it has no TLS, and we have a key": {"TEMPORAL_ADDRESS", without.Listener.Addr().String(), "TEMPORAL_API_KEY", "key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := connect.Options(quiet(), env(vars...), nil)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()

			_, err = connect.Dial(ctx, o)
			require.ErrorContains(t, err, "something answers there, but TLS fails, or it is no Temporal server; check TEMPORAL_TLS, TEMPORAL_TLS_* and TEMPORAL_API_KEY, which turns TLS on")
		})
	}
}

// servers are the programs that act as a development server here: ours, and
// Temporal's own command line.
func servers(t *testing.T) map[string]string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts real servers")
	}
	found := map[string]string{}
	for name, path := range map[string]string{"devserver": "../../.bin/devserver", "temporal": os.Getenv("TEMPORAL_CLI_PATH")} {
		if _, err := os.Stat(path); err == nil && path != "" {
			found[name] = path
		}
	}
	if len(found) == 0 {
		t.Skip("no server to be found: make .bin/devserver, or set TEMPORAL_CLI_PATH")
	}
	return found
}

func TestRealServer(t *testing.T) {
	t.Parallel()
	for name, path := range servers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
				ExistingPath: path, LogLevel: "error",
				ClientOptions: &client.Options{Logger: sdklog.NewStructuredLogger(quiet())},
			})
			require.NoError(t, err)
			t.Cleanup(func() { server.Client().Close(); _ = server.Stop() })

			o, err := connect.Options(quiet(), env("TEMPORAL_ADDRESS", server.FrontendHostPort()), nil)
			require.NoError(t, err)
			c, err := connect.Dial(t.Context(), o)
			require.NoError(t, err)
			t.Cleanup(c.Close)

			elsewhere := o
			elsewhere.Namespace = "elsewhere"
			_, err = connect.Dial(t.Context(), elsewhere)
			require.ErrorContains(t, err, `namespace "elsewhere": it has no such namespace; create it (temporal operator namespace create -n elsewhere), or set TEMPORAL_NAMESPACE`)

			// Two workers that start at the same moment.
			type result struct {
				registered bool
				command    string
				err        error
			}
			results := make(chan result, 2)
			for range 2 {
				go func() {
					registered, command, err := connect.EnsureSearchAttributes(t.Context(), c, o.Namespace)
					results <- result{registered, command, err}
				}()
			}
			for range 2 {
				require.Equal(t, result{registered: true}, <-results)
			}
			listed, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: o.Namespace})
			require.NoError(t, err)
			require.Subset(t, listed.GetCustomAttributes(), map[string]enums.IndexedValueType{
				"ParleyState":          enums.INDEXED_VALUE_TYPE_KEYWORD,
				"ParleyNeedsAttention": enums.INDEXED_VALUE_TYPE_BOOL,
				"ParleyScript":         enums.INDEXED_VALUE_TYPE_KEYWORD_LIST,
			})
			registered, command, err := connect.EnsureSearchAttributes(t.Context(), c, o.Namespace)
			require.Equal(t, result{registered: true}, result{registered, command, err})
		})
	}
}
