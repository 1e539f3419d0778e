package test

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"parley/internal/stack"
	"parley/sms"
	"parley/test/e2e"
)

// collector takes what OpenTelemetry sends.
type collector struct {
	mutex   sync.Mutex
	spans   []*tracepb.Span
	metrics map[string]bool
	raw     bytes.Buffer
}

func collect(t *testing.T) (*collector, string) {
	t.Helper()
	c := &collector{metrics: map[string]bool{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.raw.Write(body)
	switch r.URL.Path {
	case "/v1/traces":
		var request collectortrace.ExportTraceServiceRequest
		err = proto.Unmarshal(body, &request)
		for _, of := range request.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	case "/v1/metrics":
		var request collectormetrics.ExportMetricsServiceRequest
		err = proto.Unmarshal(body, &request)
		for _, of := range request.GetResourceMetrics() {
			for _, scope := range of.GetScopeMetrics() {
				for _, m := range scope.GetMetrics() {
					c.metrics[m.GetName()] = true
				}
			}
		}
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// trace returns the names of the spans that belong to the callback of a message,
// in the order in which they began.
func (c *collector) trace(messageID string) []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var id []byte
	for _, s := range c.spans {
		for _, a := range s.GetAttributes() {
			if a.GetKey() == "message_id" && a.GetValue().GetStringValue() == messageID {
				id = s.GetTraceId()
			}
		}
	}
	var spans []*tracepb.Span
	for _, s := range c.spans {
		if id != nil && bytes.Equal(s.GetTraceId(), id) {
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b *tracepb.Span) int { return cmp.Compare(a.GetStartTimeUnixNano(), b.GetStartTimeUnixNano()) })
	var names []string
	for _, s := range spans {
		names = append(names, s.GetName())
	}
	return names
}

// TestOneTrace: from the callback to the carrier's POST, for the responder's
// reply and for what a script says next; and nothing of it names anybody.
func TestOneTrace(t *testing.T) {
	t.Parallel()
	c, url := collect(t)
	w := newWorld(t, e2e.Setting("OTEL_EXPORTER_OTLP_ENDPOINT", url), e2e.Setting("OTEL_BSP_SCHEDULE_DELAY", "100"), e2e.Setting("OTEL_METRIC_EXPORT_INTERVAL", "200"))

	text := w.Text(bob, "Where is my order?")
	w.Receives(bob, youSaid("Where is my order?"))
	w.Eventually("the reply's trace", func() bool {
		return slices.Equal(slices.Compact(c.trace(text.ID)), []string{"callback", "HandleInboundMessage", "SendMessage", "carrier POST"}) // the first POST is for a token
	})

	w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	text = w.Text(ana, "Can we reschedule?")
	w.Receives(ana, "No problem. Harbor Dental will get in touch")
	w.Eventually("the answer's trace", func() bool {
		return slices.Equal(slices.Compact(c.trace(text.ID)), []string{"callback", "SendMessage", "carrier POST"})
	})

	w.Eventually("metrics of both programs", func() bool {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		return c.metrics["parley_callbacks"] && c.metrics["parley_sends"] && c.metrics["temporal_request"]
	})
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, private := range []string{string(ana[1:]), string(bob[1:]), "Where is my order", "reschedule", secret, "key-secret"} {
		require.False(t, bytes.Contains(c.raw.Bytes(), []byte(private)), private)
	}
}

var listening = regexp.MustCompile(`msg=listening for=metrics address=(\S+)`)

// page is what a program shows to Prometheus.
func (w *world) page(p *stack.Process) string {
	w.T.Helper()
	log, err := os.ReadFile(p.Log)
	require.NoError(w.T, err)
	match := listening.FindSubmatch(log)
	require.NotNil(w.T, match)
	request, err := http.NewRequestWithContext(w.Ctx(), http.MethodGet, "http://"+string(match[1])+"/metrics", nil)
	require.NoError(w.T, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.T, err)
	page, err := io.ReadAll(response.Body)
	require.NoError(w.T, err)
	require.NoError(w.T, response.Body.Close())
	return string(page)
}

// TestWhatIsCounted plays a little of everything, and reads both pages.
func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	if e2e.Copies() > 1 {
		t.Skip("each process counts what it does itself")
	}
	w := newWorld(t)
	w.Text(bob, "Where is my order?")
	w.Receives(bob, youSaid("Where is my order?"))
	w.Start("appointment:A-17", "AppointmentConfirmation", appointment(ana))
	w.Receives(ana, "Does that suit you?")
	w.Text(ana, "Can we reschedule?")
	w.Receives(ana, "No problem.")
	w.Text(bob, "STOP")
	w.Receives(bob, "You are unsubscribed")
	w.Text(bob, "But why?")
	w.Text(bob, "START")
	w.Receives(bob, "You are subscribed again.")
	require.Equal(t, http.StatusAccepted, w.Message(ana, "Your order has left.", "k-1"))
	w.Receives(ana, "Your order has left.")
	require.NoError(t, w.Temporal.SignalWorkflow(w.Ctx(), "conversation:"+string(ana), "", "event", "nonsense"))

	worker := []string{
		`parley_texts_handled_total{.*by="responder".*} 1`, `parley_texts_handled_total{.*by="script".*} 1`,
		`parley_texts_handled_total{.*by="keyword".*} 2`, `parley_texts_handled_total{.*by="nobody".*} 1`,
		`parley_reply_seconds_count{.*} 1`,
		`parley_sends_total{.*outcome="accepted",reason="".*} 6`,
		`parley_receipts_total{.*reason="",status="delivered".*} 6`,
		`parley_consents_total{.*change="out".*} 1`, `parley_consents_total{.*change="in".*} 1`,
		`parley_events_skipped_total{.*kind="unknown".*} 1`,
	}
	webhook := []string{
		`parley_callbacks_total{kind="MESSAGE_INBOUND",reason="",result="accepted"} 5`,
		`parley_message_requests_total{result="accepted"} 1`,
	}
	both := []string{
		`parley_task_queue_pollers{task_queue="parley",type="workflow"} 1`, `parley_task_queue_pollers{task_queue="parley",type="activity"} 1`,
		`parley_task_queue_backlog{task_queue="parley",type="activity"} 0`,
		`parley_conversations{state="open"} 2`, `parley_conversations{state="optedout"} 0`, `parley_conversations_attention 0`,
	}
	hook := w.Started[slices.IndexFunc(w.Started, func(p *stack.Process) bool { return strings.HasPrefix(p.Name, "webhook") })]
	for _, side := range []struct {
		program *stack.Process
		want    []string
	}{{w.Worker[0], slices.Concat(worker, both)}, {hook, slices.Concat(webhook, both)}} {
		var page string
		for _, want := range side.want {
			line := regexp.MustCompile(`(?m)^` + want + `$`)
			w.Eventually(side.program.Name+": "+want, func() bool {
				page = w.page(side.program)
				return line.MatchString(page)
			})
		}
		for _, number := range []sms.Number{ana, bob} {
			require.NotContains(t, page, string(number[1:]))
		}
		require.NotContains(t, page, "order")
	}
}
