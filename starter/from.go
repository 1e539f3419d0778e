package main

import (
	"slices"

	"parley/internal/settings"
	"parley/sms"
)

// fromFlag picks one of our own numbers.
type fromFlag struct {
	From  sms.Sender        `placeholder:"SENDER" help:"Which of our numbers to write from. Default: the first of --sinch-sms-sender."`
	Sinch settings.SinchApp `embed:"" group:"Sinch"`
}

// ours is the sender as conversations know it: empty for the default one, which
// only the settings tell. A guess would open a second conversation with the
// contact, to which no answer ever comes.
func (f fromFlag) ours() (sms.Sender, error) {
	senders := f.Sinch.Senders()
	switch {
	case f.From == "":
		return "", nil
	case len(senders) == 0:
		return "", usagef("--from needs SINCH_SMS_SENDER, as the worker has it: otherwise nobody knows which number is the default one")
	case !slices.Contains(senders, f.From):
		return "", usagef("--from: %s is none of our numbers, which SINCH_SMS_SENDER lists", f.From)
	}
	return f.Sinch.ConversationSender(f.From), nil
}

// asGiven is for looking only, which does no harm.
func (f fromFlag) asGiven() sms.Sender {
	if len(f.Sinch.Senders()) == 0 {
		return f.From
	}
	return f.Sinch.ConversationSender(f.From)
}
