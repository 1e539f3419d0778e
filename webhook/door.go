package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	conversations "parley/conversation/client"
	"parley/conversation/wire"
	"parley/internal/identity"
	"parley/internal/secrets"
	"parley/internal/settings"
	"parley/sms"
)

// A door leads to conversations once it is known how their ids are made. That stays
// the same for as long as the namespace exists.
type door struct {
	client conversations.Client // without its IDs
	key    secrets.Value        // nil: ids hold numbers
	ids    atomic.Pointer[wire.IDs]
}

func (d *door) open(ctx context.Context) (conversations.Client, error) {
	c := d.client
	if d.ids.Load() == nil {
		ids, err := settings.ReadIDs(ctx, d.key)
		if err == nil {
			err = identity.TakeUp(ctx, c.Temporal, c.TaskQueue, ids)
		}
		if err != nil {
			return c, err
		}
		d.ids.Store(&ids)
	}
	c.IDs = *d.ids.Load()
	return c, nil
}

// known fails as open does.
func (d *door) known(ctx context.Context) error {
	_, err := d.open(ctx)
	return err
}

// await asks until it is known how ids are made, or known that our key does not fit.
func (d *door) await(ctx context.Context, log *slog.Logger) error {
	for said := false; ; said = true {
		asking, cancel := context.WithTimeout(ctx, temporalTimeout)
		err := d.known(asking)
		cancel()
		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case errors.Is(err, identity.ErrMixed), errors.Is(err, settings.ErrIDKey):
			return err
		case !said:
			log.Warn("callbacks get 503 until it is known how workflow ids are made", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// Tell implements Conversations.
func (d *door) Tell(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	c, err := d.open(ctx)
	if err != nil {
		return err
	}
	return c.Tell(ctx, contact, sender, e)
}

// TellRunning implements Conversations.
func (d *door) TellRunning(ctx context.Context, contact sms.Number, sender sms.Sender, e wire.Envelope) error {
	c, err := d.open(ctx)
	if err != nil {
		return err
	}
	return c.TellRunning(ctx, contact, sender, e)
}

// Queue implements Conversations.
func (d *door) Queue(ctx context.Context, contact sms.Number, sender sms.Sender, id string, r wire.SendRequest) error {
	c, err := d.open(ctx)
	if err != nil {
		return err
	}
	return c.Queue(ctx, contact, sender, id, r)
}

// Requested implements Conversations.
func (d *door) Requested(ctx context.Context, contact sms.Number, sender sms.Sender, id string) (wire.Requested, bool, error) {
	c, err := d.open(ctx)
	if err != nil {
		return wire.Requested{}, false, err
	}
	return c.Requested(ctx, contact, sender, id)
}

// Tag implements Conversations.
func (d *door) Tag(contact sms.Number) string {
	switch ids := d.ids.Load(); {
	case ids != nil:
		return ids.Tag(contact)
	case d.key != nil:
		return "•••" // the key is not known yet
	}
	return contact.Masked()
}
