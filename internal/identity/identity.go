// Package identity keeps all programs of a namespace agreed on how the workflow
// ids of conversations are made: two that disagree would hold two conversations
// with the same contact, of which one does not know that the contact opted out.
package identity

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/singleflight"

	"parley/conversation"
	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/sms"
)

// A Namespace is where conversations have ids of one kind.
type Namespace struct {
	Temporal  client.Client
	Options   client.Options
	TaskQueue string
	Key       secrets.Value // nil: ids hold numbers
}

// What is wrong between our key and the namespace.
var (
	ErrOtherKey = errors.New("PARLEY_ID_KEY is not the key that this namespace's workflow ids are made with: set the same one for all programs")
	ErrNoKey    = errors.New("this namespace's workflow ids are made with a key: set PARLEY_ID_KEY, the same as for its workers")
	ErrNew      = errors.New("nobody has taken up PARLEY_ID_KEY in this namespace yet: start a worker with it, or, where there are conversations already, worker move-ids")
	ErrMixed    = errors.New("there are conversations whose workflow ids hold phone numbers: end the workers and webhooks, and move them with worker move-ids")
)

// IDs reads the key and makes sure that it is the one of the namespace.
func (n Namespace) IDs(ctx context.Context) (conversation.IDs, error) {
	ids, err := settings.ReadIDs(ctx, n.Key)
	if err != nil {
		return conversation.IDs{}, err
	}
	recorded, err := n.recorded(ctx)
	switch {
	case err != nil:
		return conversation.IDs{}, err
	case recorded == "" && ids.Keyed():
		return conversation.IDs{}, ErrNew
	}
	if err := fits(ids, recorded); err != nil {
		return conversation.IDs{}, err
	}
	return ids, nil
}

// Check fails with ErrNoKey or ErrOtherKey once the namespace has another key than
// the one that a program began with.
func (n Namespace) Check(ctx context.Context, ids conversation.IDs) error {
	recorded, err := n.recorded(ctx)
	if err != nil || recorded == "" {
		return err
	}
	return fits(ids, recorded)
}

func fits(ids conversation.IDs, recorded string) error {
	switch {
	case recorded == ids.Fingerprint():
		return nil
	case ids.Keyed():
		return ErrOtherKey
	}
	return ErrNoKey
}

// TakeUp does the same, and makes a key that is new the one of the namespace. It
// may be only where no id holds a number.
func (n Namespace) TakeUp(ctx context.Context) (conversation.IDs, error) {
	ids, err := n.IDs(ctx)
	if !errors.Is(err, ErrNew) {
		return ids, err
	}
	open, err := n.Plain(ctx)
	switch {
	case err != nil:
		return conversation.IDs{}, err
	case open > 0:
		return conversation.IDs{}, fmt.Errorf("%w (%d of them)", ErrMixed, open)
	}
	if ids, err = settings.ReadIDs(ctx, n.Key); err != nil {
		return conversation.IDs{}, err
	}
	return ids, n.Record(ctx, ids)
}

// Record makes the key of the ids the one of the namespace.
func (n Namespace) Record(ctx context.Context, ids conversation.IDs) error {
	err := conversation.RecordKey(ctx, n.Temporal, n.TaskQueue, ids)
	if err != nil {
		return fmt.Errorf("recording the fingerprint of PARLEY_ID_KEY: %w", err)
	}
	recorded, err := n.recorded(ctx) // somebody may have been quicker, with another key
	if err == nil && recorded != ids.Fingerprint() {
		err = ErrOtherKey
	}
	return err
}

// recorded is the fingerprint of the namespace's key, or empty if it has none.
func (n Namespace) recorded(ctx context.Context) (string, error) {
	fingerprint, err := conversation.RecordedKey(ctx, n.Temporal)
	if err != nil {
		return "", fmt.Errorf("looking up which key the workflow ids are made with: %w", err)
	}
	return fingerprint, nil
}

// Plain counts the open conversations whose ids hold numbers.
func (n Namespace) Plain(ctx context.Context) (int64, error) {
	answer, err := n.Temporal.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: n.Options.Namespace, Query: PlainQuery,
	})
	if err != nil {
		return 0, fmt.Errorf("counting the conversations whose workflow ids hold numbers: %w", err)
	}
	return answer.GetCount(), nil
}

// PlainQuery finds the open conversations whose ids hold numbers, also those that
// somebody paused.
var PlainQuery = fmt.Sprintf("WorkflowType = '%s' AND CloseTime IS NULL AND WorkflowId STARTS_WITH '%s'", conversation.WorkflowType, conversation.ID("+", ""))

// every is how long an answer serves. Who takes up a key ends the webhooks first;
// this is for the one that was overlooked.
const every = time.Minute

// patience is with the server, and with AWS where it keeps the key, whoever asked
// first and has gone meanwhile.
const patience = 10 * time.Second

// A Watch looks again from time to time: a key may be taken up while we run.
type Watch struct {
	namespace Namespace
	looking   singleflight.Group
	last      atomic.Pointer[seen]
}

type seen struct {
	ids conversation.IDs
	at  time.Time
}

// fresh goes by the wall clock: the other one may stand still while Lambda freezes us.
func (s seen) fresh(now time.Time) bool {
	age := now.Round(0).Sub(s.at.Round(0))
	return age >= 0 && age < every
}

// NewWatch returns a watch that has not looked yet.
func NewWatch(n Namespace) *Watch { return &Watch{namespace: n} }

// IDs are those of the namespace, as long as our key fits. Once they are known,
// that nobody can be asked is no reason to wait.
func (w *Watch) IDs(ctx context.Context) (conversation.IDs, error) {
	last := w.last.Load()
	if last != nil && last.fresh(time.Now()) {
		return last.ids, nil
	}
	looked := w.looking.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		ids, err := w.namespace.TakeUp(ctx)
		if err == nil {
			w.last.Store(&seen{ids: ids, at: time.Now()})
		}
		return ids, err
	})
	select {
	case <-ctx.Done():
		if last != nil {
			return last.ids, nil
		}
		return conversation.IDs{}, fmt.Errorf("looking up which key the workflow ids are made with: %w", ctx.Err())
	case result := <-looked:
		ids, _ := result.Val.(conversation.IDs)
		if result.Err != nil && last != nil && !errors.Is(result.Err, ErrOtherKey) && !errors.Is(result.Err, ErrNoKey) {
			return last.ids, nil
		}
		return ids, result.Err
	}
}

// Known fails as IDs does.
func (w *Watch) Known(ctx context.Context) error {
	_, err := w.IDs(ctx)
	return err
}

// Tag tells one contact from another in a log.
func (w *Watch) Tag(contact sms.Number) string {
	last := w.last.Load()
	switch {
	case last != nil:
		return last.ids.Tag(contact)
	case w.namespace.Key != nil:
		return "•••" // the key is not known yet
	}
	return contact.Masked()
}
