package main

import (
	"context"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"parley/sinch/sinchtest"
	"parley/sms"
)

// outageLength is how long the carrier answers everything with 503.
const outageLength = 10 * time.Minute

// outage measures (7): what a text costs whose reply meets a carrier that is
// down. While a conversation waits for a timer, or for the next try, the server
// lets its clock run ahead.
func (b *bench) outage(ctx context.Context) error {
	fmt.Fprintf(b.out, "\n(7) A text whose reply meets a carrier that is down for %.0f minutes.\n", outageLength.Minutes())
	return b.start(ctx, parley, func(s *side) error {
		p := s.phones(contacts(b.size.inOutage))
		n := len(p.numbers)
		if err := p.inPeace(ctx, p.turn); err != nil { // the worker has its token by then
			return err
		}
		before, err := s.actions(ctx)
		if err != nil {
			return err
		}

		s.carrier.sim.SetFaults(sinchtest.Faults{Outage: true})
		over := make(chan struct{}) // the outage, by everyone's clock
		passed := make(chan error, n)
		go func() {
			for range n {
				if <-passed != nil {
					return // and everyone hears of it
				}
			}
			s.carrier.sim.SetFaults(sinchtest.Faults{})
			close(over)
		}()
		if err := p.inPeace(ctx, func(ctx context.Context, i int) (time.Duration, error) {
			return p.answered(ctx, i, "hello", func(number sms.Number) error {
				err := s.live(ctx, number, func() { s.carrier.sim.Text(number, "", "hello") })
				passed <- err
				if err != nil {
					return err
				}
				select {
				case <-over:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				return s.skipTime(ctx, s.workflowID(number), outageLength) // to its next try
			})
		}); err != nil {
			return err
		}
		after, err := s.actions(ctx)
		if err != nil {
			return err
		}
		actions := (after - before) / float64(n)
		fmt.Fprintln(b.out, "actions a text, receipt included:", figure(actions))
		b.report.set("outage_actions", actions)
		return s.carrier.nothingTwice()
	}, "--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true")
}

// live texts during an outage, and lets the conversation live through it.
func (s *side) live(ctx context.Context, number sms.Number, text func()) error {
	id := s.workflowID(number)
	before, err := s.events(ctx, id)
	if err != nil {
		return err
	}
	text()
	for now := before; now == before; { // at rest again means that the first try failed
		if now, err = s.events(ctx, id); err != nil {
			return err
		}
	}
	if err := s.skipTime(ctx, id, outageLength); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		described, err := s.temporal.DescribeWorkflowExecution(ctx, id, "")
		if err != nil {
			return err
		}
		if config := described.GetWorkflowExtendedInfo().GetTimeSkippingInfo().GetEffectiveConfig(); config != nil && !config.GetEnabled() {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// skipTime lets a workflow's clock run ahead of everybody else's for a while.
func (s *side) skipTime(ctx context.Context, id string, d time.Duration) error {
	_, err := s.temporal.WorkflowService().UpdateWorkflowExecutionOptions(ctx, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{TimeSkippingConfig: &commonpb.TimeSkippingConfig{
			Enabled: true, FastForwardConfig: &commonpb.FastForwardConfig{Id: id, Duration: durationpb.New(d)},
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"time_skipping_config"}},
	})
	return err
}
