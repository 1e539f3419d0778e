package main

import (
	"time"

	"parley/sinch/sinchtest"
)

const noReply = "no reply"

// heard is what a script took for the answer to a question, or how the question
// ended without one, by what the script said next on the phone.
type heard struct{ answer, ending string }

// heardBy is empty if the script said nothing more.
func (j *judging) heardBy(quiz Quiz, n int) heard {
	next := j.next(label{"Q", quiz.Script, n}, quiz.Questions)
	if next == nil {
		return heard{}
	}
	if ending := endingOf(next.words); ending != "" {
		return heard{ending: ending}
	}
	if len(next.quotes) != 1 {
		return heard{}
	}
	return heard{answer: next.quotes[0]}
}

// next is what a script said after a question, as far as a phone has it.
func (j *judging) next(q label, questions int) *line {
	if q.n < questions {
		return j.spoken[label{"Q", q.script, q.n + 1}]
	}
	return j.spoken[label{"E", q.script, 0}]
}

// wrongAnswers judges by the carrier's clock alone which question a text had to
// answer. The rule is: a text answers the open question if and only if the
// carrier accepted it later than the question. Of that follows, for each
// question Q that a script asked in a chat:
//
//   - If the script heard A, A is a text of this chat, accepted later than Q, and
//     the answer to no other question.
//   - No text X was given to the responder that had to answer instead of A:
//     accepted later than Q, and acknowledged before A was first offered to a
//     webhook, so that it was there before A was.
//   - If the script heard nothing, no such X was acknowledged before Q's time was
//     over.
//
// Of a question that was accepted twice, which only a carrier without a list
// leads to, nobody knows which copy the conversation goes by: the first counts
// against A, the last against X.
func (j *judging) wrongAnswers() {
	responded := j.responded()
	wrong := func(format string, args ...any) { j.note("wrong_answers", &j.v.WrongAnswers, format, args...) }
	used := map[string]label{} // answers, by message id
	for _, quiz := range j.quizzes {
		for n := 1; n <= quiz.Questions; n++ {
			is := label{"Q", quiz.Script, n}
			question, took := j.spoken[is], j.heardBy(quiz, n)
			if question == nil {
				if took.answer != "" {
					wrong("script %d says that %q answered question %d, which was never asked", quiz.Script, took.answer, n)
				}
				continue
			}
			in := chatOf(question.first())
			var until time.Time // texts acknowledged by then were there in time
			switch {
			case took.answer != "":
				a, known := j.written[quote{in, took.answer}]
				other, twice := used[a.ID]
				switch {
				case !known:
					wrong("%s was answered by %q, which nobody wrote", show(question.first()), took.answer)
					continue
				case twice:
					wrong("%s was answered by %s, and so was question %d of script %d", show(question.first()), show(a), other.n, other.script)
				case !a.AcceptedAt.After(question.first().AcceptedAt):
					wrong("%s was answered by %s, which is not later", show(question.first()), show(a))
				}
				used[a.ID] = is
				until = j.offered[a.ID]
			case took.ending == noReply:
				until = question.first().At.Add(quiz.Timeout)
			default:
				continue
			}
			for _, x := range responded[in] {
				if x.AcceptedAt.After(question.last().AcceptedAt) && x.AcknowledgedAt.Before(until) {
					wrong("%s had to answer %s and went to the responder", show(x), show(question.first()))
				}
			}
		}
	}
}

// responded are the texts that the responder answered, by chat.
func (j *judging) responded() map[chat][]sinchtest.Message {
	texts := map[chat][]sinchtest.Message{}
	for _, m := range j.texts {
		if lines := j.quoting[quote{chatOf(m), m.Text}]; len(lines) > 0 && lines[0].label.kind == "R" && m.AcknowledgedAt != nil {
			texts[chatOf(m)] = append(texts[chatOf(m)], m)
		}
	}
	return texts
}

// misread counts answers by what the phone saw, whatever the carrier's clock
// says: the contact had the question before their eyes, wrote the first answer to
// it while it was open, and it was taken for something else.
func (j *judging) misread() {
	quizzes := map[int]Quiz{}
	for _, quiz := range j.quizzes {
		quizzes[quiz.Script] = quiz
	}
	for _, a := range j.texts {
		is := answerOf(a.Text)
		question, quiz := j.spoken[is], quizzes[is.script]
		lines := j.quoting[quote{chatOf(a), a.Text}]
		if is == (label{}) || question == nil || quiz.Script == 0 || len(lines) == 0 || a.AcknowledgedAt == nil {
			continue
		}
		if a.AcknowledgedAt.After(question.first().At.Add(quiz.Timeout - closing)) {
			continue // the question may have been closed
		}
		took := j.heardBy(quiz, is.n)
		b, other := j.written[quote{chatOf(a), took.answer}]
		switch {
		case took.answer == a.Text:
		case other && j.offered[b.ID].Before(*a.AcknowledgedAt): // that one was there before, or at the same time
		case took.ending != "" && took.ending != noReply: // stuck counts it
		case took == heard{}: // the script said nothing more: stuck counts it
		default:
			j.note("misread", &j.v.Misread, "%s was written to %s and taken by %s", show(a), show(question.first()), show(lines[0].first()))
		}
	}
}

// closing is how long before its end a question may count as closed: a receipt
// may have told of an earlier acceptance than the phone's.
const closing = 2 * time.Second
