// Package identity keeps all programs of a namespace agreed on how the workflow
// ids of conversations are made: two that disagree would hold two conversations
// with the same contact, of which one does not know that the contact opted out.
package identity

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
)

// ErrMixed is returned in a namespace that was first used with another key, or with
// none. It will be the same tomorrow.
var ErrMixed = errors.New("to change that, export consents (parley optouts export), let conversations close, set the key in a new namespace, and import (parley optouts import)")

// Check fails with ErrMixed if the namespace was first used with other ids, and
// reports whether it was used at all.
func Check(ctx context.Context, c client.Client, ids wire.IDs) (used bool, err error) {
	recorded, err := conversations.RecordedKey(ctx, c)
	switch {
	case err != nil:
		return false, fmt.Errorf("looking up how this namespace's workflow ids are made: %w", err)
	case recorded == "" || recorded == ids.Fingerprint():
		return recorded != "", nil
	case !ids.Keyed():
		return true, fmt.Errorf("this namespace was first used with a PARLEY_ID_KEY, and here none is set: set that key; %w", ErrMixed)
	case recorded == wire.IDs{}.Fingerprint():
		return true, fmt.Errorf("this namespace was first used without PARLEY_ID_KEY, and here it is set: leave it out; %w", ErrMixed)
	}
	return true, fmt.Errorf("this namespace was first used with another PARLEY_ID_KEY than is set here: set that one; %w", ErrMixed)
}

// TakeUp does the same, and makes the ids those of a namespace that is used for the
// first time.
func TakeUp(ctx context.Context, c client.Client, taskQueue string, ids wire.IDs) error {
	used, err := Check(ctx, c, ids)
	if used || err != nil {
		return err
	}
	if err := conversations.RecordKey(ctx, c, taskQueue, ids); err != nil {
		return fmt.Errorf("recording how this namespace's workflow ids are made: %w", err)
	}
	_, err = Check(ctx, c, ids) // another program may have been quicker
	return err
}
