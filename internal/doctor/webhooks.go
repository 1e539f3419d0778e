package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"parley/sinch"
)

// needed are the triggers without which there are no conversations.
var needed = []string{"MESSAGE_INBOUND", "MESSAGE_DELIVERY"}

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
	register := "parley webhook register --url https://…" + callbacksPath
	if strings.HasSuffix(e.Probe, callbacksPath) {
		register = "parley webhook register --url " + plain(e.Probe)
	}
	if len(hooks) == 0 {
		return []Finding{failed(check, register, "none is registered: nothing comes in")}
	}
	var found []Finding
	covered := map[string]bool{}
	for _, hook := range hooks {
		f, ours := examineWebhook(check, hook)
		found = append(found, f)
		for _, trigger := range hook.Triggers {
			covered[trigger] = covered[trigger] || ours
		}
	}
	for _, trigger := range needed {
		if !covered[trigger] {
			found = append(found, failed(check, register+"; if that URL is registered already, delete it first", "no webhook of Parley's gets %s", trigger))
		}
	}
	if e.Probe != "" && !slices.ContainsFunc(hooks, func(w sinch.Webhook) bool { return w.Target == e.Probe }) {
		found = append(found, warned(check, register+", or probe the URL that Sinch calls", "%s, which is probed, is not registered", plain(e.Probe)))
	}
	return found
}

// examineWebhook reports whether it is one of ours, too.
func examineWebhook(check string, hook sinch.Webhook) (f Finding, ours bool) {
	target, err := url.Parse(hook.Target)
	switch {
	case err != nil || !strings.HasSuffix(target.Path, callbacksPath) && !strings.HasSuffix(target.Path, receiptsPath):
		return warned(check, "leave it, if it is another program's", "%s is not a path of Parley's (%s)", plain(hook.Target), callbacksPath), false
	case target.Scheme != "https" && !isLocal(target):
		return failed(check, "register the https:// URL, and parley webhook delete "+hook.ID, "texts come to %s in clear", plain(hook.Target)), true
	}
	return fine(check, "%s for %s", plain(hook.Target), strings.Join(hook.Triggers, ", ")), true
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
