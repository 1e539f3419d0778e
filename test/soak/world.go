package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	conversations "parley/conversation/client"
	"parley/internal/connect"
	"parley/internal/settings"
	"parley/internal/stack"
	"parley/sinch/sinchtest"
)

const (
	conversationQueue = "parley"
	webhookSecret     = "soak-secret"

	// A closed conversation knows nothing: a callback or a script that comes
	// again must come before. Nothing here is repeated later than some seconds.
	idleAfter     = 12 * time.Second
	continueAfter = 15 // events: hardly more than a turn

	server = "server"
)

// workers serve conversations and send.
var workers = []string{"worker-1", "worker-2"}

// victims are the programs that are killed, besides the server.
var victims = []string{"worker-1", "worker-2", "worker-1", "worker-2", "webhook-1", "webhook-2", "scripts-1", "scripts-2"}

// A world is one installation, its carrier, and what the proof adds.
type world struct {
	dir           string // data and logs
	carrier       *carrier
	door          *door
	responder     *responder
	temporal      client.Client
	conversations conversations.Client
	namespace     string
	units         map[string]*unit
	strangers     *crowd
	kills         int

	running sync.WaitGroup
	stopped context.CancelFunc
	close   []func()
}

// newWorld makes one and returns when it works. What it returns has to be
// stopped, also with an error.
func newWorld(ctx context.Context, o options) (*world, error) {
	w := &world{units: map[string]*unit{}, responder: &responder{dice: dice(o.seed, "responder")}}
	programs := []string{"worker", "webhook"}
	if o.temporal == "" {
		programs = append(programs, "devserver")
	}
	for _, program := range programs {
		if _, err := os.Stat(filepath.Join(o.bin, program)); err != nil {
			return w, fmt.Errorf("%s is missing: run make build", filepath.Join(o.bin, program))
		}
	}
	var err error
	if w.dir, err = os.MkdirTemp("", "parley-soak-"); err != nil {
		return w, fmt.Errorf("making a folder: %w", err)
	}
	var hooks [2]string
	temporal, addresses := o.temporal, []*string{&hooks[0], &hooks[1]}
	w.namespace = client.DefaultNamespace
	if temporal == "" {
		addresses = append(addresses, &temporal)
	} else if w.namespace, err = stack.NewNamespace(ctx, temporal, "soak"); err != nil {
		return w, err
	}
	for _, address := range addresses {
		port, err := stack.Port(0)
		if err != nil {
			return w, err
		}
		*address = fmt.Sprintf("127.0.0.1:%d", port)
	}

	w.strangers = &crowd{addresses: map[string]string{"webhook-1": hooks[0], "webhook-2": hooks[1]}}
	w.door = newDoor(o.seed, w.temporalIsUp, hooks[:]...)
	doorURL, err := w.serve(w.door)
	if err != nil {
		return w, err
	}
	w.carrier = newCarrier(o, doorURL+"/webhooks/sinch", webhookSecret)
	carrierURL, err := w.serve(w.carrier)
	if err != nil {
		return w, err
	}
	responderURL, err := w.serve(w.responder)
	if err != nil {
		return w, err
	}
	connection, err := connect.Options(slog.New(slog.DiscardHandler), settings.Env{
		"TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": w.namespace, "TEMPORAL_CONFIG_FILE": filepath.Join(w.dir, "no-profile.toml"),
	}, nil)
	if err != nil {
		return w, err
	}
	env := settingsFor(o.mode, temporal, carrierURL, responderURL)
	env["TEMPORAL_NAMESPACE"] = w.namespace
	if o.private {
		env["PARLEY_ID_KEY"], env["PARLEY_ENCRYPTION_KEYS"] = privateIDKey, privateKeys
	}
	ids, err := private(env, false, &connection)
	if err != nil {
		return w, err
	}
	if w.temporal, err = connect.Lazy(connection); err != nil {
		return w, err
	}
	w.close = append(w.close, w.temporal.Close)
	w.conversations = conversations.Client{Temporal: w.temporal, TaskQueue: conversationQueue, IDs: ids}
	serves := func(ctx context.Context) bool { return connect.Check(ctx, w.temporal, connection) == nil }
	return w, w.start(ctx, o, env, hooks, serves)
}

// steady is how long the server runs before what is answered 503 has no excuse.
const steady = 15 * time.Second

func (w *world) temporalIsUp() bool {
	u := w.units[server]
	return u == nil || u.up(steady) // one that is not ours is never killed
}

// settingsFor are those that all programs share.
func settingsFor(mode sinchtest.Mode, temporal, carrierURL, responderURL string) map[string]string {
	s := map[string]string{
		"TEMPORAL_ADDRESS":        temporal,
		"SINCH_PROJECT_ID":        sinchtest.DefaultProjectID,
		"SINCH_APP_ID":            sinchtest.DefaultAppID,
		"SINCH_SMS_SENDER":        string(ours) + "," + string(ours2),
		"SINCH_ACCESS_KEY":        "key",
		"SINCH_ACCESS_KEY_SECRET": "key-secret",
		"SINCH_WEBHOOK_SECRET":    webhookSecret,
		"SINCH_API_URL":           carrierURL,
		"SINCH_AUTH_URL":          carrierURL,
		"SINCH_RECEIPTS":          "final",
		"PARLEY_DEVELOPMENT":      "true",
		"PARLEY_IDLE_AFTER":       idleAfter.String(),
		"PARLEY_CONTINUE_AFTER":   fmt.Sprint(continueAfter),
		"PARLEY_TEXTS_PER_HOUR":   "1000000",
		"PARLEY_RESPONDER_URL":    responderURL,
		"PARLEY_RESPONDER_TRIES":  "1s,5s,15s,30s,1m,1m,1m,1m,1m,1m", // outlasts the outage
		"PARLEY_METRICS_ADDR":     "127.0.0.1:0",
		"PARLEY_LOG_FORMAT":       "text",
	}
	if mode == sinchtest.Dispatch {
		// Without a list receipts are all that settles a doubt, so all of them count.
		s["SINCH_RECEIPTS"] = "all"
	}
	return s
}

// start starts all programs and returns when they work.
func (w *world) start(ctx context.Context, o options, common map[string]string, hooks [2]string, serves func(context.Context) bool) error {
	keeping, stopped := context.WithCancel(context.Background())
	w.stopped = stopped
	begin := func(name, program string, env map[string]string, args ...string) {
		u := &unit{name: name, run: func() (*stack.Process, error) { return stack.Run(name, program, w.dir, env, args...) }}
		w.units[name] = u
		w.running.Go(func() {
			if err := u.keep(keeping); err != nil {
				slog.Error("A program cannot be started", "name", name, "error", err)
			}
		})
	}
	if o.temporal == "" {
		_, port, err := net.SplitHostPort(common["TEMPORAL_ADDRESS"])
		if err != nil {
			return err
		}
		begin(server, filepath.Join(o.bin, "devserver"), nil,
			"--port", port, "--headless", "--log-level", "error", "--db-filename", filepath.Join(w.dir, "temporal.db"),
			"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=off")
	}
	if err := await(ctx, "the server", serves); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("looking for this program: %w", err)
	}
	for i, address := range hooks {
		begin(fmt.Sprint("worker-", i+1), filepath.Join(o.bin, "worker"), common)
		begin(fmt.Sprint("scripts-", i+1), self, common, scriptsCommand)
		env := maps.Clone(common)
		env["PARLEY_WEBHOOK_ADDR"] = address
		begin(fmt.Sprint("webhook-", i+1), filepath.Join(o.bin, "webhook"), env)
	}
	return w.awaitAll(ctx, hooks[:]...)
}

// awaitAll waits for the webhooks, and for somebody at each task queue.
func (w *world) awaitAll(ctx context.Context, hooks ...string) error {
	for _, address := range hooks {
		if err := await(ctx, "a webhook", func(ctx context.Context) bool { return stack.Answers(ctx, "http://"+address+"/readyz") }); err != nil {
			return err
		}
	}
	for _, queue := range []string{conversationQueue, scriptQueue} {
		if err := await(ctx, "a worker", func(ctx context.Context) bool { return w.polled(ctx, queue) }); err != nil {
			return err
		}
	}
	return nil
}

func await(ctx context.Context, what string, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !ready(ctx) {
		if !sleep(ctx, 50*time.Millisecond) {
			return fmt.Errorf("%s is not ready: %w", what, ctx.Err())
		}
	}
	return nil
}

// serve serves on loopback and returns the URL.
func (w *world) serve(h http.Handler) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listening on loopback: %w", err)
	}
	address := "http://" + listener.Addr().String()
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	listener = sinchtest.Watch(s, listener)
	w.running.Go(func() {
		if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("Serving ended", "error", err)
		}
	})
	w.close = append(w.close, func() { _ = s.Close() })
	return address, nil
}

// stop ends everything, and removes the folder unless it is to be kept.
func (w *world) stop(keep bool) {
	if w.carrier != nil {
		w.carrier.sim.Close()
	}
	if w.stopped != nil {
		w.stopped()
	}
	for _, f := range slices.Backward(w.close) {
		f()
	}
	w.running.Wait()
	if !keep && w.dir != "" {
		_ = os.RemoveAll(w.dir) // nobody needs it; what cannot be removed may stay
	}
}
