// Package doctor examines an installation, and says what to do about what is
// wrong: settings, Temporal, task queues and workers, the app at Sinch and its
// webhook, and what goes on. It changes nothing, and prints nothing: its caller
// connects to Temporal and shows the findings, whose advice names commands of parley.
package doctor

import (
	"context"
	"strings"
	"time"

	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/internal/wording"
	"parley/sms"
)

// A Doctor examines one installation. All fields but IDKey and Probe are required.
type Doctor struct {
	Env        settings.Env // of worker, webhook and parley
	Parameters settings.Parameters
	IDKey      secrets.Value // that workflow ids are made with, or nil
	// Dial connects to Temporal; Examine closes the connection. Its error says where
	// Temporal was looked for, and what to do.
	Dial func(context.Context, settings.Temporal) (*Server, error)

	Zone    *time.Location // in which times are told
	Timeout time.Duration  // of each step
	Sample  int            // how many conversations are looked into, those that began last; 1 or more
	Probe   string         // the URL that Sinch calls; a harmless callback is posted there. Empty: no probe
}

// An examination goes step by step, and keeps what later steps need.
type examination struct {
	Doctor
	installation
	server  *Server // nil: Temporal cannot be reached
	current string  // the build that new work goes to; empty without versioning
}

// steps are in the order in which they are reported. A later one may need what an
// earlier one has found.
func (e *examination) steps() []func(context.Context) []Finding {
	steps := []func(context.Context) []Finding{
		e.examineSettings,
		e.examineParameters,
		e.examineTemporal,
		e.examineTaskQueues,
		e.examineApp,
		e.examineWebhooks,
		e.examineConversations,
		e.examineScripts,
		e.examineRules,
		e.examineLife,
	}
	if e.Probe != "" {
		steps = append(steps, e.examineDoor)
	}
	return steps
}

// Examine calls report with the findings of each step as soon as it is done, and
// returns all findings. It stops at the step during which the context ends.
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
		e.server.Temporal.Close()
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
	return strings.ReplaceAll(sms.Mask(wording.Printable(strings.TrimSpace(s))), "\n", "; ")
}
