package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/internal/settings"
	"parley/sinch"
)

type webhookCmd struct {
	App    settings.SinchApp    `embed:"" group:"Sinch"`
	Access settings.SinchAccess `embed:"" group:"Sinch"`

	Register registerCmd `cmd:"" help:"Have Sinch send its callbacks to a URL."`
	List     hooksCmd    `cmd:"" help:"List where Sinch sends its callbacks."`
	Delete   unhookCmd   `cmd:"" help:"Stop the callbacks to a webhook."`
}

func (a *app) sinch() (*sinch.Client, error) {
	config := a.Webhook.Access.Config(a.Webhook.App, a.parameters)
	config.RequestTimeout = a.Timeout
	return sinch.NewClient(config)
}

type registerCmd struct {
	URL       string                  `name:"url" required:"" placeholder:"https://…" help:"The whole URL, such as https://sms.example.com/webhooks/sinch."`
	Receipts  bool                    `help:"Register a webhook for receipts only: its URL ends in /webhooks/sinch/receipts, and its callbacks are signed with SINCH_RECEIPTS_SECRET."`
	Triggers  []string                `placeholder:"TRIGGER" help:"What to be called for. Default: MESSAGE_INBOUND,MESSAGE_DELIVERY; with --receipts only the second; with SINCH_RECEIPTS=all MESSAGE_SUBMIT too."`
	Callbacks settings.SinchCallbacks `embed:"" group:"Sinch"`
}

// Help is the long help.
func (*registerCmd) Help() string {
	return `Sinch signs its callbacks with the first value of SINCH_WEBHOOK_SECRET; our
webhook accepts each of its values, so that one can be replaced without losing a
text. The secret is never printed.

One webhook for all callbacks is enough. For receipts in a webhook of their own,
with a secret of its own, register two:

  parley webhook register --receipts --url https://sms.example.com/webhooks/sinch/receipts
  parley webhook register --triggers MESSAGE_INBOUND --url https://sms.example.com/webhooks/sinch

Without SINCH_RECEIPTS_SECRET both are signed with SINCH_WEBHOOK_SECRET.`
}

// secrets are what the webhook may be signed with, the newest first.
func (c *registerCmd) secrets(ctx context.Context, p settings.Parameters) ([]string, error) {
	secrets, err := c.Callbacks.Secrets(p)
	if c.Receipts {
		secrets, err = c.Callbacks.ReceiptsSecrets(p)
	}
	if err != nil {
		return nil, err
	}
	return secrets.Get(ctx)
}

// triggers are those asked for, or what the webhook needs.
func (c *registerCmd) triggers() []string {
	var triggers []string
	for _, trigger := range c.Triggers {
		triggers = append(triggers, strings.ToUpper(strings.TrimSpace(trigger)))
	}
	if len(triggers) > 0 {
		return triggers
	}
	if !c.Receipts {
		triggers = append(triggers, "MESSAGE_INBOUND")
	}
	triggers = append(triggers, "MESSAGE_DELIVERY")
	if c.Callbacks.AllReceipts() {
		triggers = append(triggers, "MESSAGE_SUBMIT")
	}
	return triggers
}

// hook is a webhook as it is printed: without its secret.
type hook struct {
	ID       string   `json:"id"`
	Target   string   `json:"target"`
	Triggers []string `json:"triggers"`
}

func hookOf(w sinch.Webhook) hook { return hook{ID: w.ID, Target: w.Target, Triggers: w.Triggers} }

func (h hook) text(w io.Writer, _ *time.Location) {
	fmt.Fprintf(w, "%s  %s  %s\n", h.ID, h.Target, strings.Join(h.Triggers, ","))
}

// Run registers the webhook.
func (c *registerCmd) Run(ctx context.Context, a *app) error {
	if err := checkTarget(c.URL); err != nil {
		return err
	}
	secrets, err := c.secrets(ctx, a.parameters)
	if err != nil {
		return err
	}
	client, err := a.sinch()
	if err != nil {
		return err
	}
	made, err := client.CreateWebhook(ctx, sinch.Webhook{Target: c.URL, Secret: secrets[0], Triggers: c.triggers()})
	var refused *sinch.Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return alreadyRegistered(ctx, client, c.URL, err)
	}
	if err != nil {
		return err
	}
	return a.print(hookOf(made))
}

// alreadyRegistered finds out whether that is why a webhook was refused: Sinch
// says no more than that something about it is invalid.
func alreadyRegistered(ctx context.Context, client *sinch.Client, target string, refusal error) error {
	hooks, err := client.ListWebhooks(ctx)
	if err != nil {
		return refusal
	}
	i := slices.IndexFunc(hooks, func(w sinch.Webhook) bool { return w.Target == target })
	if i < 0 {
		return refusal
	}
	return fmt.Errorf("%s is registered already, as %s for %s; nobody can see with which secret: to change that, or the triggers, run parley webhook delete %s and register it again",
		target, hooks[i].ID, strings.Join(hooks[i].Triggers, ","), hooks[i].ID)
}

// checkTarget wants a URL that Sinch can call without anybody reading along.
// The simulator on this machine may be told of plain http.
func checkTarget(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return usagef("--url must be a whole URL such as https://sms.example.com/webhooks/sinch")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback(); u.Scheme == "http" && !local {
		return usagef("--url must begin with https://: texts would travel in clear otherwise")
	}
	return nil
}

type hooksCmd struct{}

// hooks are all of an app's webhooks.
type hooks []hook

func (h hooks) text(w io.Writer, zone *time.Location) {
	if len(h) == 0 {
		fmt.Fprintln(w, "the app has no webhook: parley webhook register --url https://…/webhooks/sinch")
	}
	for _, one := range h {
		one.text(w, zone)
	}
}

// Run lists the webhooks.
func (*hooksCmd) Run(ctx context.Context, a *app) error {
	client, err := a.sinch()
	if err != nil {
		return err
	}
	found, err := client.ListWebhooks(ctx)
	if err != nil {
		return err
	}
	all := hooks{} // in JSON an empty list, not null
	for _, w := range found {
		all = append(all, hookOf(w))
	}
	return a.print(all)
}

type unhookCmd struct {
	ID string `arg:"" help:"The webhook's id, as list prints it."`
}

// deleted is what is printed about a webhook that is no more.
type deleted struct {
	ID string `json:"deleted"`
}

func (d deleted) text(w io.Writer, _ *time.Location) { fmt.Fprintln(w, "deleted", d.ID) }

// Run deletes the webhook.
func (c *unhookCmd) Run(ctx context.Context, a *app) error {
	client, err := a.sinch()
	if err != nil {
		return err
	}
	err = client.DeleteWebhook(ctx, c.ID)
	var missing *sinch.Error
	if errors.As(err, &missing) && missing.Status == http.StatusNotFound {
		return fmt.Errorf("there is no webhook %s: parley webhook list shows those of the app", c.ID)
	}
	if err != nil {
		return err
	}
	return a.print(deleted{c.ID})
}
