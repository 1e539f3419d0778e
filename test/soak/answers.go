package main

import (
	"time"

	"parley/sinch/sinchtest"
)

const noReply = "no reply"

// wrongAnswers judges by the carrier's clock alone which question a text had to
// answer. The rule is: a text answers the open question if and only if the
// carrier accepted it later than the question. Of that follows, for each
// question Q that a script asked in a chat:
//
//   - If the script says that A answered, A is a text of this chat, accepted
//     later than Q, and the answer to no other question.
//   - What the script says next on the phone quotes A.
//   - No text X was given to the responder that had to answer instead of A:
//     accepted later than Q, and acknowledged before A was first offered to a
//     webhook, so that it was there before A was.
//   - If the script says that nobody answered, no such X was acknowledged
//     before Q's time was over.
//
// Of a question that was accepted twice, which only a carrier without a list
// leads to, nobody knows which copy the conversation goes by: the first counts
// against A, the last against X.
func (j *judging) wrongAnswers() {
	byWords := map[quote]sinchtest.Message{}
	responded := map[chat][]sinchtest.Message{} // texts that the responder answered
	for _, m := range j.texts {
		q := quote{chatOf(m), m.Text}
		byWords[q] = m
		if lines := j.quoting[q]; len(lines) > 0 && lines[0].label.kind == "R" && m.AcknowledgedAt != nil {
			responded[chatOf(m)] = append(responded[chatOf(m)], m)
		}
	}
	wrong := func(format string, args ...any) { j.note("wrong_answers", &j.v.WrongAnswers, format, args...) }
	used := map[string]label{} // answers, by message id
	for _, quiz := range j.quizzes {
		for i, asked := range quiz.results {
			is := label{"Q", quiz.Script, i + 1}
			question := j.spoken[is]
			if question == nil {
				if asked.Answer != "" {
					wrong("script %d says that %q answered question %d, which was never asked", quiz.Script, asked.Answer, i+1)
				}
				continue
			}
			in := chatOf(question.first())
			var until time.Time // texts acknowledged by then were there in time
			switch {
			case asked.Answer != "":
				a, known := byWords[quote{in, asked.Answer}]
				other, twice := used[a.ID]
				switch {
				case !known:
					wrong("%s was answered by %q, which nobody wrote", show(question.first()), asked.Answer)
					continue
				case twice:
					wrong("%s was answered by %s, and so was question %d of script %d", show(question.first()), show(a), other.n, other.script)
				case !a.AcceptedAt.After(question.first().AcceptedAt):
					wrong("%s was answered by %s, which is not later", show(question.first()), show(a))
				}
				used[a.ID] = is
				if next := j.next(is, len(quiz.results)); next != nil && (len(next.quotes) != 1 || next.quotes[0] != asked.Answer) {
					wrong("script %d says that %q answered question %d, and on the phone it says %s", quiz.Script, asked.Answer, i+1, show(next.first()))
				}
				until = j.offered[a.ID]
			case asked.Ending == noReply:
				until = question.first().AcceptedAt.Add(quiz.Timeout)
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

// next is what a script said after a question, as far as a phone has it.
func (j *judging) next(q label, questions int) *line {
	if q.n < questions {
		return j.spoken[label{"Q", q.script, q.n + 1}]
	}
	return j.spoken[label{"E", q.script, 0}]
}
