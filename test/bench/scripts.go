package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"parley/sms"
)

// The script asks three times, and then says goodbye.
const (
	firstWords  = "Does that suit you?"
	asksAgain   = "Please reply YES"
	noAnswer    = "blue" // which is not understood, so that it asks again
	starters    = 16     // start scripts at the same time
	timesAsked  = 3
	scriptInput = `{"appointment_id":%q,"contact":%q,"first_name":"Ana","business_name":"Harbor Dental","start":%q,"zone":"Europe/Berlin"}`
)

// startScript starts the script of the i-th contact, which asks at once.
func (s *side) startScript(ctx context.Context, i int, number sms.Number) error {
	id := scriptID(i)
	var err error
	switch s.kind {
	case parley:
		input := fmt.Sprintf(scriptInput, fmt.Sprintf("B-%d", i), number, time.Now().Add(12*time.Hour).Format(time.RFC3339))
		_, err = s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "parley"}, "AppointmentConfirmation", json.RawMessage(input))
	default:
		questions := []string{
			"Hi Ana, this is Harbor Dental. We expect you tomorrow at 3:00 PM. " + firstWords + " Reply YES to confirm, or tell us if you need to reschedule.",
			"Sorry, I did not get that. " + asksAgain + " if you can come, NO if you cannot, or RESCHEDULE for another time.",
			"Sorry, I did not get that. " + asksAgain + " if you can come, NO if you cannot, or RESCHEDULE for another time.",
			"Sorry, we could not read your answer. Harbor Dental will get in touch.",
		}
		_, err = s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "floor"}, "Script", number, questions)
	}
	return err
}

// ask starts the i-th script and takes the time until its question is posted.
func (p *phones) ask(ctx context.Context, i int) (time.Duration, error) {
	return p.answered(ctx, i, firstWords, func(number sms.Number) error { return p.s.startScript(ctx, i, number) })
}

// again answers what the script does not understand, and takes the time until
// its next question is posted.
func (p *phones) again(ctx context.Context, i int) (time.Duration, error) {
	return p.answered(ctx, i, asksAgain, func(number sms.Number) error {
		p.s.carrier.sim.Text(number, "", noAnswer)
		return nil
	})
}

// scripts measures (3) and (6).
func (b *bench) scripts(ctx context.Context) error {
	fmt.Fprintf(b.out, "\n(3) An answer in, the script's next question out; (6) %d scripts until the last first question.\n", b.size.scripts)
	rows := []*row{
		{name: "answers/s at saturation", key: "script_throughput", aim: 0.85, atLeast: true},
		{name: "first questions/s", key: "first_questions", aim: 0.85, atLeast: true},
	}
	if err := b.compare(ctx, comparison{floor: floorScripts, rounds: b.rounds, rows: rows, measure: b.scriptRound}); err != nil {
		return err
	}
	b.report.table(b.out, "two-workflow floor", rows)
	return nil
}

func (b *bench) scriptRound(ctx context.Context, s *side, _ int) ([]float64, error) {
	// The clock runs on warm programs; these contacts are not asked again.
	all := contacts(b.size.scripts + b.size.flight)
	warm := s.phones(all[b.size.scripts:])
	if err := crowd(ctx, b.size.flight, b.size.flight, func(ctx context.Context, i int) (time.Duration, error) {
		return warm.answered(ctx, i, firstWords, func(number sms.Number) error { return s.startScript(ctx, b.size.scripts+i, number) })
	}); err != nil {
		return nil, err
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}

	p := s.phones(all[:b.size.scripts])
	began := time.Now()
	gate := make(chan struct{}, starters)
	if err := crowd(ctx, b.size.scripts, b.size.scripts, func(ctx context.Context, i int) (time.Duration, error) {
		return p.answered(ctx, i, firstWords, func(number sms.Number) error {
			gate <- struct{}{}
			defer func() { <-gate }()
			return s.startScript(ctx, i, number)
		})
	}); err != nil {
		return nil, err
	}
	firsts := time.Since(began)

	saturation, _, err := b.flatOut(ctx, s, b.size.answers, p.again)
	if err != nil {
		return nil, err
	}
	return []float64{saturation, float64(b.size.scripts) / firsts.Seconds()}, s.carrier.nothingTwice()
}
