package tracing

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// watched are traces that end here.
func watched(t *testing.T) (Traces, func() []sdk.ReadOnlySpan) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	traces := with(exporter, "test")
	t.Cleanup(traces.Stop)
	return traces, func() []sdk.ReadOnlySpan {
		traces.Flush(t.Context())
		return exporter.GetSpans().Snapshots()
	}
}

func attributes(s sdk.ReadOnlySpan) map[string]string {
	all := map[string]string{}
	for _, a := range s.Attributes() {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

func TestACallersTraceIsOnlyLinkedTo(t *testing.T) {
	t.Parallel()
	traces, spans := watched(t)
	header := http.Header{"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}} // which says: do not sample
	_, span := traces.Begin(t.Context(), "callback", header)
	span.Set("kind", "MESSAGE_INBOUND", "reason", "", "contact", "+15559876543")
	span.End()
	_, span = traces.Begin(t.Context(), "callback", http.Header{"Traceparent": {"nonsense"}})
	span.End()

	all := spans()
	require.Len(t, all, 2)
	require.Equal(t, map[string]string{"kind": "MESSAGE_INBOUND", "contact": "+1•••543"}, attributes(all[0]))
	require.NotEqual(t, "0af7651916cd43dd8448eb211c80319c", all[0].SpanContext().TraceID().String())
	require.Len(t, all[0].Links(), 1)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", all[0].Links()[0].SpanContext.TraceID().String())
	require.Empty(t, all[1].Links())
}

func TestRequestsOfOurs(t *testing.T) {
	t.Parallel()
	traces, spans := watched(t)
	statuses := []int{200, 404, 0}
	transport := traces.Transport("carrier")(roundTripper(func(*http.Request) (*http.Response, error) {
		status := statuses[0]
		statuses = statuses[1:]
		if status == 0 {
			return nil, errors.New("dial tcp: no route to +15559876543")
		}
		return &http.Response{StatusCode: status, Body: http.NoBody}, nil
	}))
	for range 3 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://carrier.example/projects/s3cret", http.NoBody)
		require.NoError(t, err)
		response, err := transport.RoundTrip(request)
		if err == nil {
			require.NoError(t, response.Body.Close())
		}
	}
	all := spans()
	require.Len(t, all, 3)
	require.Equal(t, "carrier POST", all[0].Name())
	require.Equal(t, map[string]string{"http.response.status_code": "200"}, attributes(all[0]))
	require.Equal(t, codes.Unset, all[0].Status().Code)
	require.Equal(t, codes.Error, all[1].Status().Code)
	require.Equal(t, sdk.Status{Code: codes.Error, Description: "no answer"}, all[2].Status())
}

func TestNoTraces(t *testing.T) {
	t.Parallel()
	var none Traces
	ctx, span := none.Begin(t.Context(), "callback", nil)
	span.Set("a", "b")
	Current(ctx).Set("a", "b")
	Current(context.Background()).Set("a", "b")
	span.End()
	none.Flush(ctx)
	none.Stop()
	require.NotNil(t, none.Activities())
}
