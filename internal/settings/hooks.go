package settings

import (
	"errors"
	"fmt"
	"net/url"

	"parley/activities"
	"parley/conversation/wire"
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

const responderURL = "PARLEY_RESPONDER_URL"

// Responder is the hook that decides on replies; the zero Hook if there is none.
func (h Hooks) Responder() (activities.Hook, error) {
	return hook(responderURL, h.ResponderURL, h.HookSecret)
}

// An Address is a service's URL, and the variable that sets it.
type Address struct {
	Setting string
	URL     Secret
}

// Addresses are those of all services.
func (h Hooks) Addresses() []Address {
	return []Address{
		{responderURL, h.ResponderURL},
		{wire.HookOutcome.Setting(), h.OutcomeURL},
		{wire.HookNotify.Setting(), h.NotifyURL},
		{wire.HookFallback.Setting(), h.FallbackURL},
	}
}

// Services are those that are set, of all that are told things.
func (h Hooks) Services() (activities.Services, error) {
	services := activities.Services{}
	var errs []error
	for _, a := range h.Addresses() {
		for _, to := range wire.Hooks() {
			if a.Setting != to.Setting() {
				continue
			}
			hook, err := hook(a.Setting, a.URL, h.HookSecret)
			if errs = append(errs, err); hook.URL != "" {
				services[to] = activities.Posted{Hook: hook, Setting: a.Setting}
			}
		}
	}
	return services, errors.Join(errs...)
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
