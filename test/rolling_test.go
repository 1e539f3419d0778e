package test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/internal/stack"
	"parley/sinch/sinchtest"
	"parley/sms"
	"parley/test/e2e"
)

// A balancer gives each request to the next webhook that says it is ready, and
// does not try again.
type balancer struct {
	mutex    sync.Mutex
	ready    []*httputil.ReverseProxy
	next     int
	answers  map[int]int // by status, or one of these:
	backends []string
}

const (
	unreached = -1 // a webhook said that it is ready, and did not answer
	nobody    = -2 // no webhook was ready
)

// watch asks the webhooks whether they are ready until the context ends.
func (b *balancer) watch(ctx context.Context) {
	for ctx.Err() == nil {
		var ready []*httputil.ReverseProxy
		for _, backend := range b.backends {
			if !stack.Answers(ctx, backend+"/readyz") {
				continue
			}
			to, err := url.Parse(backend)
			if err != nil {
				panic(err)
			}
			proxy := httputil.NewSingleHostReverseProxy(to)
			proxy.ModifyResponse = func(r *http.Response) error {
				b.count(r.StatusCode)
				return nil
			}
			proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
				b.count(unreached)
				w.WriteHeader(http.StatusBadGateway)
			}
			ready = append(ready, proxy)
		}
		b.mutex.Lock()
		b.ready = ready
		b.mutex.Unlock()
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (b *balancer) count(status int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.answers[status]++
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mutex.Lock()
	b.next++
	var proxy *httputil.ReverseProxy
	if len(b.ready) > 0 {
		proxy = b.ready[b.next%len(b.ready)]
	}
	b.mutex.Unlock()
	if proxy == nil {
		b.count(nobody)
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	proxy.ServeHTTP(w, r)
}

// TestRollingRestart restarts two webhooks and two workers one after the other
// while people write: nobody is turned away, each text is answered once and in
// order.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	b := &balancer{answers: map[int]int{}}
	door := httptest.NewServer(b)
	t.Cleanup(door.Close)
	w := newWorld(t, e2e.Setting("PARLEY_SHUTDOWN_DELAY", "5s"), e2e.Setting("PARLEY_TEXTS_PER_HOUR", "1000"),
		func(_ *e2e.World, o *sinchtest.Options) {
			o.Webhooks = []sinchtest.Webhook{{Target: door.URL + "/webhooks/sinch", Secret: secret}}
		})
	webhooks := make([]*stack.Process, 2)
	start := func(i int, name string) {
		settings := maps.Clone(w.Settings)
		settings["PARLEY_WEBHOOK_ADDR"], settings["PARLEY_API_ADDR"] = strings.TrimPrefix(b.backends[i], "http://"), "127.0.0.1:0"
		webhooks[i] = w.Run(name, "webhook", settings)
		w.Await(webhooks[i], func(ctx context.Context) bool { return stack.Answers(ctx, b.backends[i]+"/readyz") })
	}
	for i := range webhooks {
		b.backends = append(b.backends, "http://"+e2e.Address(t))
		start(i, fmt.Sprint("rolling-", i+1))
	}
	workers := []e2e.Crew{w.Worker}
	w.StartWorker()
	workers = append(workers, w.Worker)
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { b.watch(ctx) })
	t.Cleanup(watching.Wait)
	t.Cleanup(stop)
	w.Eventually("both are in", func() bool { b.mutex.Lock(); defer b.mutex.Unlock(); return len(b.ready) == 2 })

	contacts := make([]sms.Number, 8)
	said := make([]int, len(contacts))
	quiet := make(chan struct{})
	var writing sync.WaitGroup
	for i := range contacts {
		contacts[i] = sms.Number(fmt.Sprintf("+1555987660%d", i))
		writing.Go(func() {
			for {
				select {
				case <-quiet:
					return
				case <-time.After(100 * time.Millisecond):
					// One after the other: callbacks that travel together may change places.
					if _, err := w.Sim.WaitAcknowledged(w.Ctx(), w.Sim.Text(contacts[i], "", fmt.Sprintf("text %d.", said[i]+1))); err != nil {
						t.Errorf("text %d of %s: %v", said[i]+1, contacts[i].Masked(), err)
						return
					}
					said[i]++
					// Of too many that wait to be answered, the oldest are not.
					if err := w.Sim.WaitFor(w.Ctx(), func() bool { return len(e2e.Texts(w.Sim.Phone(contacts[i]).Messages())) > said[i]-10 }); err != nil {
						t.Errorf("an answer for %s: %v", contacts[i].Masked(), err)
						return
					}
				}
			}
		})
	}
	for i, p := range webhooks {
		require.NoError(t, p.Stop())
		start(i, fmt.Sprintf("rolling-%d-anew", i+1))
	}
	for _, crew := range workers {
		w.Worker = crew
		w.StopWorker()
		w.StartWorker()
	}
	close(quiet)
	writing.Wait()

	for i, contact := range contacts {
		require.NotZero(t, said[i])
		var want []string
		for n := range said[i] {
			want = append(want, youSaid(fmt.Sprintf("text %d.", n+1)))
		}
		w.Receives(contact, want[len(want)-1])
		require.Equal(t, want, e2e.Texts(w.Sim.Phone(contact).Messages()))
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	require.NotZero(t, b.answers[http.StatusOK])
	delete(b.answers, http.StatusOK)
	if e2e.Outside != "" {
		delete(b.answers, http.StatusServiceUnavailable) // its database is slow: Sinch calls again
	}
	require.Empty(t, b.answers, "turned away")
}
