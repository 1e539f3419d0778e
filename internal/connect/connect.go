package connect

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/secrets"
	"parley/internal/settings"
)

// Options reads TEMPORAL_* and the profile file, as Temporal's command line
// does, and adds what conversations need. Address and namespace are filled in.
// key is the API key if that is kept elsewhere, or nil; one among TEMPORAL_* goes
// before it.
func Options(logger *slog.Logger, env settings.Env, key secrets.Value) (client.Options, error) {
	o, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: env})
	if err != nil {
		return client.Options{}, fmt.Errorf("reading TEMPORAL_* and Temporal's profile file: %w", err)
	}
	o.HostPort = cmp.Or(o.HostPort, client.DefaultHostPort)
	o.Namespace = cmp.Or(o.Namespace, client.DefaultNamespace)
	if key != nil && o.Credentials == nil {
		o.Credentials = client.NewAPIKeyDynamicCredentials(func(ctx context.Context) (string, error) {
			value, err := key.Get(ctx)
			if err != nil {
				err = fmt.Errorf("%s: %w", noKey, err)
			}
			return value, err
		})
		if o.ConnectionOptions.TLS == nil && !o.ConnectionOptions.TLSDisabled {
			o.ConnectionOptions.TLS = &tls.Config{MinVersion: tls.VersionTLS12} // as with a key among TEMPORAL_*
		}
	}
	o.ContextPropagators = append(o.ContextPropagators, wire.Traces())
	o.Logger = log.NewStructuredLogger(logger)
	// Our payloads are small: packing them takes a fifth of a worker's time, and makes
	// the server pack its answers.
	o.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	o.ConnectionOptions.DialOptions = append(o.ConnectionOptions.DialOptions, conversations.RequestIDs(), reconnecting())
	return o, nil
}

// reconnecting bounds how long the way stays closed once the server is back. The
// SDK's own bound is ten seconds, in which a webhook would refuse real texts.
func reconnecting() grpc.DialOption {
	pause := backoff.DefaultConfig
	pause.BaseDelay, pause.MaxDelay = 200*time.Millisecond, 2*time.Second
	return grpc.WithConnectParams(grpc.ConnectParams{Backoff: pause, MinConnectTimeout: 20 * time.Second})
}

// Dial connects, and makes sure that the server answers and has the namespace.
func Dial(ctx context.Context, o client.Options) (client.Client, error) {
	c, err := client.DialContext(ctx, o)
	if err != nil {
		return nil, explain(err, o)
	}
	if err := Check(ctx, c, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Lazy returns a client that connects when it is first used: for a process that
// must start although the server is away.
func Lazy(o client.Options) (client.Client, error) {
	c, err := client.NewLazyClient(o)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to Temporal at %s: %w", o.HostPort, err)
	}
	return c, nil
}

// Check asks whether the server answers and has the namespace.
func Check(ctx context.Context, c client.Client, o client.Options) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: o.Namespace})
	if err != nil {
		return explain(err, o)
	}
	return nil
}

// noKey begins an error about the API key where that is kept elsewhere. The SDK
// hands on the words of such an error, and not the error.
const noKey = "the API key is not known"

// explain says where we tried, and what a person can do.
func explain(err error, o client.Options) error {
	if at := strings.Index(err.Error(), noKey); at >= 0 {
		return fmt.Errorf("reaching Temporal at %s, namespace %q: %s", o.HostPort, o.Namespace, err.Error()[at:])
	}
	var (
		noNamespace *serviceerror.NamespaceNotFound
		notFound    *serviceerror.NotFound
		denied      *serviceerror.PermissionDenied
	)
	advice := "start a server there (temporal server start-dev), or set TEMPORAL_ADDRESS"
	switch {
	case errors.As(err, &noNamespace), errors.As(err, &notFound):
		advice = fmt.Sprintf("it has no such namespace; create it (temporal operator namespace create -n %s), or set TEMPORAL_NAMESPACE", o.Namespace)
	case isWrongTLS(err):
		advice = "something answers there, but TLS fails, or it is no Temporal server; check TEMPORAL_TLS, TEMPORAL_TLS_* and TEMPORAL_API_KEY, which turns TLS on"
	case errors.As(err, &denied), isUnauthenticated(err):
		advice = "it does not let us in; check TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_CERT_PATH and …_KEY_PATH, and TEMPORAL_NAMESPACE"
	}
	return fmt.Errorf("reaching Temporal at %s, namespace %q: %s: %w", o.HostPort, o.Namespace, advice, err)
}

// isWrongTLS says whether one side speaks TLS and the other does not, or does not
// trust the other. gRPC hands up no more of it than its words.
func isWrongTLS(err error) bool {
	return strings.Contains(err.Error(), "authentication handshake failed") || strings.Contains(err.Error(), "error reading server preface")
}
