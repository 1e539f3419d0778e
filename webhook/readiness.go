package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// readiness asks whether Temporal can be reached, and remembers the answer for
// some seconds: probes are frequent, and come from several sides.
type readiness struct {
	reachable func(context.Context) error
	now       func() time.Time
	log       *slog.Logger

	mutex sync.Mutex
	asked time.Time
	ready bool
}

const readinessLasts = 3 * time.Second

func newReadiness(reachable func(context.Context) error, now func() time.Time, log *slog.Logger) *readiness {
	return &readiness{reachable: reachable, now: now, log: log}
}

// answer does not say why: the port may be open to the world.
func (r *readiness) answer(c echo.Context) error {
	if !r.isReady(c.Request().Context()) {
		return tryLater(c, "Temporal cannot be reached")
	}
	return c.JSON(http.StatusOK, answer{Result: "ok"})
}

func (r *readiness) isReady(ctx context.Context) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if now := r.now(); now.Sub(r.asked) < readinessLasts {
		return r.ready
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	err := r.reachable(ctx)
	if was := r.ready; err == nil && !was {
		r.log.Info("ready: Temporal can be reached")
	} else if err != nil && (was || r.asked.IsZero()) {
		r.log.Warn("Temporal cannot be reached", "error", err)
	}
	r.ready, r.asked = err == nil, r.now()
	return r.ready
}
