package encryption

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"parley/internal/secrets"
)

const (
	// readTimeout is what a caller waits for keys that are kept elsewhere.
	readTimeout = 2 * time.Second
	// watchEvery is how often a worker looks for other keys. It asks what is kept,
	// which is asked again where it comes from every few minutes.
	watchEvery = 20 * time.Second
	// renewEvery is how far apart the keys are asked for again because of one that is
	// not among them: a payload can name any.
	renewEvery = 5 * time.Second
)

// Keys are those that are set, wherever they come from. With none set nothing is
// encrypted, and nothing that is encrypted can be read.
type Keys struct {
	value secrets.Value // nil: none are set
	log   *slog.Logger
	renew *rate.Limiter

	mutex  sync.Mutex // of who reads
	source string     // what the ring was made of, or could not be made of
	ring   atomic.Pointer[ring]
}

// Open prepares keys. Those in a setting are read at once, and one that is none is
// an error; others are read when they are needed, or by Known. A nil value means
// that none are set.
func Open(log *slog.Logger, value secrets.Value) (*Keys, error) {
	k := &Keys{value: value, log: log, renew: rate.NewLimiter(rate.Every(renewEvery), 1)}
	if value == nil {
		k.ring.Store(&ring{})
		return k, nil
	}
	if fixed, ok := value.(secrets.Fixed); ok {
		r, err := parse(string(fixed))
		if err != nil {
			return nil, fmt.Errorf("set PARLEY_ENCRYPTION_KEYS to keys: %w", err)
		}
		k.source = string(fixed)
		k.ring.Store(r)
	}
	return k, nil
}

// Known fails if there ought to be keys, and they cannot be had.
func (k *Keys) Known(ctx context.Context) error {
	_, err := k.current(ctx)
	return err
}

// Encrypting says with which key, for the log; it is empty if nothing is encrypted.
func (k *Keys) Encrypting() string {
	if r := k.ring.Load(); r != nil && r.first != nil {
		return r.first.id
	}
	return ""
}

// Watch keeps the keys up to date for code that must not wait for them, until the
// context ends.
func (k *Keys) Watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = k.Known(ctx) // the last ones go on being used; what they come from logs it
		case <-ctx.Done():
			return
		}
	}
}

// current are the keys as they are known, which may have to be waited for.
func (k *Keys) current(ctx context.Context) (*ring, error) {
	if k.value == nil {
		return k.ring.Load(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	entries, err := k.value.Get(ctx)
	if err == nil {
		err = k.take(entries)
	}
	if r := k.ring.Load(); r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("the encryption keys are not known: %w", err)
}

// newer asks where the keys come from, because there is one that is not among
// them. It does so only so often.
func (k *Keys) newer(ctx context.Context) *ring {
	if k.value != nil && k.renew.Allow() {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		if entries, err := k.value.Renew(ctx); err == nil {
			_ = k.take(entries)
		}
	}
	return k.ring.Load()
}

// take makes a ring of what was read. What is no ring is told once, and the last
// one stays.
func (k *Keys) take(entries string) error {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	known := k.ring.Load() != nil
	if entries == k.source && known {
		return nil
	}
	r, err := parse(entries)
	if err != nil {
		if entries != k.source {
			k.log.Error("the encryption keys cannot be used as they are now", "error", err, "going_on_with_the_last", known)
		}
		k.source = entries
		return errors.Join(ErrUnusable, err)
	}
	k.source = entries
	k.ring.Store(r)
	k.log.Info("encryption keys", "encrypting_with", k.Encrypting(), "keys", len(r.byID))
	return nil
}

// ErrUnusable says that keys were found, and are none.
var ErrUnusable = errors.New("what was found are no keys")
