package livecheck

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/sinch"
)

// mostWebhooks is how many an app can have.
const mostWebhooks = 5

// room makes sure that the app can have our webhook too.
func (r *Run) room() error {
	for _, hook := range r.hooks {
		if hook.Target == r.target {
			return fmt.Errorf("a check before left its webhook behind: run parley webhook delete %s", hook.ID)
		}
	}
	if len(r.hooks) >= mostWebhooks {
		return fmt.Errorf("the app has %d webhooks already, and can have no more: delete one, see parley webhook list", len(r.hooks))
	}
	return nil
}

// knock makes sure that the URL leads here.
func (r *Run) knock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.target, nil)
	if err != nil {
		return errors.New("the URL must be a whole one, of a tunnel that leads here: https://…")
	}
	address := r.check.Listener.Addr().String()
	response, err := (&http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}}).Do(request)
	if err != nil {
		return fmt.Errorf("the URL cannot be reached: does the tunnel run, and lead to %s?", address)
	}
	_ = response.Body.Close()
	if response.Header.Get(proofHeader) != r.inbox.proof {
		return fmt.Errorf("the URL leads somewhere else (it answered %d): have the tunnel lead to %s", response.StatusCode, address)
	}
	return nil
}

// cleanUp is how long the last calls may take, whatever ended the check.
const cleanUp = 15 * time.Second

// register makes the webhook. Ctrl-C does not end the call: nobody would know
// whether there is something to delete.
func (r *Run) register(ctx context.Context, secret string) (sinch.Webhook, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	hook, err := r.client.CreateWebhook(ctx, sinch.Webhook{Target: r.target, Secret: secret, Triggers: sinch.Triggers})
	if err == nil {
		return hook, nil
	}
	// It may have been made all the same.
	if hooks, unlisted := r.client.ListWebhooks(ctx); unlisted == nil {
		for _, hook := range hooks {
			if hook.Target == r.target {
				err = errors.Join(err, r.unregister(ctx, hook))
			}
		}
	}
	return sinch.Webhook{}, err
}

func (r *Run) unregister(ctx context.Context, hook sinch.Webhook) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	err := r.client.DeleteWebhook(ctx, hook.ID)
	if failed, ok := errors.AsType[*sinch.Error](err); ok && failed.Status == http.StatusNotFound {
		return nil // somebody else did
	}
	if err != nil {
		return fmt.Errorf("the check's own webhook is still there, run parley webhook delete %s: %w", hook.ID, err)
	}
	return nil
}
