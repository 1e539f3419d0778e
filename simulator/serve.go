package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"parley/sinch/sinchtest"
	"parley/sms"
)

type serveCmd struct {
	Addr string `default:"127.0.0.1:8090" env:"PARLEY_SIMULATOR_ADDR" help:"Listen address; everything is on this one port."`

	Host []string `env:"PARLEY_SIMULATOR_HOST" placeholder:"NAME" help:"Names with a dot by which it is called. An address, localhost and a name without a dot always do; by any other, a page on another site could pose as this one."`

	Project string       `default:"${project}" env:"SINCH_PROJECT_ID" help:"Project id; others are answered 404."`
	App     string       `default:"${app}" env:"SINCH_APP_ID" help:"App id; others are answered 404."`
	Sender  []sms.Sender `default:"${sender}" env:"SINCH_SMS_SENDER" help:"Our numbers, comma separated; the first is the default originator."`
	Mode    string       `default:"CONVERSATION" enum:"CONVERSATION,DISPATCH" env:"PARLEY_SIMULATOR_MODE" help:"The app's processing mode: ${enum}."`

	RetentionDays int `default:"0" help:"In DISPATCH mode: days that messages are stored. With 0, as at Sinch, the message list stays empty."`

	AccessKey    string `env:"PARLEY_SIMULATOR_ACCESS_KEY" help:"The only access key that is accepted; empty: any."`
	AccessSecret string `env:"PARLEY_SIMULATOR_ACCESS_SECRET" help:"The only secret that is accepted; empty: any."`

	Webhook         []string `env:"PARLEY_SIMULATOR_WEBHOOK" placeholder:"URL" help:"Where callbacks go, without registration; may be repeated."`
	WebhookSecret   string   `env:"SINCH_WEBHOOK_SECRET" help:"Signs those callbacks; of several, comma separated, the first."`
	WebhookTriggers []string `default:"MESSAGE_INBOUND,MESSAGE_DELIVERY,MESSAGE_SUBMIT" help:"What those callbacks are about."`

	SubmitDelay  time.Duration `default:"0s" help:"From a send to its MESSAGE_SUBMIT."`
	ChannelDelay time.Duration `default:"100ms" help:"From there to QUEUED_ON_CHANNEL."`
	FinalDelay   time.Duration `default:"600ms" help:"From there to DELIVERED or FAILED."`

	RetryScale  float64       `default:"1" help:"Stretches the pauses of 5, 10, 20 … seconds between tries of a callback."`
	CallbackMax time.Duration `default:"15s" help:"How long a webhook may take to answer."`
	Rate        float64       `default:"0" help:"Callbacks a second at most; 0: no bound. Sinch: 25."`

	Phone    []sms.Number `help:"Phones to begin with, comma separated. Any other number gets one when it is texted."`
	Faults   string       `env:"PARLEY_SIMULATOR_FAULTS" placeholder:"JSON" help:"What goes wrong, as for PUT /faults: go doc parley/sinch/sinchtest Faults explains it."`
	Readings string       `env:"PARLEY_SIMULATOR_READINGS" placeholder:"JSON" help:"How what Sinch leaves open is read, as for PUT /readings: go doc parley/sinch/sinchtest Readings explains it."`
	Seed     uint64       `default:"0" help:"Makes the dice behind the fault rates repeatable; 0: not."`
	LogLevel slog.Level   `default:"info" help:"debug, info, warn or error."`
}

// Run serves until the context ends.
func (c *serveCmd) Run(ctx context.Context, log *slog.Logger, stdout io.Writer) error {
	options, err := c.options(log)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another program: end that one, or set PARLEY_SIMULATOR_ADDR", c.Addr)
	case err != nil:
		return fmt.Errorf("listening on PARLEY_SIMULATOR_ADDR: %w", err)
	}

	simulator := sinchtest.New(options)
	defer simulator.Close()
	for _, number := range c.Phone {
		simulator.AddPhone(number)
	}
	server := &http.Server{
		Handler:           calledBy(c.Host, simulator),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(sinchtest.Watch(server, listener)) }()
	fmt.Fprintf(stdout, "Phones and Sinch at http://%s/\n", listener.Addr())
	log.Info("simulator is up", "mode", c.Mode, "senders", len(options.Senders), "webhooks", len(options.Webhooks))

	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	log.Info("simulator is going down")
	simulator.Close() // ends held requests and event streams, which Shutdown would wait for
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	return nil
}

func (c *serveCmd) options(log *slog.Logger) (sinchtest.Options, error) {
	options := sinchtest.Options{
		ProjectID: c.Project, AppID: c.App, Senders: c.Sender, Mode: sinchtest.Mode(c.Mode),
		DispatchRetentionDays: c.RetentionDays,
		AccessKey:             c.AccessKey, AccessSecret: c.AccessSecret,
		Delays:     sinchtest.Delays{Submit: c.SubmitDelay, OnChannel: c.ChannelDelay, Final: c.FinalDelay},
		RetryScale: c.RetryScale, CallbackTimeout: c.CallbackMax, CallbacksPerSecond: c.Rate,
		Seed: c.Seed, Logger: log,
	}
	secret, _, _ := strings.Cut(c.WebhookSecret, ",")
	options.CallbackURLSecret = secret
	if len(c.Webhook) > 0 && secret == "" {
		log.Warn("callbacks will not be signed: set SINCH_WEBHOOK_SECRET to what the webhook expects")
	}
	for _, target := range c.Webhook {
		options.Webhooks = append(options.Webhooks, sinchtest.Webhook{
			Target: target, Secret: secret, Triggers: c.WebhookTriggers,
		})
	}
	var err error
	if c.Faults != "" {
		if options.Faults, err = sinchtest.ParseFaults(c.Faults); err != nil {
			return options, fmt.Errorf("reading --faults: %w", err)
		}
	}
	if c.Readings != "" {
		if options.Readings, err = sinchtest.ParseReadings(c.Readings); err != nil {
			return options, fmt.Errorf("reading --readings: %w", err)
		}
	}
	return options, nil
}
