package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/sms"
)

// sendsPerSecond is what a Sinch app sends by default.
const sendsPerSecond = 20

// turnFigures are what one installation does with texts that no script waits for.
type turnFigures struct {
	saturation  float64 // turns a second
	used        usage   // for one of them
	atTwenty    []time.Duration
	atHalf      []time.Duration
	acknowledge []time.Duration
	bare        []time.Duration // signal-with-start without a webhook
}

// turns measures (1) and (2).
func (b *bench) turns(ctx context.Context) error {
	fmt.Fprintf(b.out, "\n(1) A text in, the responder's reply out, its receipt in; (2) the webhook's answer.\n")
	half, err := b.half(ctx)
	if err != nil {
		return err
	}
	rows := []*row{
		{name: "turns/s at saturation", key: "turn_throughput", aim: 0.9, atLeast: true},
		{name: "ms to the carrier, 20/s, p50", key: "turn_20_p50", aim: 1.1},
		{name: "… p95", key: "turn_20_p95", aim: 1.2},
		{name: "… p99", key: "turn_20_p99"},
		{name: fmt.Sprintf("ms to the carrier, %.0f/s, p50", half), key: "turn_half_p50", aim: 1.1},
		{name: "… p95", key: "turn_half_p95", aim: 1.2},
	}
	for _, name := range partNames {
		rows = append(rows, &row{name: "processor ms each: " + name})
	}
	rows = append(rows, &row{name: "… all", key: "turn_processor"})
	figures := func(f turnFigures) []float64 {
		return append([]float64{
			f.saturation, percentile(50, f.atTwenty), percentile(95, f.atTwenty), percentile(99, f.atTwenty),
			percentile(50, f.atHalf), percentile(95, f.atHalf),
		}, f.used.milliseconds()...)
	}
	webhook := &row{name: "ms to acknowledge, 20/s, p50", key: "ack_p50", aim: 1.1}
	err = b.compare(ctx, comparison{floor: floorTurns, rounds: b.rounds, control: true, rows: rows, measure: func(ctx context.Context, s *side, round int) ([]float64, error) {
		f, err := b.turnRound(ctx, s, round, half)
		if s.kind == parley && err == nil {
			webhook.floor = append(webhook.floor, percentile(50, f.bare))
			webhook.parley = append(webhook.parley, percentile(50, f.acknowledge))
		}
		return figures(f), err
	}})
	if err != nil {
		return err
	}
	b.report.table(b.out, "floor", rows)
	fmt.Fprintln(b.out)
	b.report.table(b.out, "bare signal-with-start", []*row{webhook})
	return nil
}

// half is half of what the floor does at saturation: one load for both sides.
func (b *bench) half(ctx context.Context) (rate float64, err error) {
	err = b.start(ctx, floorTurns, func(s *side) error {
		saturation, _, err := b.saturate(ctx, s, s.phones(contacts(b.size.contacts)))
		rate = float64(int(saturation / 2))
		return err
	})
	return rate, err
}

// saturate gives as many texts as are answered, and returns how many turns a
// second that is, and the processor time of one.
func (b *bench) saturate(ctx context.Context, s *side, p *phones) (float64, usage, error) {
	// Everyone has written once before the clock runs: conversations are long.
	if err := crowd(ctx, len(p.numbers), b.size.flight, p.turn); err != nil {
		return 0, usage{}, err
	}
	return b.flatOut(ctx, s, b.size.turns, p.turn)
}

// flatOut does n deeds as fast as they go, the last receipt included.
func (b *bench) flatOut(ctx context.Context, s *side, n int, do deed) (rate float64, used usage, err error) {
	if err := s.settle(ctx); err != nil {
		return 0, used, err
	}
	before, err := s.usage()
	if err != nil {
		return 0, used, err
	}
	began := time.Now()
	if err := crowd(ctx, n, b.size.flight, do); err != nil {
		return 0, used, err
	}
	if err := s.settle(ctx); err != nil {
		return 0, used, err
	}
	took := time.Since(began)
	if used, err = s.usage(); err != nil {
		return 0, used, err
	}
	used = used.since(before)
	for i := range used {
		used[i] /= time.Duration(n)
	}
	return float64(n) / took.Seconds(), used, nil
}

func (b *bench) turnRound(ctx context.Context, s *side, round int, half float64) (f turnFigures, err error) {
	p := s.phones(contacts(b.size.contacts))
	if f.saturation, f.used, err = b.saturate(ctx, s, p); err != nil {
		return f, err
	}
	steady := func(rate float64, do deed) ([]time.Duration, error) {
		took, err := stream(ctx, int(rate*b.size.steady.Seconds()), rate, round, do)
		if err == nil {
			err = s.settle(ctx)
		}
		return took, err
	}
	twenty := func() error {
		ids := make([]string, int(sendsPerSecond*b.size.steady.Seconds()))
		f.atTwenty, err = steady(sendsPerSecond, func(ctx context.Context, i int) (took time.Duration, err error) {
			took, ids[i], err = p.write(ctx, i)
			return took, err
		})
		if err == nil {
			f.acknowledge, err = s.acknowledged(ids)
		}
		return err
	}
	bare := func() error {
		if s.kind != parley {
			return nil
		}
		f.bare, err = steady(sendsPerSecond, p.signal)
		return err
	}
	order := []func() error{twenty, bare}
	if round%2 == 1 {
		slices.Reverse(order)
	}
	for _, phase := range order {
		if err := phase(); err != nil {
			return f, err
		}
	}
	if f.atHalf, err = steady(half, p.turn); err != nil {
		return f, err
	}
	return f, s.carrier.nothingTwice()
}

// signal brings a text to the i-th phone's conversation without the webhook,
// as that would, and takes the time until Temporal has it.
func (p *phones) signal(ctx context.Context, i int) (time.Duration, error) {
	words := fmt.Sprintf("Where is my order %d?", p.wrote.Add(1))
	var took time.Duration
	_, err := p.answered(ctx, i, words, func(number sms.Number) error {
		now := time.Now()
		event, err := conversations.InboundEvent(sms.Inbound{
			ID: fmt.Sprintf("01BARE%020d", now.UnixNano()), From: number, To: sms.Sender(p.s.plan.Settings["SINCH_SMS_SENDER"]), Kind: sms.KindText,
			Text: words, ConversationID: "01EQ8172WMDB8008EFT4M30481", AcceptedAt: now,
		}, now)
		if err != nil {
			return err
		}
		id := wire.ID(number, "")
		began := time.Now()
		_, err = p.s.temporal.SignalWithStartWorkflow(ctx, id, wire.EventSignal, event,
			client.StartWorkflowOptions{ID: id, TaskQueue: "parley"}, wire.WorkflowType, wire.Start{Contact: number})
		took = time.Since(began)
		return err
	})
	return took, err
}
