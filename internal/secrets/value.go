// Package secrets holds values that may be replaced while a program runs: a
// signing secret, an access key.
package secrets

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// A Value is a secret, wherever it comes from.
type Value interface {
	// Get returns the secret as it is known; it fails only if it never was.
	Get(ctx context.Context) (string, error)
	// Renew asks again where the secret comes from, since the known one does not
	// serve. What it returns was asked for after the call began, so that whoever
	// still finds no use for it may say so. It fails if nobody could be asked.
	Renew(ctx context.Context) (string, error)
}

// Fixed is a value that nobody replaces: a setting.
type Fixed string

// Get returns it.
func (f Fixed) Get(context.Context) (string, error) { return string(f), nil }

// Renew returns the same.
func (f Fixed) Renew(context.Context) (string, error) { return string(f), nil }

// String hides it.
func (f Fixed) String() string { return "•••" }

// GoString hides it too.
func (f Fixed) GoString() string { return f.String() }

// All gets or renews several values at the same time.
func All(ctx context.Context, renew bool, values ...Value) ([]string, error) {
	all := make([]string, len(values))
	group, ctx := errgroup.WithContext(ctx)
	for i, value := range values {
		group.Go(func() (err error) {
			if renew {
				all[i], err = value.Renew(ctx)
			} else {
				all[i], err = value.Get(ctx)
			}
			return err
		})
	}
	return all, group.Wait()
}
