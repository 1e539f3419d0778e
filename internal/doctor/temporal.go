package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"parley/internal/connect"
	"parley/internal/identity"
	"parley/internal/settings"
	"parley/internal/wording"
)

func (e *examination) examineTemporal(ctx context.Context) []Finding {
	const check = "Temporal"
	const unseen = "task queues and conversations were not looked at"
	s, err := e.Dial(ctx, e.temporal)
	if err != nil {
		return []Finding{failed(check, unseen, "%v", err)}
	}
	namespace, err := s.Temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.Namespace})
	if err != nil {
		s.Temporal.Close()
		return []Finding{failed(check, unseen, "%v", s.Explain("looking up the namespace", err))}
	}
	e.server = s
	version := "an unknown version"
	if info, err := s.Temporal.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err == nil && info.GetServerVersion() != "" {
		version = "version " + info.GetServerVersion()
	}
	return []Finding{
		fine(check, "%s at %s, namespace %q", version, s.Address, s.Namespace),
		e.examineRetention(namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()),
		e.examineAttributes(ctx),
		e.examineIDs(ctx),
	}
}

// examineIDs: programs do not start whose key is another one than the namespace's.
func (e *examination) examineIDs(ctx context.Context) Finding {
	const check = "workflow ids"
	ids, err := settings.ReadIDs(ctx, e.IDKey)
	if err != nil {
		return failed(check, "set it here as for the workers", "%v", err)
	}
	used, err := identity.Check(ctx, e.server.Temporal, ids)
	made := "they hold phone numbers; PARLEY_ID_KEY is not set"
	if ids.Keyed() {
		made = "made with the PARLEY_ID_KEY " + ids.Fingerprint()
	}
	switch {
	case errors.Is(err, identity.ErrMixed):
		found, advice, _ := strings.Cut(err.Error(), ": ")
		return failed(check, advice, "%s", found)
	case err != nil:
		return failed(check, "", "%v", e.server.Explain("looking up how ids are made", err))
	case !used:
		return fine(check, "the first program that starts in this namespace settles them; here: %s", made)
	}
	return fine(check, "%s", made)
}

// examineRetention: what was said is shown, and proven, no longer than that once
// a conversation has closed.
func (e *examination) examineRetention(kept time.Duration) Finding {
	const check = "retention"
	archived := e.archive.ArchiveDir != "" || e.archive.ArchiveURL != ""
	idle := e.conversation.IdleAfter
	found := fmt.Sprintf("what was said is kept for %s after a conversation closes", e.inDays(kept))
	switch {
	case archived:
		return fine(check, "%s, and in the archive", found)
	case kept < idle:
		return warned(check, "raise it (temporal operator namespace update --retention), or keep messages in an archive: PARLEY_ARCHIVE_DIR or PARLEY_ARCHIVE_URL",
			"%s, and it closes after %s without a text", found, e.inDays(idle))
	}
	return fine(check, "%s", found)
}

func (e *examination) inDays(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 0 && d%(24*time.Hour) == 0 {
		return wording.Counted(int(days), "day")
	}
	return wording.Age(d)
}

// examineAttributes asks for conversations by all of them: a server that does
// not know one refuses the question.
func (e *examination) examineAttributes(ctx context.Context) Finding {
	const check = "search attributes"
	_, err := e.count(ctx, connect.NeedsAttributes)
	if _, unknown := errors.AsType[*serviceerror.InvalidArgument](err); unknown {
		return warned(check, "start a worker, which registers them, or logs the command that does", "not registered: conversations work, and cannot be found by their state")
	}
	if err != nil {
		return failed(check, "conversations cannot be listed: look at the server's visibility store", "%v", e.server.Explain("counting conversations", err))
	}
	return fine(check, "registered")
}

func (e *examination) count(ctx context.Context, query string) (int64, error) {
	answer, err := e.server.Temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: e.server.Namespace, Query: query})
	return answer.GetCount(), err
}
