package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"parley/internal/livecheck"
	"parley/internal/settings"
	"parley/internal/wording"
	"parley/sms"
)

type liveCheckCmd struct {
	To     sms.Number           `required:"" placeholder:"+1…" help:"The number of a phone in your hand."`
	URL    string               `name:"url" required:"" placeholder:"https://…" help:"Of a tunnel that leads to --listen."`
	Listen string               `default:"127.0.0.1:8085" placeholder:"ADDRESS" help:"Where callbacks are taken. Default: ${default}."`
	Only   []int                `placeholder:"NUMBER" help:"Assumptions to ask about, by their numbers in docs/sinch.md. Default: all."`
	Skip   []int                `placeholder:"NUMBER" help:"Assumptions to leave out."`
	Save   string               `placeholder:"FILE" help:"Write the whole report to a new file, as JSON."`
	Yes    bool                 `help:"Do not ask before anything is sent."`
	App    settings.SinchApp    `embed:"" group:"Sinch"`
	Access settings.SinchAccess `embed:"" group:"Sinch"`
}

// Help is the long help.
func (*liveCheckCmd) Help() string {
	return `Asks Sinch, with a phone in your hand, what docs/sinch.md assumes of it. It sends
texts, which cost money, and tells you what to do with the phone; Enter skips what
you cannot do, and Ctrl-C ends with what is known so far.

Callbacks come through a tunnel of its own, such as

  cloudflared tunnel --url http://127.0.0.1:8085

to a webhook that is registered for the check and deleted after it. The app's other
webhooks get a copy of all: what is behind them acts on your STOP too.

The report of --save and --json holds the callbacks as they came, with what you
texted, under numbers and ids that are not yours. Its "readings" make the simulator
behave as was seen:

  simulator --readings "$(jq -c .readings FILE)"`
}

// Run asks, and prints what was found out.
func (c *liveCheckCmd) Run(ctx context.Context, a *app) (err error) {
	if err := checkTarget(c.URL); err != nil {
		return err
	}
	run, err := c.prepare(ctx, a)
	if err != nil {
		return err
	}
	defer run.listener.Close()
	out := a.stdout
	if a.JSON {
		out = a.stderr // the other is for the document
	}
	person := newTerminal(a.stdin, out)
	if !c.Yes {
		if !isTerminal(a.stdin) {
			return errNobody
		}
		c.announce(out, run.Plan())
		switch person.Ask(ctx, "Go on?") {
		case livecheck.Yes:
		case livecheck.No:
			return errors.New("nothing was sent")
		default:
			return errNobody
		}
	}
	saved, err := newFile(c.Save)
	if err != nil {
		return err
	}
	report, err := run.Do(ctx, person)
	if err != nil && !slices.ContainsFunc(report.Results, wasProbed) {
		return errors.Join(err, saved.remove())
	}
	return errors.Join(err, saved.write(report), a.print(liveReport{report}))
}

var errNobody = usagef("nothing was sent: nobody has said yes to texts, which cost money; say it in a terminal, or add --yes")

// liveRun is a run that is ready to begin, and where it listens.
type liveRun struct {
	*livecheck.Run
	listener net.Listener
}

func (c *liveCheckCmd) prepare(ctx context.Context, a *app) (liveRun, error) {
	config := c.Access.Config(c.App, a.parameters)
	config.RequestTimeout = a.Timeout
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return liveRun{}, fmt.Errorf("listening on %s: %w; choose another address with --listen", c.Listen, err)
	}
	run, err := livecheck.Prepare(ctx, livecheck.Check{
		Sinch: config, To: c.To, Senders: c.App.Senders(), URL: c.URL, Listener: listener,
		Only: c.Only, Skip: c.Skip, Waits: livecheck.Usual,
	})
	if err != nil {
		_ = listener.Close()
		return liveRun{}, err
	}
	return liveRun{run, listener}, nil
}

// announce says what is going to happen, and what it costs.
func (c *liveCheckCmd) announce(w io.Writer, p livecheck.Plan) {
	fmt.Fprintf(w, "This registers a webhook at Sinch, and deletes it at the end. Steps: %s.\n", strings.Join(p.Steps, ", "))
	fmt.Fprintf(w, "It sends %s to %s: about %s, each of which costs money. A channel that the app lacks costs nothing.\n",
		wording.Counted(p.Texts, "text"), c.To.Masked(), wording.Counted(p.Segments, "segment"))
	fmt.Fprintf(w, "You are asked to send %s from the phone, which may cost too.\n", wording.Counted(p.PhoneTexts, "message"))
	if p.Webhooks > 0 {
		fmt.Fprintf(w, "The app has %s already, which gets a copy of everything: what is behind it may answer you.\n", wording.Counted(p.Webhooks, "webhook"))
		if p.Stops {
			fmt.Fprintln(w, "It acts on your STOP too, and on START afterwards. To leave STOP out, use --skip 8.")
		}
	}
}

func wasProbed(r livecheck.Result) bool { return r.Verdict != livecheck.NotProbed }

// liveReport is what was found out, as it is printed.
type liveReport struct{ livecheck.Report }

func (r liveReport) text(w io.Writer, _ *time.Location) {
	fmt.Fprintln(w)
	for _, result := range r.Results {
		says := result.Says()
		if wasProbed(result) {
			says += " · " + result.Fact
		}
		fmt.Fprintf(w, "%2d  %s\n    %s\n", result.Number, result.Assumption, wording.Printable(says))
	}
	if readings, err := json.Marshal(r.Readings); err == nil && len(r.Readings) > 0 {
		fmt.Fprintf(w, "\nTo try the rest of Parley with what was seen: simulator --readings '%s'\n", readings)
	}
}

// A file is where a report is saved; nil: nowhere.
type file struct{ *os.File }

// newFile makes the file before anything is sent, since the report cannot be had again.
func newFile(name string) (file, error) {
	if name == "" {
		return file{}, nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the file that the person asked for
	if errors.Is(err, os.ErrExist) {
		return file{}, usagef("--save: %s is there already, choose another name", name)
	}
	if err != nil {
		return file{}, fmt.Errorf("saving the report: %w", err)
	}
	return file{f}, nil
}

func (f file) write(report livecheck.Report) error {
	if f.File == nil {
		return nil
	}
	encoder := json.NewEncoder(f)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := errors.Join(encoder.Encode(report), f.Close()); err != nil {
		return fmt.Errorf("saving the report: %w", err)
	}
	return nil
}

// remove takes the file away in which there is nothing.
func (f file) remove() error {
	if f.File == nil {
		return nil
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
