// Package erasing forgets a contact: in Temporal, in the archive, and at the carrier.
// It does not know who asks for it, nor how that is printed.
package erasing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/conversation/client"
	"parley/conversation/wire"
	"parley/sinch"
	"parley/sms"
)

// A Certificate says what was erased. Who the contact was can be told only by
// somebody who has the key.
type Certificate struct {
	At            time.Time     `json:"at"`
	Rehearsal     bool          `json:"rehearsal,omitempty"` // nothing was erased
	Contact       string        `json:"contact"`             // HMAC of the number
	Key           string        `json:"key"`                 // fingerprint of PARLEY_ID_KEY
	Suppression   string        `json:"suppression"`         // workflow id of what is kept
	Conversations Ended         `json:"conversations"`
	Scripts       Ended         `json:"scripts"`
	Archive       *int          `json:"archive_records"` // null: there is none, or it was not asked
	Sinch         *sinch.Erased `json:"sinch"`           // null: it was not asked
	Left          []string      `json:"left,omitempty"`

	Found []Execution `json:"-"` // the scripts that a rehearsal found
}

// Ended counts workflows of one kind.
type Ended struct {
	Ended   int `json:"ended"`   // that were running
	Deleted int `json:"deleted"` // histories
}

// An Eraser erases one contact. Ids of conversations have to be made with a key.
type Eraser struct {
	Desk    client.Desk
	Contact sms.Number
	Scripts []string      // the types of workflows whose input may name the contact
	Keep    []string      // workflow ids of scripts that stay as they are
	Archive Archive       // nil: no archive
	Carrier *sinch.Client // nil: it is not asked
}

// An Archive forgets a conversation and those whose ids are its own, a colon and
// more, and returns how many records those were.
type Archive interface {
	Erase(ctx context.Context, conversation string) (records int, err error)
}

// ErrNoKey is returned where ids are made without a key.
var ErrNoKey = errors.New("erasing needs PARLEY_ID_KEY: without it what has to be kept of the contact would be the number itself. a namespace is used with one from the start, see docs/privacy.md")

// Rehearse finds what Erase would erase in Temporal, and changes nothing.
func (e Eraser) Rehearse(ctx context.Context) (Certificate, error) {
	if !e.Desk.IDs.Keyed() {
		return Certificate{}, ErrNoKey
	}
	once := e.begin(true)
	err := once.temporal(ctx)
	return once.done, err
}

// Erase ends the contact's conversations and scripts, and deletes what Temporal, the
// carrier and the archive have of them. It is idempotent. If it fails, the
// certificate says what was erased by then.
func (e Eraser) Erase(ctx context.Context) (Certificate, error) {
	if !e.Desk.IDs.Keyed() {
		return Certificate{}, ErrNoKey
	}
	once := e.begin(false)
	err := once.temporal(ctx)
	if err == nil {
		err = once.elsewhere(ctx)
	}
	return once.done, err
}

func (e Eraser) begin(rehearsal bool) *erasure {
	ids := e.Desk.IDs
	return &erasure{Eraser: e, deleted: map[string]bool{}, done: Certificate{
		At: time.Now(), Rehearsal: rehearsal, Contact: ids.Tag(e.Contact), Key: ids.Fingerprint(), Suppression: ids.SuppressionID(e.Contact),
	}}
}

// An erasure is one time that a contact is erased.
type erasure struct {
	Eraser
	deleted map[string]bool // runs that the server was told to delete
	empty   bool            // the last look found nothing
	done    Certificate
}

// erasePatience is how long the server may take to delete what it was told to. It
// does so within a minute or so.
const erasePatience = 3 * time.Minute

// temporal ends and deletes workflows: the scripts' first, since the conversations'
// histories are what leads to them should this have to be repeated.
func (e *erasure) temporal(ctx context.Context) error {
	if !e.done.Rehearsal {
		if err := e.suppress(ctx); err != nil {
			return e.Desk.Explain("erasing", err)
		}
	}
	for began := time.Now(); time.Since(began) < erasePatience; {
		conversations, scripts, err := e.find(ctx)
		if err != nil {
			return err
		}
		if e.done.Rehearsal {
			e.done.Conversations, e.done.Scripts, e.done.Found = tally(conversations), tally(scripts), scripts
			return nil
		}
		if len(conversations)+len(scripts) == 0 && e.empty {
			return nil
		}
		e.empty = len(conversations)+len(scripts) == 0 // a workflow is listed a moment after it began
		if err := e.end(ctx, conversations, scripts); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
	e.done.Left = append(e.done.Left, "Temporal still lists workflows of the contact after they were deleted; repeat this in a minute")
	return nil
}

func (e *erasure) end(ctx context.Context, conversations, scripts []Execution) error {
	for _, step := range []struct {
		doing string
		do    func(context.Context, []Execution) (int, error)
		all   []Execution
		count *int
	}{
		{"ending scripts", e.terminate, scripts, &e.done.Scripts.Ended},
		{"ending conversations", e.terminate, conversations, &e.done.Conversations.Ended},
		{"deleting scripts", e.delete, scripts, &e.done.Scripts.Deleted},
		{"deleting conversations", e.delete, conversations, &e.done.Conversations.Deleted},
	} {
		n, err := step.do(ctx, step.all)
		*step.count += n
		if err != nil {
			return e.Desk.Explain(step.doing, err)
		}
	}
	return nil
}

func tally(all []Execution) (n Ended) {
	n.Deleted = len(all)
	for _, x := range all {
		if x.Running {
			n.Ended++
		}
	}
	return n
}

// archivePatience is long: a large folder is read as a whole.
const archivePatience = 5 * time.Minute

// elsewhere erases what is not Temporal's.
func (e *erasure) elsewhere(ctx context.Context) error {
	if e.Carrier != nil {
		erased, err := e.Carrier.Erase(ctx, e.Contact)
		e.done.Sinch = &erased
		e.done.Left = append(e.done.Left, erased.Left...)
		if err != nil {
			return err
		}
	}
	if e.Archive == nil {
		return nil
	}
	// Last: what a conversation had begun to store when it was ended is most likely
	// stored by now.
	ctx, cancel := context.WithTimeout(ctx, archivePatience)
	defer cancel()
	records := 0
	for _, id := range e.idsOf() {
		n, err := e.Archive.Erase(ctx, id)
		records += n
		e.done.Archive = &records
		if err != nil {
			return fmt.Errorf("erasing in the archive: %w", err)
		}
	}
	return nil
}

// idsOf are the workflow ids of the contact's conversations over the default
// sender: as they are now, and as they were before there was a key. Those over
// other senders begin with them.
func (e *erasure) idsOf() []string {
	return []string{e.Desk.IDs.Of(e.Contact, ""), wire.ID(e.Contact, "")}
}
