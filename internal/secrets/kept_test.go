package secrets

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// source is where a value comes from.
type source struct {
	value atomic.Value
	err   atomic.Pointer[error]
	takes time.Duration
	asked atomic.Int32
}

func (s *source) fetch(ctx context.Context) (string, error) {
	s.asked.Add(1)
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if err := s.err.Load(); err != nil && *err != nil {
		return "", *err
	}
	return s.value.Load().(string), nil
}

func (s *source) fail(err error) { s.err.Store(&err) }

func keep(value string) (*source, *Kept, *bytes.Buffer) {
	s := &source{takes: 100 * time.Millisecond}
	s.value.Store(value)
	var log bytes.Buffer
	return s, Keep("/a/name", s.fetch, slog.New(slog.NewTextHandler(&log, nil))), &log
}

func get(t *testing.T, k *Kept) string {
	t.Helper()
	value, err := k.Get(t.Context())
	require.NoError(t, err)
	return value
}

func TestAValueIsKeptAndReplacedEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, log := keep("old")
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() { require.Equal(t, "old", get(t, k)) })
		}
		callers.Wait()
		require.EqualValues(t, 1, s.asked.Load(), "all waited for the same")

		s.value.Store("new")
		time.Sleep(freshFor - time.Second)
		require.Equal(t, "old", get(t, k))
		require.EqualValues(t, 1, s.asked.Load())
		time.Sleep(2 * time.Second)
		before := time.Now()
		require.Equal(t, "old", get(t, k))
		require.Equal(t, "old", get(t, k))
		require.Zero(t, time.Since(before), "nobody waits")
		time.Sleep(time.Second)
		require.Equal(t, "new", get(t, k))
		require.EqualValues(t, 2, s.asked.Load())
		require.Contains(t, log.String(), "a secret was replaced")
		require.NotContains(t, log.String(), "new")
	})
}

// TestAnOldValueIsNotUsed if a newer one can be had: nobody asked for hours.
func TestAnOldValueIsNotUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := keep("old")
		require.Equal(t, "old", get(t, k))
		s.value.Store("new")
		time.Sleep(3 * time.Hour)
		require.Equal(t, "new", get(t, k))
	})
}

func TestASourceThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, log := keep("value")
		s.fail(errors.New("away"))
		_, err := k.Get(t.Context())
		require.EqualError(t, err, "away")
		s.fail(nil)
		require.Equal(t, "value", get(t, k))

		s.fail(errors.New("away"))
		time.Sleep(time.Hour)
		require.False(t, k.Stale())
		require.Equal(t, "value", get(t, k), "an old one is better than none")
		require.True(t, k.Stale())
		require.Contains(t, log.String(), `level=WARN`)
		require.Contains(t, log.String(), "age=1h0m0s")
		asked, before := s.asked.Load(), time.Now()
		require.Equal(t, "value", get(t, k))
		require.Zero(t, time.Since(before), "not everybody waits for who is away")
		require.Equal(t, asked, s.asked.Load())
		_, err = k.Renew(t.Context())
		require.EqualError(t, err, "away", "who needs a newer one hears that there is none")

		s.fail(nil)
		time.Sleep(patience)
		before = time.Now()
		require.Equal(t, "value", get(t, k))
		require.Zero(t, time.Since(before), "who was away a moment ago is not waited for")
		time.Sleep(time.Second)
		require.False(t, k.Stale())
	})
}

// TestASourceThatIsBack is noticed by who looks, although nobody needs the value.
func TestASourceThatIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := keep("value")
		require.Equal(t, "value", get(t, k))
		s.fail(errors.New("away"))
		time.Sleep(time.Hour)
		require.Equal(t, "value", get(t, k))
		require.True(t, k.Stale())
		require.EqualValues(t, 2, s.asked.Load(), "it was asked just now")
		time.Sleep(time.Minute)
		require.True(t, k.Stale())
		time.Sleep(time.Minute)
		s.fail(nil)
		require.True(t, k.Stale(), "by the last that was heard")
		time.Sleep(time.Second)
		require.False(t, k.Stale())
	})
}

func TestASourceThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := keep("value")
		require.Equal(t, "value", get(t, k))
		s.takes = time.Hour
		time.Sleep(time.Hour)
		before := time.Now()
		require.Equal(t, "value", get(t, k))
		require.Equal(t, oldWait, time.Since(before))
		time.Sleep(fetchTimeout)
	})
}

// TestFrozen: what was on its way when a Lambda was frozen is not taken for new
// hours later.
func TestFrozen(t *testing.T) {
	t.Parallel()
	for name, ends := range map[string]error{"it arrives": nil, "it is lost": errors.New("connection reset")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, k, _ := keep("old")
				var frozen time.Duration
				k.now = func() time.Time { return time.Now().Add(frozen) }
				require.Equal(t, "old", get(t, k))
				time.Sleep(freshFor)
				require.Equal(t, "old", get(t, k))
				synctest.Wait() // it is asked for, beside
				frozen = 3 * time.Hour
				s.fail(ends)
				time.AfterFunc(s.takes+time.Millisecond, func() { s.value.Store("new"); s.fail(nil) })
				require.Equal(t, "new", get(t, k))
			})
		})
	}
}

// TestRenew: what it returns was asked for after the call, and strangers cannot
// make us ask all the time.
func TestRenew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, k, _ := keep("old")
		require.Equal(t, "old", get(t, k))
		for range 3 {
			time.Sleep(time.Millisecond)
			s.value.Store(time.Now().String())
			want := time.Now().String()
			renewed, err := k.Renew(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, renewed)
		}
		asked, before := s.asked.Load(), time.Now()
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() {
				_, err := k.Renew(t.Context())
				require.NoError(t, err)
			})
		}
		callers.Wait()
		require.LessOrEqual(t, s.asked.Load()-asked, int32(2))
		require.LessOrEqual(t, time.Since(before), 2*renewGap+2*s.takes)
	})
}

// TestACallerWhoHangsUp does not take the value from the others.
func TestACallerWhoHangsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, k, _ := keep("value")
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() { _, _ = k.Get(ctx) })
		synctest.Wait()
		callers.Go(func() { require.Equal(t, "value", get(t, k)) })
		synctest.Wait()
		cancel()
		callers.Wait()

		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, err := k.Renew(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
