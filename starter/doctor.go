package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"parley/sms"
)

type doctorCmd struct {
	Probe  string `placeholder:"https://…" help:"Post a harmless callback, signed as Sinch signs, to this URL: the one that Sinch calls."`
	Sample int    `default:"50" placeholder:"N" help:"How many conversations to look into, those that began last. Default: ${default}."`
}

// Help is the long help.
func (*doctorCmd) Help() string {
	return `Examines an installation, and changes nothing: settings, Temporal, task queues and
workers, the app at Sinch and its webhook, and what goes on. It says what was
found, and what to do about it. What is not set here is left out.

  parley doctor
  parley doctor --probe https://sms.example.com/webhooks/sinch

It reads the environment of worker, webhook and parley, so run it where that is
set. No worker is needed, and no conversation is asked. --timeout is for each
step. The exit code is 1 if anything failed; warnings alone leave it at 0.`
}

// A status says how bad a finding is.
type status string

const (
	statusOK   status = "ok"
	statusWarn status = "warn" // it works, or may; somebody should know
	statusFail status = "fail" // texts do not get through, or will not for long
)

// A finding is one line of the report.
type finding struct {
	Check  string `json:"check"`
	Status status `json:"status"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

func fine(check, found string, args ...any) finding {
	return finding{Check: check, Status: statusOK, Found: fmt.Sprintf(found, args...)}
}

func warned(check, advice, found string, args ...any) finding {
	return finding{Check: check, Status: statusWarn, Found: fmt.Sprintf(found, args...), Advice: advice}
}

func failed(check, advice, found string, args ...any) finding {
	return finding{Check: check, Status: statusFail, Found: fmt.Sprintf(found, args...), Advice: advice}
}

// findings are the whole report, for --json.
type findings []finding

func (list findings) text(w io.Writer, _ *time.Location) {
	for _, f := range list {
		fmt.Fprintf(w, "%-5s %s: %s\n", f.Status, f.Check, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(w, "      → %s\n", f.Advice)
		}
	}
}

// A doctor examines step by step, and keeps what later steps need.
type doctor struct {
	*app
	command *doctorCmd
	installation
	server *server // nil: Temporal cannot be reached
}

// steps are in the order in which they are printed. Each has the time of
// --timeout. A step may fill in settings for those after it.
func (d *doctor) steps() []func(context.Context) []finding {
	steps := []func(context.Context) []finding{
		d.examineSettings,
		d.examineParameters,
		d.examineTemporal,
		d.examineTaskQueues,
		d.examineApp,
		d.examineWebhooks,
		d.examineConversations,
		d.examineLife,
	}
	if d.command.Probe != "" {
		steps = append(steps, d.examineDoor)
	}
	return steps
}

// Run examines everything.
func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	if c.Sample < 1 {
		return usagef("--sample must be 1 or more")
	}
	d := &doctor{app: a, command: c, installation: readInstallation(a.env)}
	all := findings{}
	for _, step := range d.steps() {
		found := d.take(ctx, step)
		if ctx.Err() != nil {
			break
		}
		if !a.JSON {
			findings(found).text(a.stdout, a.zone)
		}
		all = append(all, found...)
	}
	if d.server != nil {
		d.server.Close()
	}
	if a.JSON {
		if err := a.print(all); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errors.New("examining: interrupted")
	}
	return all.verdict()
}

func (d *doctor) take(ctx context.Context, step func(context.Context) []finding) []finding {
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	found := step(ctx)
	for i := range found {
		// What others say may hold anything, and this is pasted into tickets.
		found[i].Found, found[i].Advice = presentable(found[i].Found), presentable(found[i].Advice)
	}
	return found
}

func presentable(s string) string {
	return strings.ReplaceAll(sms.Mask(printable(strings.TrimSpace(s))), "\n", "; ")
}

func (list findings) verdict() error {
	bad := 0
	for _, f := range list {
		if f.Status == statusFail {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %s failed", bad, counted(len(list), "check"))
	}
	return nil
}
