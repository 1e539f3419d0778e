package engine

import (
	"fmt"
	"strings"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// gate says of one message whether it may leave now, must wait, or never may. It is
// asked when a message is queued, while that has no key yet, and again for each try
// to send it.
type gate struct {
	*run
	*wire.Departures
	rules []rule
}

// A ruling is the gate's answer. The zero ruling lets a message go.
type ruling struct {
	never   sms.Status   // what becomes of a message that may not leave at all
	end     wire.EndKind // and of a question
	until   time.Time    // when one that must wait may leave
	inPlace bool         // and what follows it waits, too
	why     string
	cause   wire.Cause // a person should know
}

func (r ruling) goes() bool { return r.never == "" && r.until.IsZero() }

// A rule is one kind of reason that keeps a message from leaving.
type rule func(g *gate, m *wire.Message) ruling

// rules are asked in this order. The first that does not let a message go decides.
var rules = []rule{optedOut, takenBack, overtaken, unfit, inDoubt, tooLate, tooMany, tooEarly, inBackOff}

// ask asks the gate.
func (g *gate) ask(m *wire.Message) ruling {
	for _, rule := range g.rules {
		if r := rule(g, m); !r.goes() {
			return r
		}
	}
	return ruling{}
}

// Why a message is not sent.
const (
	reasonOptedOut  = "the contact opted out"
	reasonTakenBack = "it was taken back"
	reasonTooLate   = "too late to be useful"
)

func optedOut(g *gate, m *wire.Message) ruling {
	if g.consent.out() && !m.Must {
		return ruling{never: sms.StatusDropped, end: wire.EndOptedOut, why: reasonOptedOut}
	}
	return ruling{}
}

func takenBack(_ *gate, m *wire.Message) ruling {
	if m.Delivery != nil && m.Delivery.TakenBack {
		return ruling{never: sms.StatusDropped, why: reasonTakenBack}
	}
	return ruling{}
}

// overtaken refuses what comes of a thought that began before a person took the floor.
func overtaken(g *gate, m *wire.Message) ruling {
	if m.Author.Automatic() && g.floor.overtaken(m.Epoch) {
		return ruling{never: sms.StatusDropped, end: wire.EndTakenOver, why: "a person took over meanwhile"}
	}
	return ruling{}
}

func unfit(_ *gate, m *wire.Message) ruling {
	switch {
	case m.Key != "": // it was looked at when it was queued
	case strings.TrimSpace(m.Text) == "":
		return ruling{never: sms.StatusFailed, why: "the text is empty"}
	case sms.SegmentsOf(m.Text).Count > maxTextSegments:
		return ruling{never: sms.StatusFailed, why: fmt.Sprintf("the text is longer than %d segments", maxTextSegments)}
	}
	return ruling{}
}

func tooLate(g *gate, m *wire.Message) ruling {
	if m.Useful.IsZero() || m.NotBefore.Before(m.Useful) && g.now().Before(m.Useful) {
		return ruling{}
	}
	return ruling{never: sms.StatusExpired, end: wire.EndTooLate, why: reasonTooLate}
}

// tooMany guards against two machines that answer each other for ever: it counts
// what nobody wrote by hand.
func tooMany(g *gate, m *wire.Message) ruling {
	limit := g.Settings.TextsPerHour
	if limit == 0 || m.Key != "" || !counted(m) {
		return ruling{}
	}
	if n := len(g.lately()); n >= limit {
		return ruling{
			never: sms.StatusDropped, cause: wire.CauseLoop,
			why: fmt.Sprintf("more than %d automatic texts in an hour: is another machine answering?", n),
		}
	}
	return ruling{}
}

func tooEarly(g *gate, m *wire.Message) ruling {
	if g.now().Before(m.NotBefore) {
		return ruling{until: m.NotBefore, why: "it is not to be sent earlier"}
	}
	return ruling{}
}

func inBackOff(g *gate, m *wire.Message) ruling {
	if m.Delivery != nil && g.now().Before(m.Delivery.NextTry) {
		return ruling{until: m.Delivery.NextTry, why: m.Delivery.Why, inPlace: true}
	}
	return ruling{}
}

func inDoubt(g *gate, m *wire.Message) ruling {
	if m.Delivery != nil && g.now().Before(m.Delivery.DoubtUntil) {
		return ruling{until: m.Delivery.DoubtUntil, why: "it may have been sent: its callback is waited for", inPlace: true}
	}
	return ruling{}
}

// counted reports whether a message is one of those that the limit is for.
func counted(m *wire.Message) bool {
	return m.Author.Automatic() || m.Author == wire.ByParley && !m.Must
}

// lately is when the last hour's automatic texts were queued.
func (g *gate) lately() []time.Time {
	hourAgo := g.now().Add(-time.Hour)
	for i, at := range g.RepliedAt {
		if !at.Before(hourAgo) {
			return g.RepliedAt[i:]
		}
	}
	return nil
}

// passed counts a message that got its key.
func (g *gate) passed(m wire.Message) {
	if counted(&m) && g.Settings.TextsPerHour > 0 {
		g.RepliedAt = append(g.lately(), g.now())
	}
}

// looked begins the count again: a person has looked, so what follows is no loop yet.
func (g *gate) looked() { g.RepliedAt = nil }
