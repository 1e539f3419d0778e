package conversation

import (
	"strings"
	"unicode"

	"parley/sms"
)

type word int

const (
	wordNone word = iota
	wordStop
	wordStart
	wordHelp
)

// keywords are the words that carriers and regulators want understood. The FCC
// names stop, quit, end, revoke, opt out, cancel and unsubscribe (47 CFR
// 64.1200(a)(10)); CTIA and the aggregators add STOPALL, HELP and INFO.
var keywords = map[string]word{
	"stop": wordStop, "stopall": wordStop, "unsubscribe": wordStop, "cancel": wordStop, "end": wordStop,
	"quit": wordStop, "revoke": wordStop, "optout": wordStop, "opt out": wordStop, "opt-out": wordStop,
	"start": wordStart, "unstop": wordStart,
	"help": wordHelp, "info": wordHelp,
}

// keyword understands a text that consists of one such word and nothing else,
// in any case, with space and punctuation around it.
func keyword(text string) word {
	return keywords[strings.ToLower(strings.TrimFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}))]
}

// IsStop reports whether a text, sent as an answer, would opt its sender out.
// No question should ask for such a word.
func IsStop(text string) bool { return keyword(text) == wordStop }

// optOut acts on receipt: what has not left does not leave, and everybody who
// waits for this contact is told.
func (c *conversation) optOut(in sms.Inbound) {
	s := c.state
	if s.OptedOut != nil {
		if in.AcceptedAt.After(s.OptedOut.Accepted) {
			s.OptedOut.Accepted = in.AcceptedAt
		}
		return
	}
	s.OptedOut = &OptOut{At: c.now(), Text: in.Text, MessageID: in.ID, Accepted: in.AcceptedAt}
	s.Floor = Floor{}
	s.Says, s.Inbox, s.Backlog = nil, nil, nil
	if c.thinking == nil && c.starting == nil {
		s.Turn = nil
	} else {
		s.Turn.Void = true // what is in flight ends it
	}
	for len(s.Questions) > 0 {
		c.end(s.Questions[0], outcome{Kind: endOptedOut, Text: in.Text, MessageID: in.ID, AcceptedAt: in.AcceptedAt}, nil)
	}
	c.dropOutbox()
	if s.Settings.OptOutReply != "" {
		c.enqueue(Message{From: fromParley, Text: s.Settings.OptOutReply, Must: true})
	}
}

// optIn acts on a START that is newer than the last STOP: callbacks may arrive
// in any order.
func (c *conversation) optIn(in sms.Inbound) {
	if !in.AcceptedAt.After(c.state.OptedOut.Accepted) {
		return
	}
	c.state.OptedOut = nil
	if c.state.Settings.OptInReply != "" {
		c.enqueue(Message{From: fromParley, Text: c.state.Settings.OptInReply})
	}
}

// help answers HELP, unless the network does so itself, and within the bounds
// of all replies.
func (c *conversation) help() {
	s := c.state
	if s.Settings.HelpReply == "" {
		return
	}
	if !c.mayReply() || len(s.Outbox) >= maxOutbox {
		c.attend("the limit of replies an hour is reached; texts are recorded and not answered")
		return
	}
	s.RepliedAt = append(s.RepliedAt, c.now())
	c.enqueue(Message{From: fromParley, Text: s.Settings.HelpReply})
}
