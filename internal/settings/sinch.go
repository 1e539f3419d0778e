package settings

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"parley/internal/secrets"
	"parley/sinch"
	"parley/sms"
	"parley/sms/numbers"
)

// Sinch is everything about the carrier. Who needs less embeds a part of it, so
// that no process asks for, or lists, credentials that it does not use.
type Sinch struct {
	SinchApp
	SinchAccess
	SinchCallbacks
}

// Config is what the carrier's client needs; sinch.NewClient checks it.
func (s Sinch) Config(p Parameters) sinch.Config { return s.SinchAccess.Config(s.SinchApp, p) }

// SinchApp says whose texts they are.
type SinchApp struct {
	AppID     string       `name:"sinch-app-id" env:"SINCH_APP_ID" placeholder:"ID" help:"The Conversation API app."`
	SMSSender []sms.Sender `name:"sinch-sms-sender" env:"SINCH_SMS_SENDER" placeholder:"+1…" help:"Our own numbers; the first is the default one. Default: the app's."`
}

// Senders are our own addresses in normal form, the default one first; there
// may be none.
func (a SinchApp) Senders() []sms.Sender {
	var senders []sms.Sender
	for _, s := range a.SMSSender {
		s := numbers.ParseSender(strings.TrimSpace(string(s)))
		if s != "" && !slices.Contains(senders, s) {
			senders = append(senders, s)
		}
	}
	return senders
}

// DefaultSender is the first of the senders, or empty.
func (a SinchApp) DefaultSender() sms.Sender {
	if senders := a.Senders(); len(senders) > 0 {
		return senders[0]
	}
	return ""
}

// ConversationSender tells which of a contact's conversations belongs to an
// address of ours: the one without a sender for the default address, one of its
// own for any other. Without configured senders nobody knows which is the
// default one, so all share the conversation without a sender.
func (a SinchApp) ConversationSender(address sms.Sender) sms.Sender {
	if d := a.DefaultSender(); d == "" || address == d {
		return ""
	}
	return address
}

// SinchAccess is how to call Sinch: only who sends, or administers the app,
// needs it.
type SinchAccess struct {
	Region          string `name:"sinch-region" default:"us" env:"SINCH_REGION" placeholder:"us|eu|br" help:"Where the app was created: us, eu or br. Default: ${default}."`
	ProjectID       string `name:"sinch-project-id" env:"SINCH_PROJECT_ID" placeholder:"ID" help:"The project of the app."`
	AccessKey       Secret `name:"sinch-access-key" env:"SINCH_ACCESS_KEY" placeholder:"ID" help:"Access key of the project."`
	AccessKeySecret Secret `name:"sinch-access-key-secret" env:"SINCH_ACCESS_KEY_SECRET" placeholder:"SECRET" help:"Its secret. Better in the environment: a command line can be read by others."`

	AccessKeyParam       string `name:"sinch-access-key-param" env:"SINCH_ACCESS_KEY_PARAM" placeholder:"NAME" help:"Parameter of AWS's SSM Parameter Store that holds the access key, if it is not set itself."`
	AccessKeySecretParam string `name:"sinch-access-key-secret-param" env:"SINCH_ACCESS_KEY_SECRET_PARAM" placeholder:"NAME" help:"The one that holds its secret, likewise."`

	APIURL  string `name:"sinch-api-url" env:"SINCH_API_URL" placeholder:"URL" help:"Instead of Sinch's host: the simulator."`
	AuthURL string `name:"sinch-auth-url" env:"SINCH_AUTH_URL" placeholder:"URL" help:"Instead of Sinch's host for tokens: the simulator."`
}

// Config is what the carrier's client needs; sinch.NewClient checks it.
func (a SinchAccess) Config(app SinchApp, p Parameters) sinch.Config {
	c := sinch.Config{
		Region:          a.Region,
		ProjectID:       a.ProjectID,
		AppID:           app.AppID,
		AccessKey:       strings.TrimSpace(a.AccessKey.Reveal()),
		AccessKeySecret: strings.TrimSpace(a.AccessKeySecret.Reveal()),
		APIURL:          a.APIURL,
		AuthURL:         a.AuthURL,
		Sender:          app.DefaultSender(),
	}
	// Where one of the two is missing, the error is about that one.
	id, secret := value(a.AccessKey, a.AccessKeyParam, p), value(a.AccessKeySecret, a.AccessKeySecretParam, p)
	switch {
	case id != nil && secret != nil:
		c.Keys = func(ctx context.Context, renew bool) (string, string, error) {
			both, err := secrets.All(ctx, renew, id, secret)
			if err != nil {
				return "", "", err
			}
			return both[0], both[1], nil
		}
	case id != nil:
		c.AccessKey = "kept apart"
	case secret != nil:
		c.AccessKeySecret = "kept apart"
	}
	return c
}

// SinchCallbacks is how Sinch calls us.
type SinchCallbacks struct {
	WebhookSecret       []Secret `name:"sinch-webhook-secret" env:"SINCH_WEBHOOK_SECRET" placeholder:"SECRET" help:"What callbacks are signed with. Several are accepted, so that one can be replaced without losing a text."`
	WebhookSecretParam  string   `name:"sinch-webhook-secret-param" env:"SINCH_WEBHOOK_SECRET_PARAM" placeholder:"NAME" help:"Parameter of AWS's SSM Parameter Store that holds it, or several with commas between, if it is not set itself."`
	ReceiptsSecret      []Secret `name:"sinch-receipts-secret" env:"SINCH_RECEIPTS_SECRET" placeholder:"SECRET" help:"What callbacks to /webhooks/sinch/receipts are signed with, likewise. Default: as all others."`
	ReceiptsSecretParam string   `name:"sinch-receipts-secret-param" env:"SINCH_RECEIPTS_SECRET_PARAM" placeholder:"NAME" help:"Parameter that holds it, likewise."`
	SinchTolerance
	Receipts string `name:"sinch-receipts" enum:"final,all" default:"final" env:"SINCH_RECEIPTS" placeholder:"final|all" help:"Which receipts reach the conversation: the final ones, or all; each costs one action. Messages with a reference get all. Default: ${default}."`
}

// Secrets are what callbacks are signed with. It fails if there is none: anybody
// could make up texts.
func (c SinchCallbacks) Secrets(p Parameters) (SigningSecrets, error) {
	v := list(c.WebhookSecret, c.WebhookSecretParam, p)
	if v == nil {
		return SigningSecrets{}, errors.New("set SINCH_WEBHOOK_SECRET to the secret that the webhook was given at Sinch, or SINCH_WEBHOOK_SECRET_PARAM to the name of its parameter: without it anybody could make up texts")
	}
	return SigningSecrets{v}, nil
}

// ReceiptsSecrets are those of the webhook that has the receipts to itself:
// its own, or without any the ones of the other.
func (c SinchCallbacks) ReceiptsSecrets(p Parameters) (SigningSecrets, error) {
	if len(c.ReceiptsSecret) == 0 && c.ReceiptsSecretParam == "" {
		return c.Secrets(p)
	}
	v := list(c.ReceiptsSecret, c.ReceiptsSecretParam, p)
	if v == nil {
		return SigningSecrets{}, errors.New("set SINCH_RECEIPTS_SECRET to the secret that the webhook for receipts was given at Sinch, or leave it out if there is one webhook for all")
	}
	return SigningSecrets{v}, nil
}

// AllReceipts is false if only the final ones reach the conversation, and
// those of messages with a reference.
func (c SinchCallbacks) AllReceipts() bool { return c.Receipts == "all" }

// SinchTolerance is how old a callback may be. The worker needs it too: so long
// it has to know duplicates again.
type SinchTolerance struct {
	WebhookTolerance time.Duration `name:"sinch-webhook-tolerance" default:"5m" env:"SINCH_WEBHOOK_TOLERANCE" placeholder:"DURATION" help:"How old a callback may be. Sinch may repeat one for hours under its first time, so 24h loses nothing; duplicates are dropped by id. Default: ${default}."`
}

// Tolerance returns it, if it makes sense.
func (t SinchTolerance) Tolerance() (time.Duration, error) {
	if t.WebhookTolerance <= 0 {
		return 0, errors.New("set SINCH_WEBHOOK_TOLERANCE to a duration such as 5m or 24h")
	}
	return t.WebhookTolerance, nil
}
