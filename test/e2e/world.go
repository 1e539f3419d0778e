// Package e2e is what end-to-end tests happen in: the real programs as
// processes, a real Temporal server, real HTTP with real signatures. Only Sinch
// and the phones are simulated.
package e2e

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

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/internal/secrets"
	"parley/internal/stack"
	"parley/sinch"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// What every world has.
const (
	Secret   = "test-secret" // of the webhook
	APIToken = "test-token"

	Patience = 3 * time.Minute // with what always happens; the machine may be busy

	Ours  sms.Sender = "+12065550100" // the default sender
	Ours2 sms.Sender = "+12065550101"
)

// Bin is where make builds the programs.
var Bin = filepath.Join(root(), ".bin")

// root is the folder of this module, above the one that a test runs in.
func root() string {
	dir := Must(os.Getwd())
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// programs are all that were started, by whichever test.
var programs struct {
	mu      sync.Mutex
	started []*stack.Process
}

// Main runs a package's tests, and leaves no program behind when the tests are interrupted: each has a
// process group of its own, so that Ctrl-C does not reach it.
func Main(m *testing.M) {
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

// A World is one installation of Parley, with its own server and carrier.
type World struct {
	T         *testing.T
	Dir       string
	Settings  map[string]string
	Sim       *sinchtest.Server
	Temporal  client.Client
	Namespace string
	Metrics   string // the server's
	Hook      string // the webhook's public URL
	API       string // its API
	Doors     []Door
	Webhooks  Crew
	Worker    Crew
	Workers   int
	Started   []*stack.Process
	args      []string // of the server
}

// A Crew is the same program, as often as it runs.
type Crew []*stack.Process

// Kill ends all of them at once, as a crash would.
func (c Crew) Kill() {
	for _, p := range c {
		p.Kill()
	}
}

// An Option changes a world before it starts.
type Option func(*World, *sinchtest.Options)

// Setting gives all programs a setting of their own.
func Setting(name, value string) Option {
	return func(w *World, _ *sinchtest.Options) { w.Settings[name] = value }
}

// Server gives the server flags of its own.
func Server(args ...string) Option {
	return func(w *World, _ *sinchtest.Options) { w.args = append(w.args, args...) }
}

// In is the world with its failures reported by a subtest.
func (w *World) In(t *testing.T) *World {
	t.Helper()
	copied := *w
	copied.T = t
	return &copied
}

// New starts a server, a carrier, a webhook and a worker.
func New(t *testing.T, options ...Option) *World {
	t.Helper()
	w := &World{T: t, Dir: t.TempDir(), Namespace: client.DefaultNamespace}
	w.planDoors()

	sim := sinchtest.Options{
		Senders:    []sms.Sender{Ours, Ours2},
		Webhooks:   []sinchtest.Webhook{{Target: w.Hook, Secret: Secret}},
		RetryScale: 0.02, // 100 ms, 200 ms, 400 ms …
	}
	w.Settings = map[string]string{
		"SINCH_PROJECT_ID":        sinchtest.DefaultProjectID,
		"SINCH_APP_ID":            sinchtest.DefaultAppID,
		"SINCH_SMS_SENDER":        string(Ours) + "," + string(Ours2),
		"SINCH_ACCESS_KEY":        "key",
		"SINCH_ACCESS_KEY_SECRET": "key-secret",
		"SINCH_WEBHOOK_SECRET":    Secret,
		"PARLEY_API_TOKEN":        APIToken,
		"PARLEY_LOG_FORMAT":       "text",
		"PARLEY_METRICS_ADDR":     "127.0.0.1:0",
	}
	for _, o := range options {
		o(w, &sim)
	}
	if Outside != "" && len(w.args) > 0 {
		t.Skipf("the server is not ours to start with %q", w.args)
	}
	w.Sim = sinchtest.New(sim)
	listener := httptest.NewUnstartedServer(w.Sim)
	listener.Listener = sinchtest.Watch(listener.Config, listener.Listener)
	listener.Start()
	w.Settings["SINCH_API_URL"], w.Settings["SINCH_AUTH_URL"] = listener.URL, listener.URL

	t.Cleanup(func() {
		w.Sim.Close()
		listener.Close()
		w.Stop()
	})

	w.connect()
	w.StartWebhooks()
	w.StartWorker()
	return w
}

// StartWebhooks starts the webhooks, and waits until they reach Temporal.
func (w *World) StartWebhooks() {
	w.T.Helper()
	began := len(w.Started)
	w.Webhooks = nil
	for i, d := range w.Doors {
		settings := maps.Clone(w.Settings)
		settings["PARLEY_WEBHOOK_ADDR"], settings["PARLEY_API_ADDR"] = d.Hook, d.API
		w.Webhooks = append(w.Webhooks, w.Run(fmt.Sprintf("webhook-%d-%d", i+1, began), "webhook", settings))
	}
	for i, d := range w.Doors {
		w.Await(w.Webhooks[i], func(ctx context.Context) bool { return stack.Answers(ctx, "http://"+d.Hook+"/readyz") })
	}
}

// A Door is where one webhook listens.
type Door struct{ Hook, API string }

// planDoors plans where the webhooks listen, and where the world finds them.
func (w *World) planDoors() {
	var hooks, apis []string
	for range Copies() {
		d := Door{Hook: Address(w.T), API: Address(w.T)}
		w.Doors, hooks, apis = append(w.Doors, d), append(hooks, d.Hook), append(apis, d.API)
	}
	w.Hook, w.API = "http://"+w.InTurn(hooks)+"/webhooks/sinch", "http://"+w.InTurn(apis)
}

// connect starts a server, unless there is one, and makes sure that it serves.
func (w *World) connect() {
	w.T.Helper()
	w.Settings["TEMPORAL_ADDRESS"], w.Metrics = Outside, outsideMetrics
	var started *stack.Process
	var err error
	if Outside == "" {
		port, metricsPort := FreePort(w.T), FreePort(w.T)
		w.Settings["TEMPORAL_ADDRESS"], w.Metrics = fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("http://127.0.0.1:%d/metrics", metricsPort)
		args := append([]string{"--port", fmt.Sprint(port), "--metrics-port", fmt.Sprint(metricsPort), "--log-level", "error"}, w.args...)
		if !slices.Contains(args, "--ui-port") {
			args = append(args, "--headless")
		}
		started = w.Run("devserver", "devserver", nil, args...)
	} else {
		w.Namespace, err = stack.NewNamespace(w.Ctx(), Outside, w.T.Name())
		require.NoError(w.T, err)
	}
	w.Settings["TEMPORAL_NAMESPACE"] = w.Namespace
	options := client.Options{
		HostPort:          w.Settings["TEMPORAL_ADDRESS"],
		Namespace:         w.Namespace,
		Logger:            log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{conversations.RequestIDs()}},
	}
	if entries := w.Settings["PARLEY_ENCRYPTION_KEYS"]; entries != "" {
		keys, err := encryption.Open(slog.New(slog.DiscardHandler), secrets.Fixed(entries))
		require.NoError(w.T, err)
		encryption.Apply(&options, keys)
	}
	w.Temporal, err = client.NewLazyClient(options)
	require.NoError(w.T, err)
	w.T.Cleanup(w.Temporal.Close)
	if started != nil {
		w.Await(started, func(ctx context.Context) bool {
			_, err := w.Temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: w.Namespace})
			return err == nil
		})
	}
}

// Run starts a program, which the end of the test ends.
func (w *World) Run(name, program string, settings map[string]string, args ...string) *stack.Process {
	w.T.Helper()
	path := filepath.Join(Bin, program)
	if _, err := os.Stat(path); err != nil {
		w.T.Fatalf("%s is missing: run make build", path)
	}
	programs.mu.Lock()
	defer programs.mu.Unlock()
	p, err := stack.Run(name, path, w.Dir, settings, args...)
	require.NoError(w.T, err)
	programs.started = append(programs.started, p)
	w.Started = append(w.Started, p)
	return p
}

// Stop ends every program as an operator would, and looks at what they logged.
func (w *World) Stop() {
	for _, p := range slices.Backward(w.Started) {
		select {
		case <-p.Done(): // the test ended it
		default:
			if err := p.Stop(); err != nil {
				w.T.Errorf("stopping %s: %v", p.Name, err)
			}
		}
	}
	w.searchLogs()
	if !w.T.Failed() {
		return
	}
	for _, p := range w.Started {
		log, _ := os.ReadFile(p.Log)
		w.T.Logf("%s said:\n%s", p.Name, Tail(log, 15))
	}
}

// Await waits until a program is ready.
func (w *World) Await(p *stack.Process, ready func(context.Context) bool) {
	w.T.Helper()
	require.NoError(w.T, p.Await(w.Ctx(), ready))
}

// StartWorker starts new workers, which take the place of those before.
func (w *World) StartWorker() {
	w.T.Helper()
	w.Worker = nil
	for range Copies() {
		w.Workers++
		w.Worker = append(w.Worker, w.Run(fmt.Sprint("worker-", w.Workers), "worker", w.Settings))
	}
	for _, p := range w.Worker {
		w.Await(p, func(context.Context) bool { return p.Said("msg=ready") })
	}
}

// StopWorker ends the workers as an operator would.
func (w *World) StopWorker() {
	w.T.Helper()
	for _, p := range w.Worker {
		require.NoError(w.T, p.Stop())
	}
}

// Ctx bounds a wait generously: the machine may be busy.
func (w *World) Ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	w.T.Cleanup(cancel)
	return ctx
}

// Receives waits until a phone has received a text that contains the words.
func (w *World) Receives(number sms.Number, words string) sinchtest.Message {
	w.T.Helper()
	m, err := w.Sim.WaitForText(w.Ctx(), number, words)
	require.NoError(w.T, err, "waiting for %q; the phone has %q", words, Texts(w.Sim.Phone(number).Messages()))
	return m
}

// Text writes from a phone and waits for the webhook's 200.
func (w *World) Text(from sms.Number, words string) sinchtest.Message {
	w.T.Helper()
	m, err := w.Sim.WaitAcknowledged(w.Ctx(), w.Sim.Text(from, "", words))
	require.NoError(w.T, err)
	return m
}

// Post sends a callback of our own making and returns the status.
func (w *World) Post(body string) int {
	w.T.Helper()
	request, err := http.NewRequestWithContext(w.Ctx(), http.MethodPost, w.Hook, strings.NewReader(body))
	require.NoError(w.T, err)
	sinch.SignHeader(request.Header, Secret, []byte(body), time.Now())
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.T, err)
	require.NoError(w.T, response.Body.Close())
	return response.StatusCode
}

// Inbound is the callback of a text, as Sinch would send it.
func Inbound(id string, from sms.Number, to sms.Sender, text string, at time.Time) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"app_id":%q,"accepted_time":%q,"project_id":%q,"message":{"id":%q,"direction":"TO_APP","contact_message":{"text_message":{"text":%s}},
		"channel_identity":{"channel":"SMS","identity":%q,"app_id":""},"conversation_id":"","contact_id":"","metadata":"","accept_time":%q,"sender_id":%q,"processing_mode":"DISPATCH"}}`,
		sinchtest.DefaultAppID, at.Format(time.RFC3339Nano), sinchtest.DefaultProjectID, id, quoted, strings.TrimPrefix(string(from), "+"), at.Format(time.RFC3339Nano), strings.TrimPrefix(string(to), "+"))
}

// Message asks for a text through the API.
func (w *World) Message(to sms.Number, text, key string) int {
	w.T.Helper()
	body, _ := json.Marshal(map[string]any{"to": to, "message": text})
	request, err := http.NewRequestWithContext(w.Ctx(), http.MethodPost, w.API+"/messages", bytes.NewReader(body))
	require.NoError(w.T, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+APIToken)
	request.Header.Set("Idempotency-Key", key)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w.T, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(w.T, err)
	require.NoError(w.T, response.Body.Close())
	if response.StatusCode >= 300 {
		w.T.Logf("POST /messages: %s", answer)
	}
	return response.StatusCode
}

// Start starts a script with hand-written JSON, as the CLI or UI would.
func (w *World) Start(id, script, input string) client.WorkflowRun {
	w.T.Helper()
	run, err := w.Temporal.ExecuteWorkflow(w.Ctx(), client.StartWorkflowOptions{ID: id, TaskQueue: "parley"}, script, json.RawMessage(input))
	require.NoError(w.T, err)
	return run
}

// Client is a way in from outside, like that of the programs.
func (w *World) Client() conversations.Client {
	return conversations.Client{Temporal: w.Temporal, TaskQueue: "parley", IDs: w.IDs()}
}

// IDs are made as the programs make them.
func (w *World) IDs() wire.IDs {
	key := w.Settings["PARLEY_ID_KEY"]
	if key == "" {
		return wire.IDs{}
	}
	return wire.KeyedIDs(Must(base64.StdEncoding.DecodeString(key)))
}

// State is what a conversation says of itself.
func (w *World) State(contact sms.Number) wire.State {
	w.T.Helper()
	ctx := w.Ctx()
	state, err := w.Client().State(ctx, contact, "")
	for TookLong(err) && ctx.Err() == nil { // one call waits ten seconds, and we for longer
		state, err = w.Client().State(ctx, contact, "")
	}
	require.NoError(w.T, err)
	return state
}

// TookLong says that there was no answer in the time of one call.
func TookLong(err error) bool {
	_, byServer := errors.AsType[*serviceerror.DeadlineExceeded](err)
	return byServer || errors.Is(err, context.DeadlineExceeded)
}

// Eventually waits for what no message tells.
func (w *World) Eventually(what string, condition func() bool) {
	w.T.Helper()
	require.Eventually(w.T, condition, Patience, 20*time.Millisecond, what)
}

// searchLogs looks for every phone's number in every log.
func (w *World) searchLogs() {
	logs, err := filepath.Glob(filepath.Join(w.Dir, "*.log"))
	require.NoError(w.T, err)
	require.NotEmpty(w.T, logs)
	for _, name := range logs {
		log, err := os.ReadFile(name)
		require.NoError(w.T, err)
		for _, number := range w.Sim.Phones() {
			digits := strings.TrimPrefix(string(number), "+")
			if i := bytes.Index(log, []byte(digits)); i >= 0 {
				w.T.Errorf("%s holds a contact's number: …%s…", filepath.Base(name), log[max(0, i-200):min(len(log), i+50)])
			}
		}
	}
}

// Texts are the words of what we sent.
func Texts(messages []sinchtest.Message) []string {
	var words []string
	for _, m := range messages {
		if m.Direction == sinchtest.ToContact {
			words = append(words, m.Text)
		}
	}
	return words
}

// Address is one on loopback where nothing listens.
func Address(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", FreePort(t))
}

// FreePort is a port on loopback where nothing listens.
func FreePort(t *testing.T) int {
	t.Helper()
	port, err := stack.Port(0)
	require.NoError(t, err)
	return port
}

// Tail is the end of a log, without the callbacks that went well.
func Tail(log []byte, lines int) []byte {
	split := slices.DeleteFunc(bytes.Split(log, []byte("\n")), func(line []byte) bool { return bytes.Contains(line, []byte("msg=callback")) })
	return bytes.Join(split[max(0, len(split)-lines):], []byte("\n"))
}

// Must returns a value that can be had.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
