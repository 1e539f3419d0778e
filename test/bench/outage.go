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

	conversations "parley/conversation/client"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// outageLength is how long the carrier answers everything with 503.
const outageLength = 10 * time.Minute

// askers is how many at the same time ask the server whether a conversation is
// through: it has to work meanwhile.
const askers = 8

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
		posted := make([]<-chan post, n)
		if err := crowd(ctx, n, askers, func(ctx context.Context, i int) (_ time.Duration, err error) {
			if posted[i], err = s.carrier.expect(p.numbers[i]); err != nil {
				return 0, err
			}
			return 0, s.live(ctx, p.numbers[i])
		}); err != nil {
			return err
		}
		s.carrier.sim.SetFaults(sinchtest.Faults{})
		if err := p.inPeace(ctx, func(ctx context.Context, i int) (time.Duration, error) {
			if err := s.skipTime(ctx, s.workflowID(p.numbers[i])); err != nil { // to its next try
				return 0, err
			}
			select {
			case <-posted[i]:
				return 0, nil
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
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
func (s *side) live(ctx context.Context, number sms.Number) error {
	id := s.workflowID(number)
	before, err := s.events(ctx, id)
	if err != nil {
		return err
	}
	s.carrier.sim.Text(number, "", "hello")
	for now := before; now == before; { // at rest again means that the first try failed
		if now, err = s.events(ctx, id); err != nil {
			return err
		}
	}
	if err := s.skipTime(ctx, id); err != nil {
		return err
	}
	return s.await(ctx, "a conversation to live through the outage", func() (bool, error) {
		described, err := conversations.Describe(ctx, s.temporal, id, "")
		config := described.GetWorkflowExtendedInfo().GetTimeSkippingInfo().GetEffectiveConfig()
		return config != nil && !config.GetEnabled(), err
	})
}

// skipTime lets a workflow's clock run ahead of all others by the length of the outage.
func (s *side) skipTime(ctx context.Context, id string) error {
	_, err := s.temporal.WorkflowService().UpdateWorkflowExecutionOptions(ctx, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{TimeSkippingConfig: &commonpb.TimeSkippingConfig{
			Enabled: true, FastForwardConfig: &commonpb.FastForwardConfig{Id: id, Duration: durationpb.New(outageLength)},
		}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"time_skipping_config"}},
	})
	return err
}
