package test

import (
	"archive/zip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/secrets/parameterstest"
	"parley/internal/stack"
	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

// frozen is for a look at what only time brings about, such as gRPC's own timers.
var frozen = flag.Duration("frozen", 0, "how long a Lambda function is frozen at least, such as 4m")

// lambda is what a function stands on: a server, and no worker.
type lambda struct {
	t        *testing.T
	dir      string
	port     int
	server   *stack.Process
	starts   int
	temporal client.Client

	parameters *parameterstest.Store
}

// newLambda starts a server that keeps its state when it is started again.
func newLambda(t *testing.T) *lambda {
	t.Helper()
	l := &lambda{t: t, dir: t.TempDir(), port: e2e.FreePort(t), parameters: parameterstest.Start(t, map[string]string{parameter: secret})}
	var err error
	l.temporal, err = client.NewLazyClient(client.Options{HostPort: l.address(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(func() {
		l.temporal.Close()
		l.stopServer()
	})
	return l
}

func (l *lambda) address() string { return fmt.Sprintf("127.0.0.1:%d", l.port) }

func (l *lambda) startServer() {
	l.t.Helper()
	l.starts++
	var err error
	l.server, err = stack.Run(fmt.Sprint("devserver-", l.starts), filepath.Join(e2e.Bin, "devserver"), l.dir, nil,
		"--port", fmt.Sprint(l.port), "--headless", "--log-level", "error", "--db-filename", filepath.Join(l.dir, "temporal.db"))
	require.NoError(l.t, err)
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	require.NoError(l.t, l.server.Await(ctx, func(ctx context.Context) bool {
		_, err := l.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "begun", TaskQueue: "nobody's"}, "Any") // it takes work
		return err == nil
	}))
}

func (l *lambda) stopServer() {
	l.t.Helper()
	if l.server != nil {
		require.NoError(l.t, l.server.Stop())
	}
	l.server = nil
}

const parameter = "/sinch/conversation-webhook-secret"

// settings are the variables of deploy/lambda/template.yaml, and what leads to the
// parameter store instead of AWS's.
func (l *lambda) settings() map[string]string {
	settings := l.parameters.Environment()
	maps.Copy(settings, map[string]string{
		"TEMPORAL_ADDRESS": l.address(), "SINCH_APP_ID": sinchtest.DefaultAppID, "SINCH_SMS_SENDER": string(ours),
		"SINCH_WEBHOOK_SECRET_PARAM": parameter, "SINCH_WEBHOOK_TOLERANCE": "24h", "PARLEY_LOG_FORMAT": "json",
	})
	return settings
}

func (l *lambda) start() *function {
	l.t.Helper()
	return startFunction(l.t, filepath.Join(e2e.Bin, "webhook"), l.settings())
}

// told are the texts that a contact's conversation was told of, in order.
func (l *lambda) told(contact sms.Number) []string {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	var texts []string
	history := l.temporal.GetWorkflowHistory(ctx, wire.ID(contact, ""), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(l.t, err)
		signaled := event.GetWorkflowExecutionSignaledEventAttributes()
		if signaled == nil {
			continue
		}
		var envelope wire.Envelope
		require.NoError(l.t, converter.GetDefaultDataConverter().FromPayloads(signaled.GetInput(), &envelope))
		var in sms.Inbound
		require.NoError(l.t, json.Unmarshal(envelope.Body, &in))
		texts = append(texts, in.Text)
	}
	return texts
}

// callback is a text of a contact, signed as Sinch does.
func callback(id string, from sms.Number, text string) []byte {
	body := []byte(e2e.Inbound(id, from, ours, text, time.Now()))
	return eventOf(signedCallback(body, secret, time.Now()), body, false)
}

func signedCallback(body []byte, secret string, at time.Time) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/webhooks/sinch", nil)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	sinch.SignHeader(r.Header, secret, body, at)
	return r
}

const (
	acceptedBody = `{"result":"accepted"}`
	lastAnswer   = 8 * time.Second // the webhook gives up after four; the machine may be busy
)

func requireAccepted(t *testing.T, r reply) {
	t.Helper()
	require.Equal(t, http.StatusOK, r.Status, r.Body)
	require.JSONEq(t, acceptedBody, r.Body)
}

func TestLambda(t *testing.T) {
	t.Parallel()
	l := newLambda(t)
	l.startServer()
	f := l.start()
	const contact sms.Number = "+15559876601"

	first, _ := f.invoke(callback("01LAMBDA1", contact, "Hi!"))
	t.Logf("from its start to its first answer: %s", time.Since(f.begun).Round(time.Millisecond))
	requireAccepted(t, first)
	require.Equal(t, "application/json", first.Headers["Content-Type"])
	require.Equal(t, []string{"Hi!"}, l.told(contact))

	second, took := f.invoke(callback("01LAMBDA2", contact, "And another"))
	t.Logf("its second answer, in the same process: %s", took.Round(time.Millisecond))
	requireAccepted(t, second)

	// Bytes as they are, in base64: of them the signature is.
	body := []byte(e2e.Inbound("01LAMBDA3", contact, ours, "Grüße 👋 — é", time.Now()) + "\n")
	encoded, _ := f.invoke(eventOf(signedCallback(body, secret, time.Now()), body, true))
	requireAccepted(t, encoded)

	for range 3 {
		repeated, _ := f.invoke(eventOf(signedCallback(body, secret, time.Now()), body, true))
		requireAccepted(t, repeated)
	}
	require.Equal(t, []string{"Hi!", "And another", "Grüße 👋 — é"}, l.told(contact), "a repeat costs no line of history")

	f.signal(syscall.SIGTERM)
	select {
	case <-f.ended:
		require.NoError(t, f.err)
	case <-time.After(patience):
		t.Fatal("SIGTERM does not end it")
	}
}

// TestLambdaAnswersAsTheServer asks both the same, and compares what a caller sees.
func TestLambdaAnswersAsTheServer(t *testing.T) {
	t.Parallel()
	l := newLambda(t)
	l.startServer()
	f := l.start()
	settings := l.settings()
	port := e2e.FreePort(t)
	at := fmt.Sprintf("http://127.0.0.1:%d", port)
	settings["PARLEY_WEBHOOK_ADDR"], settings["PARLEY_METRICS_ADDR"] = fmt.Sprintf("127.0.0.1:%d", port), "off"
	server, err := stack.Run("webhook", filepath.Join(e2e.Bin, "webhook"), l.dir, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, server.Await(ctx, func(ctx context.Context) bool { return stack.Answers(ctx, at+"/healthz") }))

	text := []byte(e2e.Inbound("01LAMBDA", "+15559876602", ours, "Hi!", time.Now()))
	other := []byte(e2e.Inbound("01LAMBDA", "+15559876602", ours2, "Hi!", time.Now()))
	of := func(body []byte, secret string, age time.Duration) http.Header {
		return signedCallback(body, secret, time.Now().Add(-age)).Header
	}
	large := []byte(strings.Repeat("x", 256<<10+1))
	tests := []struct {
		name, method, path string
		header             http.Header
		body               []byte
		want               int
	}{
		{"a text", "POST", "/webhooks/sinch", of(text, secret, 0), text, 200},
		{"a text, hours old", "POST", "/webhooks/sinch", of(text, secret, 23*time.Hour), text, 200},
		{"a text to our other number", "POST", "/webhooks/sinch", of(other, secret, 0), other, 200},
		{"to the other path", "POST", "/webhooks/sinch/receipts", of(text, secret, 0), text, 200},
		{"of another app", "POST", "/webhooks/sinch", of([]byte(`{"app_id":"x"}`), secret, 0), []byte(`{"app_id":"x"}`), 200},
		{"unsigned", "POST", "/webhooks/sinch", nil, text, 401},
		{"wrong signature", "POST", "/webhooks/sinch", of(text, "another", 0), text, 401},
		{"stale", "POST", "/webhooks/sinch", of(text, secret, 25*time.Hour), text, 401},
		{"not JSON", "POST", "/webhooks/sinch", of([]byte("Hi!"), secret, 0), []byte("Hi!"), 400},
		{"too large", "POST", "/webhooks/sinch", of(large, secret, 0), large, 413},
		{"the wrong method", "GET", "/webhooks/sinch", nil, nil, 405},
		{"nowhere", "GET", "/favicon.ico?x=1", nil, nil, 404},
		{"the API", "POST", "/messages", nil, []byte("{}"), 404},
		{"metrics", "GET", "/metrics", nil, nil, 404},
		{"alive", "GET", "/healthz", nil, nil, 200},
		{"ready", "GET", "/readyz", nil, nil, 200},
	}
	compare := func(t *testing.T, r *http.Request, body []byte, want int) {
		t.Helper()
		served, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		words, err := io.ReadAll(served.Body)
		require.NoError(t, err)
		require.NoError(t, served.Body.Close())
		require.Equal(t, want, served.StatusCode, "%s", words)
		for _, inBase64 := range []bool{false, true} {
			got, _ := f.invoke(eventOf(r, body, inBase64))
			require.Equal(t, want, got.Status, got.Body)
			require.JSONEq(t, string(words), got.Body)
			for _, name := range []string{"Content-Type", "Retry-After", "Allow"} {
				require.Equal(t, served.Header.Get(name), got.Headers[name], name)
			}
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			compare(t, request(t, tt.method, at+tt.path, tt.header, tt.body), tt.body, tt.want)
		})
	}
	t.Run("Temporal is away", func(t *testing.T) {
		l.stopServer()
		compare(t, request(t, "POST", at+"/webhooks/sinch", of(text, secret, 0), text), text, 503)
	})
}

// TestLambdaBeginsWithoutTemporal: its first callback is refused for now, not
// for good, and the next is taken once the server is there.
func TestLambdaBeginsWithoutTemporal(t *testing.T) {
	t.Parallel()
	l := newLambda(t)
	f := l.start()
	const contact sms.Number = "+15559876603"

	refused, took := f.invoke(callback("01LAMBDA1", contact, "Hi!"))
	require.Equal(t, http.StatusServiceUnavailable, refused.Status)
	require.NotEmpty(t, refused.Headers["Retry-After"])
	require.Less(t, took, lastAnswer)

	l.startServer()
	require.Eventually(t, func() bool { // gRPC tries the address again within seconds
		taken, _ := f.invoke(callback("01LAMBDA1", contact, "Hi!"))
		return taken.Status == http.StatusOK
	}, patience, 100*time.Millisecond)
	require.Equal(t, []string{"Hi!"}, l.told(contact))
}

// TestLambdaWithoutItsKeys: what is to be encrypted is not taken until it can be.
func TestLambdaWithoutItsKeys(t *testing.T) {
	t.Parallel()
	l := newLambda(t)
	l.startServer()
	settings := l.settings()
	settings["PARLEY_ENCRYPTION_KEYS_PARAM"] = "/parley/encryption-keys"
	f := startFunction(t, filepath.Join(e2e.Bin, "webhook"), settings)
	const contact sms.Number = "+15559876608"

	refused, took := f.invoke(callback("01LAMBDA1", contact, "Hi!"))
	require.Equal(t, http.StatusServiceUnavailable, refused.Status)
	require.Less(t, took, lastAnswer)
	_, err := conversations.Describe(t.Context(), l.temporal, wire.ID(contact, ""), "")
	require.Error(t, err, "nothing was written")

	l.parameters.Put("/parley/encryption-keys", newKeys(t, "first")[0])
	require.Eventually(t, func() bool {
		taken, _ := f.invoke(callback("01LAMBDA1", contact, "Hi!"))
		return taken.Status == http.StatusOK
	}, patience, time.Second)
	history := l.temporal.GetWorkflowHistory(t.Context(), wire.ID(contact, ""), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	signals := 0
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		if signaled := event.GetWorkflowExecutionSignaledEventAttributes(); signaled != nil {
			signals++
			require.True(t, encryption.IsEncrypted(signaled.GetInput().GetPayloads()[0]))
		}
	}
	require.Equal(t, 1, signals)
}

// TestLambdaIsFrozen: Lambda stops a process between two callbacks, and the
// server may be another one by the second.
func TestLambdaIsFrozen(t *testing.T) {
	t.Parallel()
	l := newLambda(t)
	l.startServer()
	f := l.start()
	const contact sms.Number = "+15559876604"
	before, _ := f.invoke(callback("01LAMBDA1", contact, "Hi!"))
	requireAccepted(t, before)

	f.signal(syscall.SIGSTOP)
	l.stopServer()
	l.startServer()
	time.Sleep(*frozen)
	f.signal(syscall.SIGCONT)

	after, took := f.invoke(callback("01LAMBDA2", contact, "Still there?"))
	t.Logf("its first answer after that: %s", took.Round(time.Millisecond))
	requireAccepted(t, after)
	require.Less(t, took, lastAnswer)
	require.Equal(t, []string{"Hi!", "Still there?"}, l.told(contact))
}

// TestLambdaConnectionIsForgotten: while a process is frozen, what is between it
// and the server forgets the connection, and swallows what is sent there.
func TestLambdaConnectionIsForgotten(t *testing.T) {
	t.Parallel()
	l := newLambda(t)
	l.startServer()
	between := newRouter(t, l.address())
	settings := l.settings()
	settings["TEMPORAL_ADDRESS"] = between.address
	f := startFunction(t, filepath.Join(e2e.Bin, "webhook"), settings)
	const contact sms.Number = "+15559876605"
	before, _ := f.invoke(callback("01LAMBDA1", contact, "Hi!"))
	requireAccepted(t, before)

	for _, id := range []string{"01LAMBDA2", "01LAMBDA3"} {
		f.signal(syscall.SIGSTOP)
		between.forget()
		time.Sleep(max(*frozen, 6*time.Second)) // nobody forgets at once
		f.signal(syscall.SIGCONT)

		after, took := f.invoke(callback(id, contact, id))
		t.Logf("its first answer after that: %d, %s", after.Status, took.Round(time.Millisecond))
		require.Less(t, took, lastAnswer)
		if after.Status == http.StatusServiceUnavailable { // the machine is busy: Sinch calls again
			after, _ = f.invoke(callback(id, contact, id))
		}
		requireAccepted(t, after)
	}
	require.Equal(t, []string{"Hi!", "01LAMBDA2", "01LAMBDA3"}, l.told(contact))
}

// TestLambdaSecretIsReplaced: no callback is lost, and no function starts again.
func TestLambdaSecretIsReplaced(t *testing.T) {
	t.Parallel()
	l := newLambda(t)
	l.startServer()
	l.parameters.Fail(parameterstest.Refuse(http.StatusInternalServerError, "InternalServerError"))
	f := l.start()
	const contact sms.Number = "+15559876607"
	callback := func(id, secret string) []byte {
		body := []byte(e2e.Inbound(id, contact, ours, id, time.Now()))
		return eventOf(signedCallback(body, secret, time.Now()), body, false)
	}
	r, took := f.invoke(callback("01LAMBDA1", secret))
	require.Equal(t, http.StatusServiceUnavailable, r.Status, "nothing is refused that cannot be checked")
	require.Less(t, took, lastAnswer)
	l.parameters.Fail(nil)
	r, _ = f.invoke(callback("01LAMBDA1", secret))
	requireAccepted(t, r)

	l.parameters.Put(parameter, "another")
	r, _ = f.invoke(callback("01LAMBDA2", "another"))
	requireAccepted(t, r)
	r, _ = f.invoke(callback("01LAMBDA3", secret))
	require.Equal(t, http.StatusUnauthorized, r.Status)
	require.Equal(t, []string{"01LAMBDA1", "01LAMBDA2"}, l.told(contact))
}

// TestLambdaIsObserved: what a function counts leaves before it is frozen.
func TestLambdaIsObserved(t *testing.T) {
	t.Parallel()
	c, url := collect(t)
	l := newLambda(t)
	l.startServer()
	settings := l.settings()
	settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
	f := startFunction(t, filepath.Join(e2e.Bin, "webhook"), settings)
	r, _ := f.invoke(callback("01LAMBDA1", "+15559876608", "Hi!"))
	requireAccepted(t, r)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	require.True(t, c.metrics["parley_callbacks"])
	require.True(t, slices.ContainsFunc(c.spans, func(s *tracepb.Span) bool { return s.GetName() == "callback" }))
}

// A router is between a function and the server.
type router struct {
	address string
	server  string
	mutex   sync.Mutex
	lost    chan struct{} // closed when it forgets the connections that it has
}

func newRouter(t *testing.T, server string) *router {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	r := &router{address: listener.Addr().String(), server: server, lost: make(chan struct{})}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go r.connect(t.Context(), from)
		}
	}()
	return r
}

func (r *router) connect(ctx context.Context, from net.Conn) {
	r.mutex.Lock()
	lost := r.lost
	r.mutex.Unlock()
	to, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.server)
	if err != nil {
		_ = from.Close()
		return
	}
	pass := func(to, from net.Conn) {
		packet := make([]byte, 32<<10)
		for {
			n, err := from.Read(packet)
			select {
			case <-lost: // nobody hears of it, and no connection ends
				if err != nil {
					return
				}
				continue
			default:
			}
			if err != nil {
				_ = to.Close()
				return
			}
			if _, err := to.Write(packet[:n]); err != nil {
				_ = from.Close()
				return
			}
		}
	}
	go pass(to, from)
	pass(from, to)
}

// forget makes it swallow what comes on the connections that there are.
func (r *router) forget() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	close(r.lost)
	r.lost = make(chan struct{})
}

// TestLambdaPackage starts what make lambda has built, as often as it takes to
// say how long a first callback waits.
func TestLambdaPackage(t *testing.T) {
	t.Parallel()
	packed := filepath.Join(e2e.Bin, "lambda", "webhook-"+runtime.GOARCH+".zip")
	about, err := os.Stat(packed)
	if err != nil || about.ModTime().Before(e2e.Must(os.Stat(filepath.Join(e2e.Bin, "webhook"))).ModTime()) {
		t.Skip("there is no package of this program: run make lambda")
	}
	archive, err := zip.OpenReader(packed)
	require.NoError(t, err)
	require.Len(t, archive.File, 1)
	raw, err := archive.Open("bootstrap")
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "bootstrap")
	file, err := os.OpenFile(program, os.O_CREATE|os.O_WRONLY, archive.File[0].Mode())
	require.NoError(t, err)
	_, err = io.Copy(file, raw)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, archive.Close())

	l := newLambda(t)
	l.startServer()
	const contact sms.Number = "+15559876606"
	var first, later []time.Duration
	for i := range 5 {
		f := startFunction(t, program, l.settings())
		r, _ := f.invoke(callback(fmt.Sprint("01LAMBDA", i), contact, "Hi!"))
		requireAccepted(t, r)
		first = append(first, time.Since(f.begun))
		r, took := f.invoke(callback(fmt.Sprint("02LAMBDA", i), contact, "Hi!"))
		requireAccepted(t, r)
		later = append(later, took)
	}
	slices.Sort(first)
	slices.Sort(later)
	t.Logf("from its start to its first answer: %s at the median, %s at most; a later answer: %s at the median",
		first[2].Round(time.Millisecond), first[4].Round(time.Millisecond), later[2].Round(time.Millisecond))
}
