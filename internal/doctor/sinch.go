package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"parley/sinch"
	"parley/sms"
)

// needed are the triggers without which there are no conversations.
var needed = []string{"MESSAGE_INBOUND", "MESSAGE_DELIVERY"}

// client is Sinch's, or nil and the settings that it lacks.
func (e *examination) client() (*sinch.Client, string, error) {
	config := e.access.Config(e.sinchApp, e.Parameters)
	config.RequestTimeout = e.Timeout
	var missing []string
	for _, name := range []string{"SINCH_PROJECT_ID", "SINCH_APP_ID", "SINCH_ACCESS_KEY", "SINCH_ACCESS_KEY_SECRET"} {
		if !e.isSet(name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, strings.Join(missing, ", "), nil
	}
	c, err := sinch.NewClient(config)
	return c, "", err
}

func (e *examination) examineApp(ctx context.Context) []Finding {
	const check = "Sinch's app"
	client, missing, err := e.client()
	switch {
	case err != nil:
		return []Finding{failed(check, "mend the setting", "%v", err)}
	case missing != "":
		return []Finding{warned(check, "set it here to have the app and its webhooks looked at", "not set here: %s", missing)}
	}
	app, err := client.App(ctx)
	if err != nil {
		return []Finding{failedAtSinch(check, err)}
	}
	found := []Finding{fine(check, "%s in region %s, in %s mode; the access key is taken", cmp.Or(app.Name, app.ID), cmp.Or(strings.ToLower(e.access.Region), "us"), app.ProcessingMode)}
	return append(found, examineChannel(app), e.examineList(app))
}

// failedAtSinch tells apart what Sinch answers from what there is to do.
func failedAtSinch(check string, err error) Finding {
	if answer, ok := errors.AsType[*sinch.Error](err); ok {
		return failed(check, cmp.Or(answer.Detail, "try again; see docs/sinch.md, When it does not work"), "Sinch's answer: %s", answer.Code)
	}
	return failed(check, "see docs/sinch.md, When it does not work", "%v", err)
}

func examineChannel(app sinch.App) Finding {
	const check = "Sinch's SMS channel"
	const advice = "add the SMS channel to the app, with the service plan of your numbers"
	channel, has := app.Channel("SMS")
	switch {
	case !has:
		return failed(check, advice, "the app has none: no text leaves")
	case channel.Status == "FAILING":
		return failed(check, "look at the channel in Sinch's dashboard", "failing: %s", channel.Detail)
	case channel.Status != "" && channel.Status != "ACTIVE":
		return warned(check, "look at the channel in Sinch's dashboard", "%s %s", channel.Status, channel.Detail)
	}
	return fine(check, "active")
}

func (e *examination) examineList(app sinch.App) Finding {
	const check = "Sinch's message list"
	switch app.Source() {
	case sinch.ConversationSource:
		return fine(check, "kept for %s: it settles doubts, and backfill reads it", e.Counted(app.RetentionDays, "day"))
	case sinch.DispatchSource:
		return fine(check, "kept for %s: it settles doubts, and backfill reads it", e.Counted(app.DispatchRetentionDays, "day"))
	}
	return warned(check, "set the app to CONVERSATION mode, or give it a dispatch retention of a day or more; without, set SINCH_RECEIPTS=all",
		"Sinch keeps none: a text in doubt may be sent twice, and missed texts cannot be brought in")
}

func (e *examination) examineWebhooks(ctx context.Context) []Finding {
	const check = "Sinch's webhook"
	client, missing, err := e.client()
	if client == nil || err != nil || missing != "" {
		return nil // which the step before has said
	}
	hooks, err := client.ListWebhooks(ctx)
	if err != nil {
		return []Finding{failedAtSinch(check, err)}
	}
	probe := e.Probe
	register := "parley webhook register --url https://…" + callbacksPath
	if strings.HasSuffix(probe, callbacksPath) {
		register = "parley webhook register --url " + plain(probe)
	}
	if len(hooks) == 0 {
		return []Finding{failed(check, register, "none is registered: nothing comes in")}
	}
	var found []Finding
	covered := map[string]bool{}
	for _, hook := range hooks {
		target, err := url.Parse(hook.Target)
		ours := err == nil && (strings.HasSuffix(target.Path, callbacksPath) || strings.HasSuffix(target.Path, receiptsPath))
		switch {
		case !ours:
			found = append(found, warned(check, "leave it, if it is another program's", "%s is not a path of Parley's (%s)", plain(hook.Target), callbacksPath))
			continue
		case target.Scheme != "https" && !isLocal(target):
			found = append(found, failed(check, "register the https:// URL, and parley webhook delete "+hook.ID, "texts come to %s in clear", plain(hook.Target)))
		default:
			found = append(found, fine(check, "%s for %s", plain(hook.Target), strings.Join(hook.Triggers, ", ")))
		}
		for _, trigger := range hook.Triggers {
			covered[trigger] = true
		}
	}
	for _, trigger := range needed {
		if !covered[trigger] {
			found = append(found, failed(check, register+"; if that URL is registered already, delete it first", "no webhook of Parley's gets %s", trigger))
		}
	}
	if probe != "" && !slices.ContainsFunc(hooks, func(w sinch.Webhook) bool { return w.Target == probe }) {
		found = append(found, warned(check, register+", or probe the URL that Sinch calls", "%s, which is probed, is not registered", plain(probe)))
	}
	return found
}

// The paths of our webhook, as programs other than it know them.
const (
	callbacksPath = "/webhooks/sinch"
	receiptsPath  = "/webhooks/sinch/receipts"
)

// plain is a URL without what may be a secret in it.
func plain(target string) string {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return "a target that is no URL"
	}
	return fmt.Sprintf("%s://%s%s", u.Scheme, u.Host, u.EscapedPath())
}

func maskedSenders(senders []sms.Sender) []string {
	masked := make([]string, len(senders))
	for i, s := range senders {
		masked[i] = s.Masked()
	}
	return masked
}
