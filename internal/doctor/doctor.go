// Package doctor examines an installation, and says what to do about what is
// wrong: settings, Temporal, task queues and workers, the app at Sinch and its
// webhook, and what goes on. It changes nothing. It knows no command line: who
// calls it reaches Temporal, and shows what is found.
package doctor

import (
	"context"
	"strings"
	"time"

	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/sms"
)

// A Doctor examines the installation whose settings it is given.
type Doctor struct {
	Env        settings.Env // of worker, webhook and parley
	Parameters settings.Parameters
	IDKey      secrets.Value // that workflow ids are made with, or nil
	// Dial reaches Temporal. Its error says where, and what to do.
	Dial func(context.Context, settings.Temporal) (*Server, error)
	Words

	Timeout time.Duration // of each step
	Sample  int           // how many conversations are looked into, those that began last; 1 or more
	Probe   string        // the URL that Sinch calls, to post a harmless callback to; empty: none is
}

// Words are how the calling program writes what a person reads.
type Words struct {
	Counted   func(n int, what string) string // "1 worker", "2 workers"
	Age       func(time.Duration) string      // "5m", "1h00m"
	Printable func(string) string             // takes out what would do something to a terminal
}

// An examination goes step by step, and keeps what later steps need.
type examination struct {
	Doctor
	installation
	server *Server // nil: Temporal cannot be reached
}

// steps are in the order in which they are reported. Each has the time of
// Timeout. A step may fill in settings for those after it.
func (e *examination) steps() []func(context.Context) []Finding {
	steps := []func(context.Context) []Finding{
		e.examineSettings,
		e.examineParameters,
		e.examineTemporal,
		e.examineTaskQueues,
		e.examineApp,
		e.examineWebhooks,
		e.examineConversations,
		e.examineLife,
	}
	if e.Probe != "" {
		steps = append(steps, e.examineDoor)
	}
	return steps
}

// Examine hands the findings of each step to report as soon as there are some, and
// returns all of them. Once the context has ended, it leaves out the rest.
func (d Doctor) Examine(ctx context.Context, report func([]Finding)) []Finding {
	e := &examination{Doctor: d, installation: readInstallation(d.Env)}
	all := []Finding{} // in JSON an empty list, not null
	for _, step := range e.steps() {
		found := e.take(ctx, step)
		if ctx.Err() != nil {
			break
		}
		report(found)
		all = append(all, found...)
	}
	if e.server != nil {
		e.server.Close()
	}
	return all
}

func (e *examination) take(ctx context.Context, step func(context.Context) []Finding) []Finding {
	ctx, cancel := context.WithTimeout(ctx, e.Timeout)
	defer cancel()
	found := step(ctx)
	for i := range found {
		// What others say may hold anything, and this is pasted into tickets.
		found[i].Found, found[i].Advice = e.presentable(found[i].Found), e.presentable(found[i].Advice)
	}
	return found
}

func (e *examination) presentable(s string) string {
	return strings.ReplaceAll(sms.Mask(e.Printable(strings.TrimSpace(s))), "\n", "; ")
}
