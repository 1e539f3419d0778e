package doctor

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/encryption"
	"parley/sms"
)

// A Server is a connection to Temporal, with the reading that the caller has for it.
type Server struct {
	client.Client
	Options client.Options // with address and namespace filled in
	Keys    *encryption.Keys

	// Explain turns the error of a failed call into one that a person understands.
	// TimedOut reports whether an error means that no answer came in time.
	Explain  func(doing string, err error) error
	TimedOut func(error) bool

	// EachConversation visits the conversations that a query finds, the newest first,
	// up to a limit. It returns errors as Temporal does.
	EachConversation func(ctx context.Context, query string, limit int, visit func(*workflowpb.WorkflowExecutionInfo) (more bool, err error)) error
	// EachMarked visits the running conversations for which a condition on search
	// attributes is true or cannot be known, likewise.
	EachMarked func(ctx context.Context, condition string, visit func(*workflowpb.WorkflowExecutionInfo)) error
	// Needs reads why a conversation needs a person. It is not ours if another program
	// made its id.
	Needs func(*workflowpb.WorkflowExecutionInfo) (parked []wire.ParkedMark, attention string, ours bool)

	// Affected reads from a conversation which of its scripts are in trouble.
	Affected func(*workflowpb.WorkflowExecutionInfo) conversations.Affected
	// EachStuck visits the open workflows whose tasks fail again and again, as
	// conversations.Desk does. Meant is whom one is with.
	EachStuck func(ctx context.Context, types []string, limit int, visit func(info *workflowpb.WorkflowExecutionInfo, wrong string)) error
	Meant     func(ctx context.Context, run *commonpb.WorkflowExecution) (sms.Number, sms.Sender, error)

	// TaskQueue describes a task queue, with stats and config. Its error is for a person.
	TaskQueue func(ctx context.Context, queue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)
	// Queued says what waits in a task queue, and how many workers it has.
	Queued func(*workflowservice.DescribeTaskQueueResponse) string
	// Sending says whether the rate of a task queue lets texts leave, and how many. Nil
	// has no limit.
	Sending func(*workflowservice.DescribeTaskQueueResponse) (paused bool, says string)
}
