package settings

import (
	"fmt"
	"net/url"

	"parley/activities"
)

// Hooks are the user's own services.
type Hooks struct {
	ResponderURL Secret `env:"PARLEY_RESPONDER_URL" placeholder:"URL" help:"Service that decides on replies: each text that no script waits for is posted there. Default: the reply built in."`
	OutcomeURL   Secret `env:"PARLEY_OUTCOME_URL" placeholder:"URL" help:"Service that is told how scripts end."`
	NotifyURL    Secret `env:"PARLEY_NOTIFY_URL" placeholder:"URL" help:"Service that is told when something waits for a person."`
	FallbackURL  Secret `env:"PARLEY_FALLBACK_URL" placeholder:"URL" help:"Service that is handed texts which could not be delivered, for e-mail, push or a letter."`
	Signing      `embed:""`
}

// Signing is what requests to the user's own services are signed with.
type Signing struct {
	HookSecret Secret `env:"PARLEY_HOOK_SECRET" placeholder:"SECRET" help:"Signs the requests to your own services, as standardwebhooks.com says."`
}

// Responder is the hook that decides on replies; the zero Hook if there is none.
func (h Hooks) Responder() (activities.Hook, error) {
	return hook("PARLEY_RESPONDER_URL", h.ResponderURL, h.HookSecret)
}

// Outcome is the hook that is told how scripts end; the zero Hook if there is none.
func (h Hooks) Outcome() (activities.Hook, error) {
	return hook("PARLEY_OUTCOME_URL", h.OutcomeURL, h.HookSecret)
}

// Notify is the hook that is told when something waits for a person; the zero
// Hook if there is none.
func (h Hooks) Notify() (activities.Hook, error) {
	return hook("PARLEY_NOTIFY_URL", h.NotifyURL, h.HookSecret)
}

// Fallback is the hook that is handed what could not be delivered; the zero Hook
// if there is none.
func (h Hooks) Fallback() (activities.Hook, error) {
	return hook("PARLEY_FALLBACK_URL", h.FallbackURL, h.HookSecret)
}

// hook does not repeat the URL in its error, since a token may be part of it.
func hook(name string, address, secret Secret) (activities.Hook, error) {
	if address == "" {
		return activities.Hook{}, nil
	}
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return activities.Hook{}, fmt.Errorf("set %s to a URL that begins with https:// or http://", name)
	}
	return activities.Hook{URL: address.Reveal(), Secret: secret.Reveal()}, nil
}
