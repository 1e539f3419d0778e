package client

import (
	"context"
	"errors"
	"slices"

	"parley/conversation/wire"
)

// A Mending says what to do about parked work, and who wants it.
type Mending struct {
	Choice
	Skip   bool   // the work is given up; else it is tried again
	DryRun bool   // nothing is told
	By     string // the person
	Why    string
	Key    string // the caller's idempotency key: a conversation takes a repeated word once
}

// Mended is what was done about one conversation's parked work.
type Mended struct {
	ParkedConversation
	Chosen  []wire.ParkedMark // what it was told about; empty: all, since it does not say what is parked
	LeftOut LeftOut           // why it was told nothing
}

// LeftOut says why a conversation was told nothing; empty: it was told.
type LeftOut string

// Why a conversation is told nothing.
const (
	LeftOutOptedOut LeftOut = "opted-out" // with this contact nothing can be tried again
	LeftOutNothing  LeftOut = "nothing"   // nothing is parked
	LeftOutOther    LeftOut = "other"     // something is parked that was not chosen
	LeftOutNameless LeftOut = "nameless"  // an older build parked it without an id, so that it cannot be chosen
	LeftOutClosed   LeftOut = "closed"    // the conversation has closed since it was listed
)

// Mend tells a conversation what to do about its parked work. It returns ErrClosed
// if the conversation does not run any more.
func (d Desk) Mend(ctx context.Context, c ParkedConversation, m Mending) (Mended, error) {
	did := Mended{ParkedConversation: c}
	var word wire.Mend
	word, did.Chosen, did.LeftOut = m.word(c)
	if did.LeftOut != "" || m.DryRun {
		return did, nil
	}
	ctx, cancel := d.WithPatience(ctx)
	defer cancel()
	if m.Skip {
		return did, d.Skip(ctx, c.Number, c.Sender, m.Key, word)
	}
	return did, d.Retry(ctx, c.Number, c.Sender, m.Key, word)
}

// MendAll tells many conversations, in their order, and hands on what became of each.
// Unless that is a dry run, it waits with next before each. It returns how many it
// came to: a repeat goes on with the rest.
func (d Desk) MendAll(ctx context.Context, all []ParkedConversation, m Mending, next func(context.Context) error, done func(Mended)) (int, error) {
	for i, c := range all {
		if !m.DryRun {
			if err := next(ctx); err != nil {
				return i, err
			}
		}
		did, err := d.Mend(ctx, c, m)
		if errors.Is(err, ErrClosed) {
			did, err = Mended{ParkedConversation: c, LeftOut: LeftOutClosed}, nil
		}
		if err != nil {
			return i, err
		}
		done(did)
	}
	return len(all), nil
}

// word is what to say to a conversation, or why there is nothing to say. It
// names what it is about: what was parked since we looked waits for somebody who
// has seen it.
func (m Mending) word(c ParkedConversation) (word wire.Mend, parked []wire.ParkedMark, left LeftOut) {
	word = wire.Mend{By: m.By, Why: m.Why}
	parked = m.among(c.Marks)
	nameless := slices.ContainsFunc(parked, func(p wire.ParkedMark) bool { return p.ID == "" })
	switch {
	case !m.Skip && c.State == wire.StateOptedOut:
		return word, nil, LeftOutOptedOut
	case !c.known && c.Attention != "" && m.everything():
		return word, nil, "" // of an older build: only the conversation itself knows
	case m.Skip && len(c.Marks) == 0 && c.Attention != "" && m.everything():
		return word, nil, "" // what asks for attention has been seen
	case len(c.Marks) == 0:
		return word, nil, LeftOutNothing
	case len(parked) == 0:
		return word, nil, LeftOutOther
	case nameless && len(parked) < len(c.Marks):
		return word, nil, LeftOutNameless
	case nameless:
		return word, parked, ""
	}
	for _, p := range parked {
		word.IDs = append(word.IDs, p.ID)
	}
	return word, parked, ""
}
