// Package test plays Parley end to end: the real programs as processes, a real
// Temporal server, real HTTP with real signatures. Only Sinch and the phones
// are simulated.
package test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"google.golang.org/grpc"

	"parley/conversation"
	"parley/internal/encryption"
	"parley/internal/secrets"
	"parley/internal/stack"
	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

const (
	secret   = "test-secret"
	apiToken = "test-token"

	patience = 3 * time.Minute // with what always happens; the machine may be busy

	ours  sms.Sender = "+12065550100" // the default sender
	ours2 sms.Sender = "+12065550101"
)

// bin is where make builds the programs.
var bin = must(filepath.Abs("../.bin"))

// programs are all that were started, by whichever test.
var programs struct {
	mu      sync.Mutex
	started []*stack.Process
}

// TestMain leaves no program behind when the tests are interrupted: each has a
// process group of its own, so that Ctrl-C does not reach it.
func TestMain(m *testing.M) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		programs.mu.Lock() // and nothing more is started
		for _, p := range programs.started {
			p.Kill()
		}
		os.Exit(1)
	}()
	os.Exit(m.Run())
}

// world is one installation of Parley, with its own server and carrier.
type world struct {
	t         *testing.T
	dir       string
	settings  map[string]string
	sim       *sinchtest.Server
	temporal  client.Client
	namespace string
	metrics   string // the server's
	hook      string // the webhook's public URL
	api       string // its API
	doors     []door
	webhooks  crew
	worker    crew
	workers   int
	started   []*stack.Process
	args      []string // of the server
}

// A crew is the same program, as often as it runs.
type crew []*stack.Process

// Kill ends all of them at once, as a crash would.
func (c crew) Kill() {
	for _, p := range c {
		p.Kill()
	}
}

type option func(*world, *sinchtest.Options)

func setting(name, value string) option {
	return func(w *world, _ *sinchtest.Options) { w.settings[name] = value }
}

// server gives the server flags of its own.
func server(args ...string) option {
	return func(w *world, _ *sinchtest.Options) { w.args = append(w.args, args...) }
}

// newWorld starts a server, a carrier, a webhook and a worker.
func newWorld(t *testing.T, options ...option) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), namespace: client.DefaultNamespace}
	w.planDoors()

	sim := sinchtest.Options{
		Senders:    []sms.Sender{ours, ours2},
		Webhooks:   []sinchtest.Webhook{{Target: w.hook, Secret: secret}},
		RetryScale: 0.02, // 100 ms, 200 ms, 400 ms …
	}
	w.settings = map[string]string{
		"SINCH_PROJECT_ID":        sinchtest.DefaultProjectID,
		"SINCH_APP_ID":            sinchtest.DefaultAppID,
		"SINCH_SMS_SENDER":        string(ours) + "," + string(ours2),
		"SINCH_ACCESS_KEY":        "key",
		"SINCH_ACCESS_KEY_SECRET": "key-secret",
		"SINCH_WEBHOOK_SECRET":    secret,
		"PARLEY_API_TOKEN":        apiToken,
		"PARLEY_LOG_FORMAT":       "text",
		"PARLEY_METRICS_ADDR":     "127.0.0.1:0",
	}
	for _, o := range options {
		o(w, &sim)
	}
	if outside != "" && len(w.args) > 0 {
		t.Skipf("the server is not ours to start with %q", w.args)
	}
	w.sim = sinchtest.New(sim)
	listener := httptest.NewServer(w.sim)
	w.settings["SINCH_API_URL"], w.settings["SINCH_AUTH_URL"] = listener.URL, listener.URL

	t.Cleanup(func() {
		w.sim.Close()
		listener.Close()
		w.stop()
	})

	w.connect()
	w.startWebhooks()
	w.startWorker()
	return w
}

func (w *world) startWebhooks() {
	w.t.Helper()
	began := len(w.started)
	w.webhooks = nil
	for i, d := range w.doors {
		settings := maps.Clone(w.settings)
		settings["PARLEY_WEBHOOK_ADDR"], settings["PARLEY_API_ADDR"] = d.hook, d.api
		w.webhooks = append(w.webhooks, w.run(fmt.Sprintf("webhook-%d-%d", i+1, began), "webhook", settings))
	}
	for i, d := range w.doors {
		w.await(w.webhooks[i], func(ctx context.Context) bool { return stack.Answers(ctx, "http://"+d.hook+"/readyz") })
	}
}

// A door is where one webhook listens.
type door struct{ hook, api string }

// planDoors plans where the webhooks listen, and where the world finds them.
func (w *world) planDoors() {
	var hooks, apis []string
	for range copies() {
		d := door{hook: address(w.t), api: address(w.t)}
		w.doors, hooks, apis = append(w.doors, d), append(hooks, d.hook), append(apis, d.api)
	}
	w.hook, w.api = "http://"+w.inTurn(hooks)+"/webhooks/sinch", "http://"+w.inTurn(apis)
}

// connect starts a server, unless there is one, and makes sure that it serves.
func (w *world) connect() {
	w.t.Helper()
	w.settings["TEMPORAL_ADDRESS"], w.metrics = outside, outsideMetrics
	var started *stack.Process
	var err error
	if outside == "" {
		port, metricsPort := freePort(w.t), freePort(w.t)
		w.settings["TEMPORAL_ADDRESS"], w.metrics = fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("http://127.0.0.1:%d/metrics", metricsPort)
		args := append([]string{"--port", fmt.Sprint(port), "--metrics-port", fmt.Sprint(metricsPort), "--log-level", "error"}, w.args...)
		if !slices.Contains(args, "--ui-port") {
			args = append(args, "--headless")
		}
		started = w.run("devserver", "devserver", nil, args...)
	} else {
		w.namespace, err = stack.NewNamespace(w.ctx(), outside, w.t.Name())
		require.NoError(w.t, err)
	}
	w.settings["TEMPORAL_NAMESPACE"] = w.namespace
	options := client.Options{
		HostPort:          w.settings["TEMPORAL_ADDRESS"],
		Namespace:         w.namespace,
		Logger:            log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{conversation.RequestIDs()}},
	}
	if entries := w.settings["PARLEY_ENCRYPTION_KEYS"]; entries != "" {
		keys, err := encryption.Open(slog.New(slog.DiscardHandler), secrets.Fixed(entries))
		require.NoError(w.t, err)
		encryption.Apply(&options, keys)
	}
	w.temporal, err = client.NewLazyClient(options)
	require.NoError(w.t, err)
	w.t.Cleanup(w.temporal.Close)
	if started != nil {
		w.await(started, func(ctx context.Context) bool {
			_, err := w.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: w.namespace})
			return err == nil
		})
	}
}

func (w *world) run(name, program string, settings map[string]string, args ...string) *stack.Process {
	w.t.Helper()
	path := filepath.Join(bin, program)
	if _, err := os.Stat(path); err != nil {
		w.t.Fatalf("%s is missing: run make build", path)
	}
	programs.mu.Lock()
	defer programs.mu.Unlock()
	p, err := stack.Run(name, path, w.dir, settings, args...)
	require.NoError(w.t, err)
	programs.started = append(programs.started, p)
	w.started = append(w.started, p)
	return p
}

// stop ends every program as an operator would, and looks at what they logged.
func (w *world) stop() {
	for _, p := range slices.Backward(w.started) {
		select {
		case <-p.Done(): // the test ended it
		default:
			if err := p.Stop(); err != nil {
				w.t.Errorf("stopping %s: %v", p.Name, err)
			}
		}
	}
	w.searchLogs()
	if !w.t.Failed() {
		return
	}
	for _, p := range w.started {
		log, _ := os.ReadFile(p.Log)
		w.t.Logf("%s said:\n%s", p.Name, tail(log, 15))
	}
}

func (w *world) await(p *stack.Process, ready func(context.Context) bool) {
	w.t.Helper()
	require.NoError(w.t, p.Await(w.ctx(), ready))
}

func (w *world) startWorker() {
	w.t.Helper()
	w.worker = nil
	for range copies() {
		w.workers++
		w.worker = append(w.worker, w.run(fmt.Sprint("worker-", w.workers), "worker", w.settings))
	}
	for _, p := range w.worker {
		w.await(p, func(context.Context) bool { return p.Said("msg=ready") })
	}
}

func (w *world) stopWorker() {
	w.t.Helper()
	for _, p := range w.worker {
		require.NoError(w.t, p.Stop())
	}
}

// ctx bounds a wait generously: the machine may be busy.
func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// receives waits until a phone has received a text that contains the words.
func (w *world) receives(number sms.Number, words string) sinchtest.Message {
	w.t.Helper()
	m, err := w.sim.WaitForText(w.ctx(), number, words)
	require.NoError(w.t, err, "waiting for %q; the phone has %q", words, texts(w.sim.Phone(number).Messages()))
	return m
}

// text writes from a phone and waits for the webhook's 200.
func (w *world) text(from sms.Number, words string) sinchtest.Message {
	w.t.Helper()
	m, err := w.sim.WaitAcknowledged(w.ctx(), w.sim.Text(from, "", words))
	require.NoError(w.t, err)
	return m
}

// post sends a callback of our own making and returns the status.
func (w *world) post(body string) int {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.ctx(), http.MethodPost, w.hook, strings.NewReader(body))
	require.NoError(w.t, err)
	sinch.SignHeader(request.Header, secret, []byte(body), time.Now())
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	return response.StatusCode
}

// inbound is the callback of a text, as Sinch would send it.
func inbound(id string, from sms.Number, to sms.Sender, text string, at time.Time) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"app_id":%q,"accepted_time":%q,"project_id":%q,"message":{"id":%q,"direction":"TO_APP","contact_message":{"text_message":{"text":%s}},
		"channel_identity":{"channel":"SMS","identity":%q,"app_id":""},"conversation_id":"","contact_id":"","metadata":"","accept_time":%q,"sender_id":%q,"processing_mode":"DISPATCH"}}`,
		sinchtest.DefaultAppID, at.Format(time.RFC3339Nano), sinchtest.DefaultProjectID, id, quoted, strings.TrimPrefix(string(from), "+"), at.Format(time.RFC3339Nano), strings.TrimPrefix(string(to), "+"))
}

// message asks for a text through the API.
func (w *world) message(to sms.Number, text, key string) int {
	w.t.Helper()
	body, _ := json.Marshal(map[string]any{"to": to, "message": text})
	request, err := http.NewRequestWithContext(w.ctx(), http.MethodPost, w.api+"/messages", bytes.NewReader(body))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+apiToken)
	request.Header.Set("Idempotency-Key", key)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	if response.StatusCode >= 300 {
		w.t.Logf("POST /messages: %s", answer)
	}
	return response.StatusCode
}

// start starts a script with hand-written JSON, as the CLI or UI would.
func (w *world) start(id, script, input string) client.WorkflowRun {
	w.t.Helper()
	run, err := w.temporal.ExecuteWorkflow(w.ctx(), client.StartWorkflowOptions{ID: id, TaskQueue: "parley"}, script, json.RawMessage(input))
	require.NoError(w.t, err)
	return run
}

func (w *world) client() conversation.Client {
	return conversation.Client{Temporal: w.temporal, TaskQueue: "parley", IDs: w.ids()}
}

// ids are made as the programs make them.
func (w *world) ids() conversation.IDs {
	key := w.settings["PARLEY_ID_KEY"]
	if key == "" {
		return conversation.IDs{}
	}
	return conversation.KeyedIDs(must(base64.StdEncoding.DecodeString(key)))
}

func (w *world) state(contact sms.Number) conversation.State {
	w.t.Helper()
	ctx := w.ctx()
	state, err := w.client().State(ctx, contact, "")
	for tookLong(err) && ctx.Err() == nil { // one call waits ten seconds, and we for longer
		state, err = w.client().State(ctx, contact, "")
	}
	require.NoError(w.t, err)
	return state
}

// tookLong says that there was no answer in the time of one call.
func tookLong(err error) bool {
	_, byServer := errors.AsType[*serviceerror.DeadlineExceeded](err)
	return byServer || errors.Is(err, context.DeadlineExceeded)
}

// eventually waits for what no message tells.
func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	require.Eventually(w.t, condition, patience, 20*time.Millisecond, what)
}

// searchLogs looks for every phone's number in every log.
func (w *world) searchLogs() {
	logs, err := filepath.Glob(filepath.Join(w.dir, "*.log"))
	require.NoError(w.t, err)
	require.NotEmpty(w.t, logs)
	for _, name := range logs {
		log, err := os.ReadFile(name)
		require.NoError(w.t, err)
		for _, number := range w.sim.Phones() {
			digits := strings.TrimPrefix(string(number), "+")
			if i := bytes.Index(log, []byte(digits)); i >= 0 {
				w.t.Errorf("%s holds a contact's number: …%s…", filepath.Base(name), log[max(0, i-200):min(len(log), i+50)])
			}
		}
	}
}

// texts are the words of what we sent.
func texts(messages []sinchtest.Message) []string {
	var words []string
	for _, m := range messages {
		if m.Direction == sinchtest.ToContact {
			words = append(words, m.Text)
		}
	}
	return words
}

func address(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", freePort(t))
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := stack.Port(0)
	require.NoError(t, err)
	return port
}

// tail is the end of a log, without the callbacks that went well.
func tail(log []byte, lines int) []byte {
	split := slices.DeleteFunc(bytes.Split(log, []byte("\n")), func(line []byte) bool { return bytes.Contains(line, []byte("msg=callback")) })
	return bytes.Join(split[max(0, len(split)-lines):], []byte("\n"))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
