package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/types/known/durationpb"

	"parley/activities"
	conversations "parley/conversation/client"
	"parley/conversation/engine"
	"parley/conversation/wire"
	"parley/internal/connect"
	"parley/internal/settings"
	"parley/sms"
	"parley/workflows"
)

// parley runs the command line.
func parley(t *testing.T, env settings.Env, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return parleyReading(t, env, "", args...)
}

func parleyReading(t *testing.T, env settings.Env, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, complaints bytes.Buffer
	code = run(t.Context(), args, env, strings.NewReader(stdin), &out, &complaints)
	require.NotContains(t, complaints.String(), "rpc error")
	require.NotContains(t, complaints.String(), "goroutine")
	if code == 0 {
		require.Empty(t, complaints.String())
	} else {
		require.Equal(t, 1, strings.Count(complaints.String(), "\n"), "one line: %s", complaints.String())
	}
	return out.String(), complaints.String(), code
}

// devserver is one real Temporal server for all tests. Each has a namespace of
// its own: a search would come across conversations whose worker has stopped.
var devserver = sync.OnceValues(func() (*testsuite.DevServer, error) {
	const path = "../.bin/devserver"
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath: path, LogLevel: "never", Stdout: io.Discard, Stderr: io.Discard,
		ClientOptions: &client.Options{Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))},
	})
})

const queue = "parley" // as by default

func TestMain(m *testing.M) {
	code := m.Run()
	if server, err := devserver(); err == nil && server != nil {
		server.Client().Close()
		_ = server.Stop()
	}
	os.Exit(code)
}

// world is one installation: a namespace on the server, and a carrier.
type world struct {
	t        *testing.T
	env      settings.Env
	temporal client.Client
	reach    conversations.Client
	settings wire.Settings
	carrier  *carrier
	archive  activities.Archive
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := newBareWorld(t, true)
	w.settings.SearchAttributes = true
	return w
}

// newBareWorld is an installation whose conversations set no search attributes,
// whether or not they are registered.
func newBareWorld(t *testing.T, registered bool) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real server")
	}
	server, err := devserver()
	require.NoError(t, err)
	if server == nil {
		t.Skip(".bin/devserver is missing: run make build")
	}
	name := newNamespace(t, server.Client())
	temporal, err := client.Dial(client.Options{
		HostPort: server.FrontendHostPort(), Namespace: name, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	if registered {
		done, _, err := connect.EnsureSearchAttributes(t.Context(), temporal, name)
		require.NoError(t, err)
		require.True(t, done)
	}
	return &world{
		t:        t,
		env:      settings.Env{"TEMPORAL_CONFIG_FILE": os.DevNull, "TEMPORAL_ADDRESS": server.FrontendHostPort(), "TEMPORAL_NAMESPACE": name, "TEMPORAL_UI": "http://ui"},
		temporal: temporal,
		reach:    conversations.Client{Temporal: temporal, TaskQueue: queue},
		settings: wire.DefaultSettings(),
		carrier:  &carrier{},
	}
}

// newNamespace makes a namespace and waits until the server knows it everywhere.
func newNamespace(t *testing.T, temporal client.Client) string {
	t.Helper()
	name := strings.ToLower(t.Name() + "-" + rand.Text()[:6])
	_, err := temporal.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := temporal.CountWorkflow(context.Background(), &workflowservice.CountWorkflowExecutionsRequest{Namespace: name})
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	return name
}

// work runs a worker until stop is called, or the test ends.
func (w *world) work() (stop func()) {
	w.t.Helper()
	worker := worker.New(w.temporal, queue, worker.Options{})
	engine.Register(worker, &engine.Toolkit{
		Settings: w.settings,
		Scripts:  conversations.TemporalScripts{Client: w.temporal, TaskQueue: queue, Known: workflows.Names()},
	})
	conversations.Telling{Teller: w.reach}.Register(worker)
	workflows.Register(worker)
	worker.RegisterActivity(&activities.Messaging{Carrier: w.carrier})
	worker.RegisterActivity(&activities.Responder{})
	worker.RegisterActivity(activities.Services{}.TellService)
	worker.RegisterActivity(&activities.Archives{Archive: w.archive})
	require.NoError(w.t, worker.Start())
	stop = sync.OnceFunc(worker.Stop)
	w.t.Cleanup(stop)
	return stop
}

// link is where a workflow of this world is seen.
func (w *world) link(id string) string {
	return "http://ui/namespaces/" + w.env["TEMPORAL_NAMESPACE"] + "/workflows/" + id
}

// does runs a command that must succeed and returns what it printed.
func (w *world) does(args ...string) string {
	w.t.Helper()
	stdout, stderr, code := parley(w.t, w.env, args...)
	require.Equal(w.t, 0, code, stderr)
	return stdout
}

// fails runs a command that must not succeed and returns its complaint.
func (w *world) fails(code int, args ...string) string {
	w.t.Helper()
	stdout, stderr, got := parley(w.t, w.env, args...)
	require.Equal(w.t, code, got, stdout+stderr)
	return stderr
}

// waits runs a command in the background, and hands on what it printed.
func (w *world) waits(args ...string) <-chan string {
	printed := make(chan string, 1)
	out := &announcing{begun: make(chan struct{})}
	go func() {
		run(w.t.Context(), args, w.env, strings.NewReader(""), out, out)
		printed <- out.text.String()
	}()
	<-out.begun // it has found the workflow, and waits for its end from here on
	return printed
}

// announcing tells when something is printed for the first time.
type announcing struct {
	text  bytes.Buffer
	once  sync.Once
	begun chan struct{}
}

func (a *announcing) Write(p []byte) (int, error) {
	defer a.once.Do(func() { close(a.begun) })
	return a.text.Write(p)
}

// eventually repeats a command until its output holds the words.
func (w *world) eventually(words string, args ...string) (stdout string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		stdout, _, _ = parley(w.t, w.env, args...)
		return strings.Contains(stdout, words)
	}, time.Minute, 50*time.Millisecond, "%v never printed %q", args, words)
	return stdout
}

// texts lets the contact write.
func (w *world) texts(contact sms.Number, id, text string) {
	w.t.Helper()
	e, err := wire.InboundEvent(sms.Inbound{ID: id, From: contact, Kind: sms.KindText, Text: text, AcceptedAt: time.Now()}, time.Now())
	require.NoError(w.t, err)
	require.NoError(w.t, w.reach.Tell(w.t.Context(), contact, "", e))
}

// delivered lets the carrier report a message as delivered.
func (w *world) delivered(contact sms.Number, messageID string) {
	w.t.Helper()
	w.reports(sms.Receipt{MessageID: messageID, To: contact, Status: sms.StatusDelivered})
}

// reports lets the carrier report on a message.
func (w *world) reports(r sms.Receipt) {
	w.t.Helper()
	r.At = time.Now()
	e, err := wire.ReceiptEvent(r, time.Now())
	require.NoError(w.t, err)
	require.NoError(w.t, w.reach.Tell(w.t.Context(), r.To, "", e))
}

// keeps gives the installation an archive.
func (w *world) keeps() {
	w.t.Helper()
	w.env["PARLEY_ARCHIVE_DIR"] = w.t.TempDir()
	archive, err := settings.Archive{ArchiveDir: w.env["PARLEY_ARCHIVE_DIR"]}.OpenArchive("")
	require.NoError(w.t, err)
	w.archive, w.settings.Archive = archive, true
}

// forgotten is another installation with the same archive: Temporal has nothing
// left there of what was said.
func (w *world) forgotten() *world {
	w.t.Helper()
	other := newWorld(w.t)
	other.env["PARLEY_ARCHIVE_DIR"] = w.env["PARLEY_ARCHIVE_DIR"]
	other.archive, other.settings = w.archive, w.settings
	return other
}

// says sends a text and waits until the carrier has it; it returns its key.
func (w *world) says(contact sms.Number, text string) (key string) {
	w.t.Helper()
	key = unmarshal[sent](w.t, w.does("send", string(contact), text, "--json")).MessageKey
	w.sentBy(contact, key)
	return key
}

// sentBy waits until the carrier has a message, and returns it.
func (w *world) sentBy(contact sms.Number, key string) (m wire.Message) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		state, err := w.reach.State(w.t.Context(), contact, "")
		if found := conversations.Pick(state, func(m wire.Message) bool { return m.Key == key }); err == nil && found != nil {
			m = *found
		}
		return m.MessageID != ""
	}, time.Minute, 20*time.Millisecond)
	return m
}

func unmarshal[T any](t *testing.T, printed string) T {
	t.Helper()
	var v T
	decoder := json.NewDecoder(strings.NewReader(printed))
	require.NoError(t, decoder.Decode(&v), printed)
	require.False(t, decoder.More(), "one JSON value: %s", printed)
	return v
}

// carrier takes every text, or none.
type carrier struct {
	mu      sync.Mutex
	refuses bool // for good, because of the text
	denies  bool // because of the account
	took    []sms.Outbound
}

func (c *carrier) set(change func(*carrier)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *carrier) Send(_ context.Context, m sms.Outbound) (sms.Accepted, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses {
		return sms.Accepted{}, &sms.SendError{Doubt: sms.Refused, Code: "PERMISSION_DENIED"}
	}
	if c.denies {
		return sms.Accepted{}, &sms.SendError{Doubt: sms.Denied, Code: "FORBIDDEN"}
	}
	c.took = append(c.took, m)
	return sms.Accepted{MessageID: messageIDOf(m.To, len(c.took)), At: time.Now()}, nil
}

func (c *carrier) Find(context.Context, sms.Search) (sms.Finding, error) {
	return sms.Finding{}, nil
}

// sent are the words that the carrier took.
func (c *carrier) sent() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	words := []string{}
	for _, m := range c.took {
		words = append(words, m.Text)
	}
	return words
}

// id is the carrier's id of the message with a key.
func (c *carrier) id(key string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.took, func(m sms.Outbound) bool { return m.Key == key })
	return messageIDOf(c.took[i].To, i+1)
}

func messageIDOf(to sms.Number, n int) string {
	return fmt.Sprintf("01%s%d", strings.TrimPrefix(string(to), "+"), n) + "M"
}
