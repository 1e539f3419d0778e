package sinch

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Triggers are the kinds of callback that ParseCallback has a use for.
var Triggers = []string{"MESSAGE_INBOUND", "MESSAGE_DELIVERY", "MESSAGE_SUBMIT"}

// Webhook is where Sinch sends an app's callbacks. An app has at most five, each
// with a target of its own.
type Webhook struct {
	ID       string
	Target   string   // a URL
	Triggers []string // such as Triggers
	Secret   string   `json:"-"` // what callbacks are signed with; written only, never read back
}

// String leaves out the secret.
func (w Webhook) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s (%s)", w.ID, w.Target, strings.Join(w.Triggers, ", ")))
}

// GoString is String: %#v would show the secret otherwise.
func (w Webhook) GoString() string { return w.String() }

// CreateWebhook has Sinch send callbacks to the webhook's target, and returns it
// as Sinch made it, without the secret. A target that exists already is refused
// with INVALID_ARGUMENT. Errors are *Error.
func (c *Client) CreateWebhook(ctx context.Context, w Webhook) (Webhook, error) {
	request := struct {
		AppID      string   `json:"app_id"`
		Target     string   `json:"target"`
		TargetType string   `json:"target_type"`
		Secret     string   `json:"secret,omitempty"`
		Triggers   []string `json:"triggers"`
	}{c.appID, w.Target, "HTTP", w.Secret, w.Triggers}
	answer, failure := c.call(ctx, http.MethodPost, "/webhooks", request, w.Secret, w.Target)
	if failure != nil {
		return Webhook{}, fmt.Errorf("creating the webhook: %w", failure)
	}
	o, err := parseObject(answer)
	if err != nil {
		return Webhook{}, fmt.Errorf("creating the webhook: reading the answer: %w", err)
	}
	return webhook(o), nil
}

// ListWebhooks returns the app's webhooks, without their secrets. Errors are
// *Error.
func (c *Client) ListWebhooks(ctx context.Context) ([]Webhook, error) {
	answer, failure := c.call(ctx, http.MethodGet, "/apps/"+url.PathEscape(c.appID)+"/webhooks", nil)
	if failure != nil {
		return nil, fmt.Errorf("listing webhooks: %w", failure)
	}
	list, err := parseObject(answer)
	if err != nil {
		return nil, fmt.Errorf("listing webhooks: reading the answer: %w", err)
	}
	var webhooks []Webhook
	for _, o := range list.objects("webhooks") {
		webhooks = append(webhooks, webhook(o))
	}
	return webhooks, nil
}

// DeleteWebhook ends the callbacks to a webhook, by its id. Errors are *Error.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	if _, failure := c.call(ctx, http.MethodDelete, "/webhooks/"+url.PathEscape(id), nil); failure != nil {
		return fmt.Errorf("deleting the webhook: %w", failure)
	}
	return nil
}

// webhook leaves behind the secret, which Sinch echoes.
func webhook(o object) Webhook {
	return Webhook{ID: o.text("id"), Target: o.text("target"), Triggers: o.texts("triggers")}
}
