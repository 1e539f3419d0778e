// Package health answers the probes of what runs our programs: GET /healthz says
// that the process is well, GET /readyz that it can do its work.
package health

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// lasts is how long an answer about the services that we need is good for:
// probes are frequent, and come from several sides.
const lasts = 3 * time.Second

// askTimeout is how long those services may take to answer.
const askTimeout = 4 * time.Second

// A Check is a service without which there is nothing to do. Words are what a
// probe is told while Ask fails; the error itself is only logged, since the port
// may be open to the world.
type Check struct {
	Words string
	Ask   func(context.Context) error
}

// Readiness says whether a program can do its work: not before Begin, not after
// End, and between them while all checks succeed.
type Readiness struct {
	log *slog.Logger
	now func() time.Time

	asking sync.Mutex // held while the checks run

	mutex  sync.Mutex
	phase  string // what to say before Begin and after End; empty between them
	checks []Check
	asked  time.Time
	failed string // the words of the check that failed; empty: none did
}

// New returns one that is not ready yet.
func New(log *slog.Logger, now func() time.Time) *Readiness {
	return &Readiness{log: log, now: now, phase: "starting"}
}

// Begin says that the program has started.
func (r *Readiness) Begin(checks ...Check) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.phase, r.checks = "", checks
}

// End says that the program is about to stop, so that nothing more is given to
// it. There is no way back.
func (r *Readiness) End() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.phase = "stopping"
}

// answer is the body of both answers.
type answer struct {
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
}

// Healthz answers GET /healthz. It depends on nothing outside, since starting the
// process again mends nothing outside.
func (r *Readiness) Healthz(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, answer{Result: "ok"})
}

// Readyz answers GET /readyz.
func (r *Readiness) Readyz(w http.ResponseWriter, request *http.Request) {
	if missing := r.missing(request.Context()); missing != "" {
		w.Header().Set("Retry-After", "5")
		write(w, http.StatusServiceUnavailable, answer{"unavailable", missing})
		return
	}
	write(w, http.StatusOK, answer{Result: "ok"})
}

func write(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // a probe that hangs up has its answer
}

// missing is what the program lacks to do its work, in words.
func (r *Readiness) missing(ctx context.Context) string {
	r.asking.Lock()
	defer r.asking.Unlock()
	r.mutex.Lock()
	phase, checks, age, failed := r.phase, r.checks, r.now().Sub(r.asked), r.failed
	first := r.asked.IsZero()
	r.mutex.Unlock()
	if phase != "" {
		return phase
	}
	if !first && age >= 0 && age < lasts {
		return failed
	}
	// The answer is for all who ask, so it does not end with the first of them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	found, err := ask(ctx, checks)
	switch {
	case found == "" && (first || failed != ""):
		r.log.Info("ready for work: all that is needed can be reached")
	case found != "" && (first || failed == ""):
		r.log.Warn("not ready: "+found, "error", err)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	// By the wall clock: the other one may stand still while a Lambda is frozen.
	r.asked, r.failed = r.now().Round(0), found
	if r.phase != "" {
		return r.phase
	}
	return found
}

func ask(ctx context.Context, checks []Check) (string, error) {
	for _, c := range checks {
		if err := c.Ask(ctx); err != nil {
			return c.Words, err
		}
	}
	return "", nil
}
