package secrets

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How long a value is used before it is fetched again. From freshFor on that is
// done beside the work; only a value older than lastsFor is waited for.
const (
	freshFor = 4 * time.Minute
	lastsFor = 5 * time.Minute
)

const (
	fetchTimeout = 2 * time.Second
	// renewGap is how far apart fetches begin: a stranger who signs with what we do
	// not know makes us look at most so often.
	renewGap = time.Second
	// patience is how long an old value is used without asking, after its source did
	// not answer.
	patience = 10 * time.Second
	// oldWait is how long an old value may keep a caller waiting for a newer one. Who
	// needs two of them, and then a server, has four seconds in all.
	oldWait = time.Second
)

// Kept is a value that is fetched from elsewhere, and kept for a while. If its
// source is away, the last one goes on being used.
type Kept struct {
	name  string // for the log
	fetch func(context.Context) (string, error)
	log   *slog.Logger
	now   func() time.Time
	limit *rate.Limiter
	turn  chan struct{} // held by who fetches; a mutex would not heed a context

	mutex   sync.Mutex
	value   string
	fetched time.Time // when the value was asked for; zero: there is none
	asked   time.Time // when the last fetch that has ended began
	err     error     // of that fetch
}

// Keep prepares a value without fetching it. The name is for the log, fetch
// returns the value as it is now.
func Keep(name string, fetch func(context.Context) (string, error), log *slog.Logger) *Kept {
	return &Kept{
		name: name, fetch: fetch, log: log, limit: rate.NewLimiter(rate.Every(renewGap), 1), turn: make(chan struct{}, 1),
		// By the wall clock: the other one may stand still while a Lambda is frozen.
		now: func() time.Time { return time.Now().Round(0) },
	}
}

// Get returns the value. It waits for its source only if there is no value yet,
// or an old one whose source was not found away a moment ago.
func (k *Kept) Get(ctx context.Context) (string, error) {
	now := k.now()
	k.mutex.Lock()
	value, fetched, asked, failed := k.value, k.fetched, k.asked, k.err != nil
	k.mutex.Unlock()
	known := !fetched.IsZero()
	switch {
	case known && (within(now, fetched, freshFor) || failed && within(now, asked, patience)):
		return value, nil
	case known && (within(now, fetched, lastsFor) || failed && within(now, asked, lastsFor)):
		k.renewBeside(ctx)
		return value, nil
	case known:
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, oldWait)
		defer cancel()
		k.renewBeside(ctx)
	}
	// Another caller may have fetched it while we waited: use that, unless its fetch
	// began before the Lambda was frozen.
	renewed, err := k.renew(ctx, func(last time.Time) bool { return !last.Equal(asked) && within(k.now(), last, lastsFor) })
	if err != nil && known {
		return value, nil
	}
	return renewed, err
}

// Renew fetches the value, or shares a fetch that began after the call.
func (k *Kept) Renew(ctx context.Context) (string, error) {
	called := k.now()
	return k.renew(ctx, func(last time.Time) bool { return last.After(called) })
}

// Stale reports whether there is no value, or an older one than there should be,
// because its source is away. It has the source asked again, for a value that nobody needs
// for an hour: it would count as away until then.
func (k *Kept) Stale() bool {
	now := k.now()
	k.mutex.Lock()
	stale := k.err != nil && !within(now, k.fetched, lastsFor)
	again := stale && !within(now, k.asked, patience)
	k.mutex.Unlock()
	if again {
		k.renewBeside(context.Background())
	}
	return stale
}

// within is false also for a time to come: the clock was set back.
func within(now, then time.Time, d time.Duration) bool {
	age := now.Sub(then)
	return age >= 0 && age < d
}

// renewBeside does nothing if somebody is at it already.
func (k *Kept) renewBeside(ctx context.Context) {
	select {
	case k.turn <- struct{}{}:
		go func() {
			defer func() { <-k.turn }()
			_, _ = k.ask(context.WithoutCancel(ctx))
		}()
	default:
	}
}

// renew asks for the value, unless serves says that what somebody else asked
// for, at that time, will do.
func (k *Kept) renew(ctx context.Context, serves func(asked time.Time) bool) (string, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	k.mutex.Lock()
	asked, value, err := k.asked, k.value, k.err
	k.mutex.Unlock()
	if serves(asked) {
		return value, err
	}
	return k.ask(ctx)
}

// ask fetches. It is for who holds the turn.
func (k *Kept) ask(ctx context.Context) (string, error) {
	if k.limit.Wait(ctx) != nil {
		return "", context.DeadlineExceeded // the limiter knows that there is no time left
	}
	began := k.now()
	// Others wait for the outcome too, so it does not end with the first caller.
	fetching, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	value, err := k.fetch(fetching)
	k.keep(began, value, err)
	return value, err
}

func (k *Kept) keep(began time.Time, value string, err error) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.asked, k.err = began, err
	known := !k.fetched.IsZero()
	switch {
	case err != nil && known:
		k.log.Warn("a secret cannot be read again: going on with the last one", "secret", k.name, "age", began.Sub(k.fetched).Round(time.Second).String(), "error", err)
	case err == nil:
		if known && k.value != value {
			k.log.Info("a secret was replaced", "secret", k.name)
		}
		k.value, k.fetched = value, began
	}
}
