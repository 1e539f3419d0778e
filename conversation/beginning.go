package conversation

import (
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// longSleep is how long a script sleeps at most on the build that it fell asleep on.
const longSleep = 24 * time.Hour

// Interceptor stands around scripts. It reports how each one ends, to the log and
// as Reporting says. And it lets one that sleeps for more than a day, before it
// has done anything else, wake up on the newest build: see SleepUntil. Give it to
// each worker that runs scripts, and to each replayer of their histories.
func Interceptor(with ...Reporting) interceptor.WorkerInterceptor {
	i := &scripts{}
	if len(with) > 0 {
		i.reporting = with[0]
	}
	return i
}

type scripts struct {
	interceptor.WorkerInterceptorBase
	reporting Reporting
}

// A beginning is what a run of a script was given, and whether it has done
// anything since that beginning again would do twice, lose, or see otherwise.
type beginning struct {
	input []any
	over  bool
}

type (
	beginningKey struct{}
	oursKey      struct{}
)

// ours marks what SleepUntil itself does.
func ours(ctx workflow.Context) workflow.Context { return workflow.WithValue(ctx, oursKey{}, true) }

// beginAnew returns what ends this run and begins the next one on the newest
// build, with the same input; or nil, if this build is the newest, or if the run
// has begun to act. All that it looks at stands in the history, so that a replay
// decides the same.
func beginAnew(ctx workflow.Context) error {
	info := workflow.GetInfo(ours(ctx))
	b, ok := ctx.Value(beginningKey{}).(*beginning)
	if !ok || b.over || !info.GetTargetWorkerDeploymentVersionChanged() {
		return nil
	}
	return workflow.NewContinueAsNewErrorWithOptions(ctx, workflow.ContinueAsNewErrorOptions{
		InitialVersioningBehavior: workflow.ContinueAsNewVersioningBehaviorAutoUpgrade,
	}, info.WorkflowType.Name, b.input...)
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (s *scripts) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	next = &beginningInbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}}
	return &outcomes{interceptor.WorkflowInboundInterceptorBase{Next: next}, s.reporting}
}

type beginningInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	beginning beginning
}

func (b *beginningInbound) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return b.Next.Init(&beginningOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}})
}

func (b *beginningInbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	b.beginning.input = in.Args
	return b.Next.ExecuteWorkflow(workflow.WithValue(ctx, beginningKey{}, &b.beginning), in)
}

// HandleSignal ends the beginning: the next run would not get the signal.
func (b *beginningInbound) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	b.beginning.over = true
	return b.Next.HandleSignal(ctx, in)
}

// ExecuteUpdate ends the beginning as a signal does.
func (b *beginningInbound) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	b.beginning.over = true
	return b.Next.ExecuteUpdate(ctx, in)
}

// A beginningOutbound sees all that a script does. What is not listed below may
// be done again without harm, such as setting a search attribute, or must be
// decided again, such as GetVersion.
type beginningOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func acts(ctx workflow.Context) {
	b, ok := ctx.Value(beginningKey{}).(*beginning)
	// A query leaves no trace in the history, so it must leave none here.
	if ok && ctx.Value(oursKey{}) == nil && !workflow.IsReadOnly(ctx) {
		b.over = true
	}
}

func (b *beginningOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	acts(ctx)
	return b.Next.ExecuteActivity(ctx, name, args...)
}

func (b *beginningOutbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	acts(ctx)
	return b.Next.ExecuteLocalActivity(ctx, name, args...)
}

func (b *beginningOutbound) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	acts(ctx)
	return b.Next.ExecuteChildWorkflow(ctx, name, args...)
}

func (b *beginningOutbound) ExecuteNexusOperation(ctx workflow.Context, in interceptor.ExecuteNexusOperationInput) workflow.NexusOperationFuture {
	acts(ctx)
	return b.Next.ExecuteNexusOperation(ctx, in)
}

func (b *beginningOutbound) RequestCancelExternalWorkflow(ctx workflow.Context, workflowID, runID string) workflow.Future {
	acts(ctx)
	return b.Next.RequestCancelExternalWorkflow(ctx, workflowID, runID)
}

func (b *beginningOutbound) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, name string, arg any) workflow.Future {
	acts(ctx)
	return b.Next.SignalExternalWorkflow(ctx, workflowID, runID, name, arg)
}

func (b *beginningOutbound) SideEffect(ctx workflow.Context, f func(workflow.Context) any) converter.EncodedValue {
	acts(ctx)
	return b.Next.SideEffect(ctx, f)
}

func (b *beginningOutbound) SideEffectWithOptions(ctx workflow.Context, options workflow.SideEffectOptions, f func(workflow.Context) any) converter.EncodedValue {
	acts(ctx)
	return b.Next.SideEffectWithOptions(ctx, options, f)
}

func (b *beginningOutbound) MutableSideEffect(ctx workflow.Context, id string, f func(workflow.Context) any, equals func(a, b any) bool) converter.EncodedValue {
	acts(ctx)
	return b.Next.MutableSideEffect(ctx, id, f, equals)
}

func (b *beginningOutbound) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	acts(ctx)
	return b.Next.NewTimer(ctx, d)
}

func (b *beginningOutbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	acts(ctx)
	return b.Next.NewTimerWithOptions(ctx, d, options)
}

func (b *beginningOutbound) Sleep(ctx workflow.Context, d time.Duration) error {
	acts(ctx)
	return b.Next.Sleep(ctx, d)
}

func (b *beginningOutbound) AwaitWithTimeout(ctx workflow.Context, d time.Duration, condition func() bool) (bool, error) {
	acts(ctx)
	return b.Next.AwaitWithTimeout(ctx, d, condition)
}

func (b *beginningOutbound) AwaitWithOptions(ctx workflow.Context, options workflow.AwaitOptions, condition func() bool) (bool, error) {
	acts(ctx)
	return b.Next.AwaitWithOptions(ctx, options, condition)
}

// Go ends the beginning: what a coroutine sleeps for is not what its script
// returns.
func (b *beginningOutbound) Go(ctx workflow.Context, name string, f func(workflow.Context)) workflow.Context {
	acts(ctx)
	return b.Next.Go(ctx, name, f)
}

// Now ends the beginning: a script that reckons from the time at which it began
// would sleep as long once more.
func (b *beginningOutbound) Now(ctx workflow.Context) time.Time {
	acts(ctx)
	return b.Next.Now(ctx)
}

// GetInfo ends the beginning: the next run begins at another time, and has
// another run id.
func (b *beginningOutbound) GetInfo(ctx workflow.Context) *workflow.Info {
	acts(ctx)
	return b.Next.GetInfo(ctx)
}
