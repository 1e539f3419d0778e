package main

import (
	"context"
	"log/slog"
	"time"
)

// searchAttributes reports whether conversations may set theirs. That they may
// not is no reason not to work: they are only harder to find. ensure is
// connect.EnsureSearchAttributes.
func searchAttributes(ctx context.Context, log *slog.Logger, ensure func(context.Context) (bool, string, error)) (bool, error) {
	registered, command, err := ensure(ctx)
	switch {
	case registered:
		return true, nil
	case command == "":
		return false, err
	}
	log.Warn("conversations cannot be listed by state: search attributes are missing, and this worker may not register them. Have them registered, then start the workers again (on Temporal Cloud: in the namespace's settings)",
		"command", command, "error", err)
	return false, nil
}

// attributesPause is short enough for a person who has started a new development
// server under a running worker.
const attributesPause = 20 * time.Second

// keepSearchAttributes registers the attributes again when they are gone: a
// development server that keeps nothing on disk forgets them when it is started
// again, and every conversation would stand still until the worker is, too.
func keepSearchAttributes(ctx context.Context, pause time.Duration, ensure func(context.Context) (bool, string, error)) {
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	for {
		select {
		case <-ticks.C:
			_, _, _ = ensure(ctx) // nothing to be done about an error but to try again
		case <-ctx.Done():
			return
		}
	}
}
