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
)

// A balancer gives each request to the next webhook that says it is ready, and
// does not try again.
type balancer struct {
	mutex    sync.Mutex
	ready    []*httputil.ReverseProxy
	next     int
	answers  map[int]int // by status; 0: a webhook could not be reached
	backends []string
}

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
				b.count(0)
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
		b.count(http.StatusServiceUnavailable)
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
	w := newWorld(t, setting("PARLEY_SHUTDOWN_DELAY", "2s"), setting("PARLEY_TEXTS_PER_HOUR", "1000"),
		func(_ *world, o *sinchtest.Options) {
			o.Webhooks = []sinchtest.Webhook{{Target: door.URL + "/webhooks/sinch", Secret: secret}}
		})
	type unit struct {
		name, program string
		settings      map[string]string
		process       *stack.Process
	}
	first := strings.TrimSuffix(w.hook, "/webhooks/sinch")
	second := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	another := maps.Clone(w.settings)
	another["PARLEY_WEBHOOK_ADDR"], another["PARLEY_API_ADDR"] = second, "127.0.0.1:0"
	units := []*unit{{name: "webhook", program: "webhook", settings: w.settings}, {name: "webhook-2", program: "webhook", settings: another}}
	for _, p := range w.started {
		if p.Name == "webhook" {
			units[0].process = p
		}
	}
	units[1].process = w.run("webhook-2", "webhook", another)
	b.backends = []string{first, "http://" + second}
	ready := func(u *unit) {
		w.await(u.process, func(ctx context.Context) bool {
			return stack.Answers(ctx, "http://"+u.settings["PARLEY_WEBHOOK_ADDR"]+"/readyz")
		})
	}
	ready(units[1])
	workers := []*stack.Process{w.worker}
	w.startWorker()
	workers = append(workers, w.worker)
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { b.watch(ctx) })
	t.Cleanup(watching.Wait)
	t.Cleanup(stop)
	w.eventually("both are in", func() bool { b.mutex.Lock(); defer b.mutex.Unlock(); return len(b.ready) == 2 })

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
					if _, err := w.sim.WaitAcknowledged(w.ctx(), w.sim.Text(contacts[i], "", fmt.Sprintf("text %d.", said[i]+1))); err != nil {
						t.Errorf("text %d of %s: %v", said[i]+1, contacts[i].Masked(), err)
						return
					}
					said[i]++
				}
			}
		})
	}
	for _, u := range units {
		require.NoError(t, u.process.Stop())
		u.process = w.run(u.name+"-anew", u.program, u.settings)
		ready(u)
	}
	for _, p := range workers {
		require.NoError(t, p.Stop())
		w.startWorker()
	}
	close(quiet)
	writing.Wait()

	for i, contact := range contacts {
		require.NotZero(t, said[i])
		var want []string
		for n := range said[i] {
			want = append(want, youSaid(fmt.Sprintf("text %d.", n+1)))
		}
		w.receives(contact, want[len(want)-1])
		require.Equal(t, want, texts(w.sim.Phone(contact).Messages()))
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	require.Len(t, b.answers, 1, "answered otherwise than 200: %v", b.answers)
	require.NotZero(t, b.answers[http.StatusOK])
}
