package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"parley/conversation/wire"
	"parley/internal/connect"
	"parley/internal/encryption"
	"parley/internal/histories"
	"parley/internal/replay"
	"parley/internal/secrets/parameters"
	"parley/internal/settings"
	"parley/sms"
	"parley/workflows"
)

// replayCmd says which histories are replayed.
type replayCmd struct {
	Sample     int      `default:"20" placeholder:"N" help:"How many closed runs of each type, the newest. Default: ${default}."`
	Open       int      `default:"0" placeholder:"N" help:"At most so many open runs of each type, the newest. Default: all."`
	Query      string   `placeholder:"QUERY" help:"Only runs that this list filter finds, too."`
	WorkflowID []string `name:"workflow-id" sep:"none" placeholder:"ID" help:"All runs of this workflow id, and nothing else. May be repeated."`
	Pinned     bool     `help:"Also runs that are pinned to another deployment version, which this build will not be given."`
	From       string   `placeholder:"PATH" help:"Histories from a file, or from all *.json in a folder and below, instead of a server."`
	Save       string   `placeholder:"FOLDER" help:"Save the histories in a new folder, with texts, numbers and ids replaced, as test data."`
	Keep       []string `placeholder:"FIELD" help:"Fields, by their names in JSON, that hold nothing of a person and stay as they are when saved."`
	JSON       bool     `name:"json" help:"Print the report as JSON."`
}

const (
	replaysAtOnce = 4
	progressPause = 5 * time.Second
)

// replay runs histories through this build, and returns an error if one breaks.
func (c cli) replay(ctx context.Context, env settings.Env, stdout io.Writer, log *slog.Logger) error {
	options, err := c.replayOptions(ctx, log, env)
	if err != nil {
		return err
	}
	version, err := c.Version()
	if err != nil {
		return err
	}
	r := &rehearsal{replayCmd: c.Replay, own: version.DeploymentName + "." + version.BuildID, build: build(options), report: &replay.Report{}, log: log, rules: rules(options, c.Replay.Keep)}
	if c.Replay.Save != "" {
		if err := os.Mkdir(c.Replay.Save, 0o700); err != nil {
			return fmt.Errorf("making the folder to save in: %w; name one that does not exist yet", err)
		}
		defer func() { _ = os.Remove(c.Replay.Save) }() // only if nothing was saved
	}
	if c.Replay.From != "" {
		err = r.files(ctx)
	} else {
		err = r.server(ctx, options, c.TaskQueue)
	}
	if err != nil {
		return err
	}
	if err := r.print(stdout); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	if replayed, broken := r.report.Totals(); broken > 0 {
		first := r.report.First
		return fmt.Errorf("%d of %d would break on this build, the first is %s", broken, replayed, first.Name())
	}
	return nil
}

// replayOptions lead to the server. Nobody reads the metrics of so short a life.
func (c cli) replayOptions(ctx context.Context, log *slog.Logger, env settings.Env) (client.Options, error) {
	kept, err := parameters.Open(log, noop.Meter{})
	if err != nil {
		return client.Options{}, fmt.Errorf("preparing to read secrets: %w", err)
	}
	keys, err := encryption.Open(log, c.KeyRing(kept))
	if err != nil {
		return client.Options{}, err
	}
	if err := keys.Known(ctx); err != nil {
		return client.Options{}, fmt.Errorf("preparing to decrypt: %w", err)
	}
	options, err := connect.Options(log, env, c.APIKey(kept))
	encryption.ApplyToWorker(&options, keys)
	return options, err
}

// build is the worker as it would go on with histories: the same registrations,
// interceptors and converters. What only a first execution uses is left out.
func build(o client.Options) replay.Build {
	var p plan
	return replay.Build{
		Options: worker.WorkflowReplayerOptions{
			DataConverter: o.DataConverter, FailureConverter: o.FailureConverter, ContextPropagators: o.ContextPropagators,
			Interceptors: p.interceptors(wire.IDs{}),
		},
		Register: func(r worker.Registry) { p.registerConversations(r, nil, wire.IDs{}) },
	}
}

// rules know the fields of all that this worker registers.
func rules(o client.Options, keep []string) histories.Rules {
	fields := histories.Fields{}
	plan{}.registerConversations(histories.Registry{Fields: fields}, nil, wire.IDs{})
	plan{}.registerSending(histories.Registry{Fields: fields})
	for _, t := range []reflect.Type{
		reflect.TypeFor[wire.Envelope](), reflect.TypeFor[wire.SendRequest](), reflect.TypeFor[wire.Mend](), reflect.TypeFor[wire.Consent](),
		reflect.TypeFor[sms.Inbound](), reflect.TypeFor[sms.Receipt](),
	} {
		fields.Of(t)
	}
	reads := o.DataConverter
	if aware, ok := reads.(workflow.ContextAware); ok {
		reads = aware.WithContext(context.Background()) // as outside of workflow code
	}
	return histories.Rules{Fields: fields, Words: slices.Concat(workflows.Names(), workflows.Words), Keep: keep, Converter: reads}
}

// A rehearsal is one command's work.
type rehearsal struct {
	replayCmd
	build  replay.Build
	rules  histories.Rules
	report *replay.Report
	log    *slog.Logger
	own    string // the version of this build, if it has one

	done, all atomic.Int64
}

// types are what this build can run.
func types() []string { return slices.Concat([]string{wire.WorkflowType}, workflows.Names()) }

// server replays what runs on a server, and some of what ran.
func (r *rehearsal) server(ctx context.Context, o client.Options, queue string) error {
	temporal, err := connect.Dial(ctx, o)
	if err != nil {
		return err
	}
	defer temporal.Close()
	r.report.From = fmt.Sprintf("namespace %q at %s, task queue %q", o.Namespace, o.HostPort, queue)
	s := replay.Server{Temporal: temporal, TaskQueue: queue, Query: r.Query}
	runs, err := r.runs(ctx, s)
	if err != nil {
		return err
	}
	return r.each(ctx, len(runs), func(ctx context.Context, i int) error {
		run := runs[i]
		if run.Pinned != "" && run.Pinned != r.own && run.Open && !r.Pinned {
			r.report.Skip(run, "pinned to "+run.Pinned)
			return nil
		}
		h, err := s.History(ctx, run)
		switch {
		case errors.Is(err, replay.ErrGone):
			r.report.Skip(run, "deleted since it was listed")
			return nil
		case err != nil:
			return err
		}
		return r.one(i, run, "", h)
	})
}

// runs lists what to replay.
func (r *rehearsal) runs(ctx context.Context, s replay.Server) ([]replay.Run, error) {
	var runs []replay.Run
	for _, id := range r.WorkflowID {
		named, err := s.Named(ctx, id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, named...)
	}
	if len(r.WorkflowID) > 0 {
		return runs, nil
	}
	for _, t := range types() {
		open, err := s.Of(ctx, t, true, r.Open)
		if err != nil {
			return nil, err
		}
		runs = append(runs, open...)
		if r.Sample > 0 {
			closed, err := s.Of(ctx, t, false, r.Sample)
			if err != nil {
				return nil, err
			}
			runs = append(runs, closed...)
		}
		if r.report.Of(t).Elsewhere, err = s.Elsewhere(ctx, t); err != nil {
			return nil, err
		}
	}
	strangers, err := s.Strangers(ctx, append(types(), wire.KeyRecordType, wire.SuppressionType)) // records run no code
	return append(runs, strangers...), err
}

// files replays what was saved.
func (r *rehearsal) files(ctx context.Context) error {
	r.report.From = r.From
	var paths []string
	err := filepath.WalkDir(r.From, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (filepath.Ext(path) == ".json" || path == r.From) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("looking for histories: %w", err)
	}
	return r.each(ctx, len(paths), func(_ context.Context, i int) error {
		h, err := read(paths[i])
		if err != nil {
			return err
		}
		started := h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
		last := h.GetEvents()[len(h.GetEvents())-1]
		run := replay.Run{Type: started.GetWorkflowType().GetName(), WorkflowID: started.GetWorkflowId(), Open: !replay.Closes(last)}
		return r.one(i, run, paths[i], h)
	})
}

func read(path string) (*historypb.History, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a history: %w", err)
	}
	defer func() { _ = file.Close() }()
	h, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading %s: it is no history as temporal workflow show --output json writes it: %w", path, err)
	}
	if len(h.GetEvents()) == 0 || h.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes() == nil {
		return nil, fmt.Errorf("reading %s: it is no history from its first event on", path)
	}
	return h, nil
}

// each works on some histories at a time, so that few are in memory.
func (r *rehearsal) each(ctx context.Context, n int, work func(context.Context, int) error) error {
	r.all.Store(int64(n))
	told := make(chan struct{})
	defer close(told)
	go r.progress(told)
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(replaysAtOnce)
	for i := range n {
		if working.Err() != nil {
			break
		}
		group.Go(func() error {
			defer r.done.Add(1)
			return work(working, i)
		})
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

func (r *rehearsal) progress(until <-chan struct{}) {
	ticks := time.NewTicker(progressPause)
	defer ticks.Stop()
	for {
		select {
		case <-until:
			return
		case <-ticks.C:
			r.log.Info("replaying", "done", r.done.Load(), "of", r.all.Load())
		}
	}
}

func (r *rehearsal) one(place int, run replay.Run, file string, h *historypb.History) error {
	b := r.build.Replay(run.WorkflowID, run.RunID, h)
	r.report.Record(place, run, file, b)
	if b != nil || r.Save == "" {
		return nil
	}
	return r.save(place, run, file, h)
}

// save writes a history as a replay test reads it, unless what is left of it does
// not replay any more.
func (r *rehearsal) save(place int, run replay.Run, file string, h *historypb.History) error {
	anonymous, err := r.rules.Anonymous(h)
	if err != nil {
		r.report.Save(place, run, file, &replay.Break{What: "it could not be made anonymous: " + err.Error()})
		return nil
	}
	id := anonymous.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
	if b := r.build.Replay(id, "", anonymous); b != nil {
		b.What = "it could not be made anonymous, since it depends on its texts (name what holds nothing of a person by --keep): " + b.What
		r.report.Save(place, run, file, b)
		return nil
	}
	raw, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(anonymous)
	if err != nil {
		return fmt.Errorf("writing a history: %w", err)
	}
	path := filepath.Join(r.Save, fmt.Sprintf("%s-%04d.json", run.Type, place+1))
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("saving a history: %w", err)
	}
	_, err = out.Write(raw)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("saving a history: %w", err)
	}
	r.report.Save(place, run, file, nil)
	return nil
}

func (r *rehearsal) print(w io.Writer) error {
	if r.JSON {
		return r.report.WriteJSON(w)
	}
	return r.report.Write(w)
}
