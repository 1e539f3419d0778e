package main

import (
	"context"

	"parley/conversation"
	"parley/internal/identity"
	"parley/sms"
)

// A door leads to conversations once it is known how their ids are made.
type door struct {
	client conversation.Client
	ids    *identity.Watch
}

func (d door) open(ctx context.Context) (conversation.Client, error) {
	ids, err := d.ids.IDs(ctx)
	c := d.client
	c.IDs = ids
	return c, err
}

// Tell implements Conversations.
func (d door) Tell(ctx context.Context, contact sms.Number, sender sms.Sender, e conversation.Envelope) error {
	c, err := d.open(ctx)
	if err != nil {
		return err
	}
	return c.Tell(ctx, contact, sender, e)
}

// TellRunning implements Conversations.
func (d door) TellRunning(ctx context.Context, contact sms.Number, sender sms.Sender, e conversation.Envelope) error {
	c, err := d.open(ctx)
	if err != nil {
		return err
	}
	return c.TellRunning(ctx, contact, sender, e)
}

// Queue implements Conversations.
func (d door) Queue(ctx context.Context, contact sms.Number, sender sms.Sender, id string, r conversation.SendRequest) error {
	c, err := d.open(ctx)
	if err != nil {
		return err
	}
	return c.Queue(ctx, contact, sender, id, r)
}

// Requested implements Conversations.
func (d door) Requested(ctx context.Context, contact sms.Number, sender sms.Sender, id string) (conversation.Requested, bool, error) {
	c, err := d.open(ctx)
	if err != nil {
		return conversation.Requested{}, false, err
	}
	return c.Requested(ctx, contact, sender, id)
}

// Tag implements Conversations.
func (d door) Tag(contact sms.Number) string { return d.ids.Tag(contact) }
