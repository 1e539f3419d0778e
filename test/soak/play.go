package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// play is one run in one mode: load with faults, settling, judgement.
func play(ctx context.Context, o options) (v verdict, err error) {
	begun := time.Now()
	w, err := newWorld(ctx, o)
	defer func() { w.stop(len(v.broken) > 0 || err != nil) }()
	if err != nil {
		return verdict{}, err
	}
	fmt.Fprintf(o.progress, "soak: %s mode, seed %d, %s of load, logs in %s\n", o.mode, o.seed, o.duration, w.dir)

	p := newPopulation(w, o)
	loading, faultsOver := context.WithTimeout(ctx, o.duration)
	phones, phonesOff := context.WithCancel(ctx)
	var busy sync.WaitGroup
	defer busy.Wait()
	defer phonesOff()
	defer faultsOver()
	busy.Go(func() { w.watch(phones, p.receive(phones)) })
	busy.Go(func() { w.report(phones, o, begun) })
	w.faults(true)
	busy.Go(func() { p.live(loading, phones) })
	w.carryOut(loading, newPlan(o.seed, o.duration, o.with))
	<-loading.Done()
	p.polite.Store(true)
	w.faults(false)

	open, err := w.settle(ctx)
	if err != nil {
		return verdict{}, err
	}
	v = judge(w.evidence(o, p.quizzes()))
	v.open(open)
	v.Memory = w.strangers.most()
	v.Kills, v.Seed, v.Seconds, v.Mode = w.kills, o.seed, int(time.Since(begun).Seconds()), strings.ToLower(string(o.mode))
	for query, into := range map[string]*int{"ContinuedAsNew": &v.Continued, "Completed": &v.Closed} {
		if *into, err = w.count(ctx, fmt.Sprintf(`WorkflowType = "Conversation" AND ExecutionStatus = %q`, query)); err != nil {
			return verdict{}, err
		}
	}
	if o.private {
		sim := w.carrier.sim
		found, err := leaks(w.dir, personal(slices.Collect(maps.Values(p.contacts)), sim.Inbound(), sim.Sent()))
		if err != nil {
			return verdict{}, fmt.Errorf("searching for leaks: %w", err)
		}
		v.Leaks, v.examples["leaks"] = len(found), found
	}
	v.weigh(o.duration)
	v.logs = w.dir
	return v, nil
}

// report prints now and then how far it is.
func (w *world) report(ctx context.Context, o options, begun time.Time) {
	for sleep(ctx, 10*time.Second) {
		s := w.carrier.sim.Stats()
		fmt.Fprintf(o.progress, "soak: %4.0fs  %d texts in, %d acknowledged, %d sent\n", time.Since(begun).Seconds(), s.Inbound, s.Acknowledged, s.Sent)
	}
}

// A population is all contacts, and the scripts that were started for them.
type population struct {
	contacts map[sms.Number]*contact
	stoppers []*stopper // who are contacts too
	polite   atomic.Bool

	mu      sync.Mutex
	started []Quiz
}

func newPopulation(w *world, o options) *population {
	p := &population{contacts: map[sms.Number]*contact{}}
	for i := range o.contacts {
		c := newContact(i)
		c.seed, c.polite, c.idle = o.seed, &p.polite, idleAfter
		c.write = func(from sms.Number, to sms.Sender, words string) { w.carrier.sim.Text(from, to, words) }
		c.start = func(ctx context.Context, q Quiz) { p.start(ctx, w.temporal, q) }
		p.contacts[c.number] = c
	}
	if o.with[stopping] {
		for i := range max(1, o.contacts/3) {
			p.addStopper(w, o, maxContacts+i)
		}
	}
	return p
}

func (p *population) addStopper(w *world, o options, index int) {
	c := newContact(index)
	c.seed, c.polite, c.idle = o.seed, &p.polite, idleAfter
	c.write = func(from sms.Number, to sms.Sender, words string) { w.carrier.sim.Text(from, to, words) }
	c.start = func(ctx context.Context, q Quiz) { start(ctx, w.temporal, q) } // it may end in any way, and is not judged
	p.contacts[c.number] = c
	p.stoppers = append(p.stoppers, &stopper{
		contact: c, carrier: w.carrier,
		news: func(ctx context.Context, id, words string) {
			again(ctx, func(ctx context.Context) error {
				return w.conversations.Queue(ctx, c.number, theDefault, id, wire.SendRequest{Text: words})
			})
		},
		mend: func(ctx context.Context, id string) {
			again(ctx, func(ctx context.Context) error {
				return w.conversations.Retry(ctx, c.number, theDefault, id, wire.Mend{By: "the soak"})
			})
		},
	})
}

// again does something until it succeeds or ctx ends: the server may be away.
func again(ctx context.Context, do func(context.Context) error) {
	for {
		trying, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := do(trying)
		cancel()
		if err == nil || errors.Is(err, conversations.ErrClosed) || !sleep(ctx, 200*time.Millisecond) {
			return
		}
	}
}

// live lets all contacts live while the load is on. What they have begun goes
// on until their phones are off.
func (p *population) live(loading, phones context.Context) {
	var lives sync.WaitGroup
	stopping := map[*contact]bool{}
	for _, s := range p.stoppers {
		stopping[s.contact] = true
		lives.Go(func() { s.live(loading, phones) })
	}
	for _, c := range p.contacts {
		if !stopping[c] {
			lives.Go(func() { c.live(loading, phones) })
		}
	}
	lives.Wait()
	<-phones.Done()
	for _, c := range p.contacts {
		c.work.Wait()
	}
}

func (p *population) receive(ctx context.Context) func(sinchtest.Message) {
	return func(m sinchtest.Message) {
		if c := p.contacts[m.Phone]; c != nil {
			c.receive(ctx, m.Sender, m.Text)
		}
	}
}

// start starts a script that is judged.
func (p *population) start(ctx context.Context, temporal client.Client, q Quiz) {
	p.mu.Lock()
	p.started = append(p.started, q)
	p.mu.Unlock()
	start(ctx, temporal, q)
}

func start(ctx context.Context, temporal client.Client, q Quiz) {
	again(ctx, func(ctx context.Context) error {
		_, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: fmt.Sprint("quiz:", q.Script), TaskQueue: scriptQueue,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			// A killed worker's task begins again after this: before its conversation
			// may have closed and forgotten what it was told.
			WorkflowTaskTimeout: 3 * time.Second,
		}, quizType, q)
		return err
	})
}

func (p *population) quizzes() []Quiz {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.started)
}
