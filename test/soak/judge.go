package main

import (
	"fmt"
	"strings"
	"time"

	"parley/conversation/wire"
	"parley/sinch/sinchtest"
	"parley/sms"
)

// Evidence is all that a run is judged by: what the carrier and the phones saw,
// and which scripts were started. Nothing of it comes from Parley or Temporal.
type evidence struct {
	dispatch bool
	texts    []sinchtest.Message  // of contacts
	sends    []sinchtest.Message  // accepted ones
	attempts []sinchtest.Attempt  // to send, also those that were not accepted
	offered  map[string]time.Time // by message id: when a webhook was first given the text
	refused  []string             // rightly signed callbacks that a webhook answered 5xx while Temporal was up
	quizzes  []Quiz
}

// Figures are what a run comes to.
type figures struct {
	TextsIn           int    `json:"texts_in"`
	Answered          int    `json:"answered"`
	Lost              int    `json:"lost"`
	Sent              int    `json:"sent"`
	Doubled           int    `json:"doubled"`
	Disordered        int    `json:"disordered"`
	WrongAnswers      int    `json:"wrong_answers"`
	Misread           int    `json:"misread"`
	AfterStop         int    `json:"after_stop"`
	LateConfirmations int    `json:"late_confirmations"`
	Door              int    `json:"door"`
	Memory            int    `json:"memory"` // MB; 0: no webhook was filled
	Stuck             int    `json:"stuck"`
	Parked            int    `json:"parked"`
	Unknown           int    `json:"unknown"`
	Leaks             int    `json:"leaks"` // files; nobody looks in a run that is not private
	Kills             int    `json:"kills"`
	Continued         int    `json:"continued"`
	Closed            int    `json:"closed"`
	Seconds           int    `json:"seconds"`
	Seed              uint64 `json:"seed"`
	Mode              string `json:"mode"`
}

// A verdict is the figures, and which promises they break.
type verdict struct {
	figures
	excused   int             // of doubled: resends by policy, of a carrier without a list
	afterStop []time.Duration // from the 200 for a STOP to each later request that was not its confirmation

	examples map[string][]string
	broken   []string
	logs     string
}

// A line is one thing that we said, in however many attempts and copies.
type line struct {
	key    string // without the attempt's number
	label  label
	words  string
	quotes []string
	copies []sinchtest.Message // accepted, in order
}

func (l *line) first() sinchtest.Message { return l.copies[0] }
func (l *line) last() sinchtest.Message  { return l.copies[len(l.copies)-1] }

// chat is what belongs together: a contact and one of our numbers.
type chat struct{ contact, sender string }

func chatOf(m sinchtest.Message) chat { return chat{string(m.Phone), string(m.Sender)} }

// judging is the evidence in the form in which it is looked up.
type judging struct {
	evidence
	v verdict

	lines    []*line // in order of their first acceptance
	quoting  map[quote][]*line
	spoken   map[label]*line             // the first line with each label of a script
	written  map[quote]sinchtest.Message // texts of contacts
	stoppers map[chat]bool               // of contacts who say STOP now and then
}

// quote is a text of a contact, by its words.
type quote struct {
	chat
	words string
}

// judge counts by what the carrier and the phones saw.
func judge(e evidence) verdict {
	j := judging{
		evidence: e, quoting: map[quote][]*line{}, spoken: map[label]*line{},
		written: map[quote]sinchtest.Message{}, stoppers: map[chat]bool{},
	}
	j.v.examples = map[string][]string{}
	j.v.TextsIn, j.v.Sent, j.v.Unknown = len(e.texts), len(e.sends), resent(e.attempts)
	for _, m := range e.texts {
		j.written[quote{chatOf(m), m.Text}] = m
		if m.Text == stopWord {
			j.stoppers[chatOf(m)] = true
		}
	}
	byKey := map[string]*line{}
	for _, m := range e.sends {
		key := baseOf(keyOf(m.Key))
		l := byKey[key]
		if l == nil {
			l = &line{key: key, label: labelOf(m.Text), words: m.Text, quotes: quotesOf(m.Text)}
			byKey[key] = l
			j.lines = append(j.lines, l)
			for _, words := range l.quotes {
				q := quote{chatOf(m), words}
				j.quoting[q] = append(j.quoting[q], l)
			}
			if _, known := j.spoken[l.label]; !known && l.label.script > 0 {
				j.spoken[l.label] = l
			}
		}
		l.copies = append(l.copies, m)
	}
	j.lost()
	j.doubled()
	j.disordered()
	j.wrongAnswers()
	j.misread()
	j.afterStop()
	j.stuck()
	for _, refused := range e.refused {
		j.note("door", &j.v.Door, "%s", refused)
	}
	return j.v
}

// resent counts the sends that began because nobody could know the fate of the
// one before: each has a key of its own.
func resent(attempts []sinchtest.Attempt) int {
	keys := map[string]bool{}
	for _, a := range attempts {
		if key := keyOf(a.Key); strings.Contains(key, ".") {
			keys[key] = true
		}
	}
	return len(keys)
}

func (j *judging) note(promise string, count *int, format string, args ...any) {
	*count++
	if len(j.v.examples[promise]) < 5 {
		j.v.examples[promise] = append(j.v.examples[promise], fmt.Sprintf(format, args...))
	}
}

// show names a message without giving its number away.
func show(m sinchtest.Message) string {
	return fmt.Sprintf("%s %s %q %s", m.AcceptedAt.Format("15:04:05.000"), m.ID, m.Text, m.Phone.Masked())
}

// lost counts texts that we acknowledged, or refused for good, and that nothing
// we said ever quoted.
func (j *judging) lost() {
	for _, m := range j.texts {
		switch {
		case len(j.quoting[quote{chatOf(m), m.Text}]) > 0:
			j.v.Answered++
		case j.unanswered(m):
		case m.Status == sinchtest.Acknowledged || m.Status == sinchtest.Lost:
			j.note("lost", &j.v.Lost, "%s: %s, and never answered", show(m), strings.ToLower(string(m.Status)))
		}
	}
}

// doubled counts three things: a key that was accepted more than once, in
// whichever attempts; the same words under another key; and a text of a contact
// that two different lines answer, or one line twice.
func (j *judging) doubled() {
	same := map[quote]*line{} // of ours
	for _, l := range j.lines {
		keys := map[string]bool{keyOf(l.first().Key): true}
		for _, m := range l.copies[1:] {
			if key := keyOf(m.Key); j.dispatch && !keys[key] {
				keys[key] = true
				j.v.excused++ // the carrier has no list, and the policy is to send again
			}
			j.note("doubled", &j.v.Doubled, "%s is also %s, with keys %q and %q", show(m), l.first().ID, m.Key, l.first().Key)
		}
		q := quote{chatOf(l.first()), l.words}
		if aboutConsent(l.words) {
			continue // said once for each STOP and START
		}
		if earlier := same[q]; earlier != nil {
			j.note("doubled", &j.v.Doubled, "%s was said before as %s, with keys %q and %q", show(l.first()), earlier.first().ID, l.key, earlier.key)
			continue
		}
		same[q] = l
	}
	for q, lines := range j.quoting {
		said := map[string]bool{lines[0].words: true}
		for i, l := range lines[1:] {
			if !said[l.words] || l == lines[i] {
				said[l.words] = true
				j.note("doubled", &j.v.Doubled, "%q was answered by %s and by %s", q.words, show(lines[0].first()), show(l.first()))
			}
		}
	}
}

// disordered counts texts X for which there is a text Y of the same chat, and
//   - X was acknowledged before Y was first offered to a webhook, so that the
//     order is ours to keep;
//   - the responder answered both, Y in an earlier line than X, or further in
//     front in the same line.
//
// Other pairs are in no order by design: a script that was answered speaks
// before the responder does. Within a script the order is that of its lines,
// so those that arrived before their predecessor count too.
func (j *judging) disordered() {
	type place struct{ line, quote int }
	places := map[quote]place{}
	for n, l := range j.lines {
		if l.label.kind != "R" {
			continue
		}
		for i, words := range l.quotes {
			if q := (quote{chatOf(l.first()), words}); j.quoting[q][0] == l { // what was answered before is doubled
				places[q] = place{n, i}
			}
		}
	}
	chats := map[chat][]sinchtest.Message{}
	for _, m := range j.texts {
		if _, answered := places[quote{chatOf(m), m.Text}]; answered && m.AcknowledgedAt != nil {
			chats[chatOf(m)] = append(chats[chatOf(m)], m)
		}
	}
	for c, texts := range chats {
		for _, x := range texts {
			at := places[quote{c, x.Text}]
			for _, y := range texts {
				other := places[quote{c, y.Text}]
				before := other.line < at.line || other.line == at.line && other.quote < at.quote
				if before && x.AcknowledgedAt.Before(j.offered[y.ID]) {
					j.note("disordered", &j.v.Disordered, "%s was answered after %s, which came later", show(x), show(y))
					break
				}
			}
		}
	}
	for _, l := range j.lines {
		if l.label.kind == "R" || j.spoken[l.label] != l {
			continue
		}
		next := j.spoken[label{"Q", l.label.script, l.label.n + 1}]
		if next == nil || l.label.kind == "E" {
			continue
		}
		for _, later := range []*line{next, j.spoken[label{"E", l.label.script, 0}]} {
			if later != nil && later.first().Order < l.first().Order {
				j.note("disordered", &j.v.Disordered, "%s came before %s", show(later.first()), show(l.first()))
			}
		}
	}
}

// stuck counts scripts that did not say their last words, questions that nobody
// could be asked, and texts that no webhook ever took.
func (j *judging) stuck() {
	for _, q := range j.quizzes {
		name := fmt.Sprintf("script %d of %s", q.Script, q.Contact.Masked())
		if j.spoken[label{"E", q.Script, 0}] == nil {
			j.note("stuck", &j.v.Stuck, "%s did not come to its end", name)
			continue
		}
		for n := 1; n <= q.Questions; n++ {
			if took := j.heardBy(q, n); took.ending != "" && took.ending != noReply {
				// Who opts out here has no scripts that count, and no text is refused for good.
				j.note("stuck", &j.v.Stuck, "%s: question %d ended %q", name, n, took.ending)
			}
		}
	}
	for _, m := range j.texts {
		if m.Status == sinchtest.Sent {
			j.note("stuck", &j.v.Stuck, "%s: no webhook took it in %d tries", show(m), m.Attempts)
		}
	}
}

// open adds what Temporal says is left: conversations that are open although
// nothing keeps them, and work that waits for a person.
func (v *verdict) open(left []openWork) {
	for _, o := range left {
		v.Parked += o.parked
		if wire.IsID(o.id) && (o.parked == 0 || o.busy) { // else it is a script, counted already, or waits for a person
			v.Stuck++
			v.examples["stuck"] = append(v.examples["stuck"], fmt.Sprintf("the conversation of %s (over %q) is open, with work left: %t", o.with.Contact.Masked(), sms.Number(o.with.Sender).Masked(), o.busy))
		}
	}
}

// weigh says which promises are broken. A run in which too little happened
// proves nothing.
func (v *verdict) weigh(load time.Duration) {
	promise := func(name string, count int) {
		if count > 0 {
			v.broken = append(v.broken, name)
		}
	}
	promise("lost", v.Lost)
	promise("doubled", v.Doubled-min(v.excused, v.Unknown))
	promise("disordered", v.Disordered)
	promise("wrong_answers", v.WrongAnswers)
	promise("misread", v.Misread)
	promise("after_stop", v.AfterStop)
	promise("late_confirmations", v.LateConfirmations)
	promise("door", v.Door)
	promise("memory", max(0, v.Memory-mostMemory))
	promise("stuck", v.Stuck)
	promise("leaks", v.Leaks)
	if least := min(100, int(load/time.Second)/2); v.Continued < least || v.Closed < least {
		v.broken = append(v.broken, fmt.Sprintf("too little happened: fewer than %d conversations continued as new, or closed", least))
	}
}
