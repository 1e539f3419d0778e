package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch/sinchtest"
)

// story tells evidence, a tenth of a second for each thing that happens.
type story struct {
	evidence
	now time.Time
}

func (s *story) tick() time.Time {
	s.now = s.now.Add(100 * time.Millisecond)
	return s.now
}

// text is a text that is accepted, offered and acknowledged at once.
func (s *story) text(words string) *sinchtest.Message {
	at := s.tick()
	id := fmt.Sprintf("in-%d", len(s.texts)+1)
	acknowledged := at.Add(10 * time.Millisecond)
	s.offered[id] = at.Add(5 * time.Millisecond)
	s.texts = append(s.texts, sinchtest.Message{
		ID: id, Direction: sinchtest.ToApp, Phone: "+12125550100", Sender: ours, Text: words,
		Status: sinchtest.Acknowledged, AcceptedAt: at, At: at, AcknowledgedAt: &acknowledged,
	})
	return &s.texts[len(s.texts)-1]
}

func (s *story) send(key, words string) *sinchtest.Message {
	n := len(s.sends) + 1
	a := s.attempt(key, words)
	a.MessageID = fmt.Sprintf("out-%d", n)
	s.sends = append(s.sends, sinchtest.Message{
		ID: a.MessageID, Direction: sinchtest.ToContact, Phone: "+12125550100", Sender: ours,
		Text: words, Key: key + " #", AcceptedAt: a.FirstByte, At: a.FirstByte, Order: n,
	})
	return &s.sends[n-1]
}

// responded is the responder's reply to the answer of question 1, which goes on
// the way before the script speaks again.
func (s *story) responded() {
	at := s.sends[2].At.Add(time.Millisecond)
	s.sends = slices.Insert(s.sends, 3, sinchtest.Message{
		ID: "out-r", Direction: sinchtest.ToContact, Phone: "+12125550100", Sender: ours,
		Text: reply("A8.1 why not? #3"), Key: "k-r #", AcceptedAt: at, At: at, Order: 3,
	})
}

// attempt is a request that the carrier does not take.
func (s *story) attempt(key, words string) *sinchtest.Attempt {
	s.attempts = append(s.attempts, sinchtest.Attempt{FirstByte: s.tick(), To: "+12125550100", Sender: ours, Text: words, Key: key + " #"})
	return &s.attempts[len(s.attempts)-1]
}

// stops is a STOP that was confirmed at once, and half a second of silence.
func (s *story) stops() {
	s.text(stopWord)
	s.send(fmt.Sprint("k-stop-", len(s.texts)), optOutReply)
	s.now = s.now.Add(500 * time.Millisecond)
}

// dialogue is a run in which everything went well.
func dialogue() *story {
	s := &story{now: time.Unix(1_700_000_000, 0), evidence: evidence{offered: map[string]time.Time{}}}
	s.text("T1 hello")
	s.text("T2 hello")
	s.send("k-1", reply("T1 hello"))
	s.send("k-2", reply("T2 hello"))
	s.send("k-3", questionWords(8, 1, "hello."))
	s.text("A8.1 why not? #3")
	s.send("k-4", questionWords(8, 2, heardWords("A8.1 why not? #3")))
	s.now = s.now.Add(10 * time.Second)
	s.send("k-5", endWords(8, unheardWords(noReply)))
	s.text("T4 hello")
	s.send("k-6", reply("T4 hello"))
	s.quizzes = []Quiz{{Contact: "+12125550100", Sender: ours, Script: 8, Questions: 2, Timeout: 10 * time.Second}}
	return s
}

// Whatever goes wrong is found, and counted once.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil   func(*story)
		want    figures // only the promises
		excused int
		kept    bool // no promise is broken
	}{
		"all is well": {spoil: func(*story) {}, kept: true},
		"a text is lost": {spoil: func(s *story) {
			s.text("T5 hello")
		}, want: figures{Lost: 1}},
		"a text is refused for good": {spoil: func(s *story) {
			m := s.text("T5 hello")
			m.Status, m.AcknowledgedAt = sinchtest.Lost, nil
		}, want: figures{Lost: 1}},
		"a text is taken by nobody": {spoil: func(s *story) {
			m := s.text("T5 hello")
			m.Status, m.AcknowledgedAt = sinchtest.Sent, nil
		}, want: figures{Stuck: 1}},
		"an answer over the other number is none": {spoil: func(s *story) {
			s.text("T5 hello")
			s.send("k-7", reply("T5 hello")).Sender = ours2
		}, want: figures{Lost: 1}},
		"a key is accepted twice": {spoil: func(s *story) {
			s.send("k-6", reply("T4 hello"))
		}, want: figures{Doubled: 1}},
		"a key is accepted twice, without a list": {spoil: func(s *story) {
			s.dispatch = true
			s.attempt("k-6.2", reply("T4 hello"))
			s.send("k-6", reply("T4 hello"))
		}, want: figures{Doubled: 1}},
		"a resend was not needed": {spoil: func(s *story) {
			s.send("k-6.2", reply("T4 hello"))
		}, want: figures{Doubled: 1}},
		"a resend could not be known to be needed": {spoil: func(s *story) {
			s.dispatch = true
			s.send("k-6.2", reply("T4 hello"))
		}, want: figures{Doubled: 1}, excused: 1, kept: true},
		"the same words under another key": {spoil: func(s *story) {
			s.send("k-7", reply("T4 hello"))
		}, want: figures{Doubled: 1}},
		"a question is asked again": {spoil: func(s *story) {
			s.send("k-7", questionWords(8, 1, "hello."))
		}, want: figures{Doubled: 1}},
		"a text is answered by two": {spoil: func(s *story) {
			s.send("k-7", `R: you wrote "T4 hello", "T2 hello".`)
		}, want: figures{Doubled: 2}},
		"a text is quoted twice": {spoil: func(s *story) {
			s.sends[5].Text = reply("T4 hello\nT4 hello")
		}, want: figures{Doubled: 1}},
		"replies in the wrong order": {spoil: func(s *story) {
			s.sends[0].Text, s.sends[1].Text = s.sends[1].Text, s.sends[0].Text
		}, want: figures{Disordered: 1}},
		"quotes in the wrong order": {spoil: func(s *story) {
			s.sends[0].Text = reply("T2 hello\nT1 hello")
			s.sends[1].Text = "R: nothing"
		}, want: figures{Disordered: 1}},
		"texts that overtook each other on the way in": {spoil: func(s *story) {
			s.offered["in-2"] = s.offered["in-1"]
			s.sends[0].Text, s.sends[1].Text = s.sends[1].Text, s.sends[0].Text
		}, kept: true},
		"a script's lines in the wrong order": {spoil: func(s *story) {
			s.sends[2].Order, s.sends[3].Order = s.sends[3].Order, s.sends[2].Order
		}, want: figures{Disordered: 1}},
		"an answer from before the question": {spoil: func(s *story) {
			s.texts[2].AcceptedAt = s.sends[2].AcceptedAt
		}, want: figures{WrongAnswers: 1}},
		"an answer that nobody wrote": {spoil: func(s *story) {
			s.sends[3].Text = questionWords(8, 2, heardWords("A8.1 so what?"))
		}, want: figures{WrongAnswers: 1, Lost: 1}},
		"one text answers two questions": {spoil: func(s *story) {
			s.sends[4].Text = endWords(8, heardWords("A8.1 why not? #3"))
		}, want: figures{WrongAnswers: 1, Doubled: 1}},
		"the answer went to the responder": {spoil: func(s *story) {
			s.texts[3].AcceptedAt = s.sends[3].AcceptedAt.Add(time.Second)
			*s.texts[3].AcknowledgedAt = s.texts[3].AcceptedAt.Add(time.Second)
		}, want: figures{WrongAnswers: 1}},
		"the first answer went to the responder": {spoil: func(s *story) {
			s.texts[3].AcceptedAt = s.sends[2].AcceptedAt.Add(time.Millisecond)
			*s.texts[3].AcknowledgedAt = s.sends[2].AcceptedAt.Add(2 * time.Millisecond)
		}, want: figures{WrongAnswers: 1}},
		"the answer came too late": {spoil: func(s *story) {
			s.texts[3].AcceptedAt = s.sends[3].AcceptedAt.Add(time.Second)
			*s.texts[3].AcknowledgedAt = s.sends[3].AcceptedAt.Add(11 * time.Second)
		}, kept: true},
		"an answer to the question on the phone went to the responder": {spoil: func(s *story) {
			s.texts[2].AcceptedAt = s.sends[2].AcceptedAt // by the carrier's word it is not later
			s.sends[3].Text = questionWords(8, 2, unheardWords(noReply))
			s.responded()
		}, want: figures{Misread: 1}},
		"an answer came when the question was closed": {spoil: func(s *story) {
			*s.texts[2].AcknowledgedAt = s.sends[2].At.Add(9 * time.Second)
			s.sends[3].Text = questionWords(8, 2, unheardWords(noReply))
			s.responded()
		}, want: figures{WrongAnswers: 1}},
		"another text was faster": {spoil: func(s *story) {
			s.text("T5 hello")
			s.offered["in-5"] = s.offered["in-3"]
			s.sends[3].Text = questionWords(8, 2, heardWords("T5 hello"))
			s.responded()
		}, kept: true},
		"a script does not end": {spoil: func(s *story) {
			s.sends = slices.Delete(s.sends, 4, 5)
		}, want: figures{Stuck: 1}},
		"a question could not be asked": {spoil: func(s *story) {
			s.sends[4].Text = endWords(8, unheardWords("undeliverable"))
		}, want: figures{Stuck: 1}},
		"all is silent after STOP": {spoil: func(s *story) {
			s.stops()
		}, kept: true},
		"a text was on the wire": {spoil: func(s *story) {
			s.text(stopWord)
			s.attempt("k-7", newsWords(1))
			s.send("k-8", optOutReply)
		}, kept: true},
		"a text leaves after STOP": {spoil: func(s *story) {
			s.stops()
			s.send("k-7", newsWords(1))
		}, want: figures{AfterStop: 1}},
		"a text leaves after STOP, and is refused": {spoil: func(s *story) {
			s.stops()
			s.attempt("k-7", newsWords(1))
		}, want: figures{AfterStop: 1}},
		"a text is answered after STOP": {spoil: func(s *story) {
			s.stops()
			s.text("T5 hello")
			s.send("k-7", reply("T5 hello"))
		}, want: figures{AfterStop: 1}},
		"START lets texts leave": {spoil: func(s *story) {
			s.stops()
			s.text(startWord)
			s.send("k-7", optInReply)
			s.send("k-8", newsWords(1))
			s.stops()
			s.attempt("k-9", newsWords(2))
		}, want: figures{AfterStop: 1}},
		"a STOP is confirmed twice": {spoil: func(s *story) {
			s.stops()
			s.send("k-7", optOutReply)
		}, want: figures{AfterStop: 1}},
		"a STOP is confirmed after START": {spoil: func(s *story) {
			s.text(stopWord)
			s.text(startWord)
			s.send("k-7", optOutReply)
		}, want: figures{LateConfirmations: 1}},
		"a STOP is confirmed too late": {spoil: func(s *story) {
			s.text(stopWord)
			s.now = s.now.Add(confirmWithin)
			s.send("k-7", optOutReply)
		}, want: figures{LateConfirmations: 1}},
		"a STOP is never confirmed": {spoil: func(s *story) {
			s.text(stopWord)
			s.now = s.now.Add(confirmPatience)
			s.text(startWord)
		}, want: figures{LateConfirmations: 1}},
		"a STOP is not confirmed to who is in a hurry": {spoil: func(s *story) {
			s.text(stopWord)
			s.text(startWord)
		}, kept: true},
		"who said STOP and is back is not answered": {spoil: func(s *story) {
			s.stops()
			s.text(startWord)
			s.text("T5" + backWord)
		}, want: figures{Lost: 1}},
		"a webhook refuses a callback": {spoil: func(s *story) {
			s.refused = []string{"503"}
		}, want: figures{Door: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dialogue()
			test.spoil(s)
			v := judge(s.evidence)
			test.want.TextsIn, test.want.Sent, test.want.Unknown = len(s.texts), len(s.sends), resent(s.attempts)
			test.want.Answered = v.Answered
			require.Equal(t, test.want, v.figures, "%q", v.examples)
			require.Equal(t, test.excused, v.excused)
			v.weigh(0)
			require.Equal(t, test.kept, len(v.broken) == 0, "%q", v.broken)
			for _, examples := range v.examples {
				for _, example := range examples {
					require.NotContains(t, example, "2125550100")
				}
			}
		})
	}
}

// What is left open, and what strangers fill, counts too.
func TestWeigh(t *testing.T) {
	t.Parallel()
	v := judge(dialogue().evidence)
	v.open([]openWork{{id: "conversation:+12125550100", parked: 2}})
	v.weigh(0)
	require.Equal(t, 2, v.Parked)
	require.Empty(t, v.broken, "a person is waited for")

	v.open([]openWork{{id: "conversation:+12125550100"}})
	v.Memory = mostMemory + 1
	v.weigh(0)
	require.Equal(t, []string{"memory", "stuck"}, v.broken)
}

func TestDelays(t *testing.T) {
	t.Parallel()
	require.Equal(t, "≤250ms 1, ≤350ms 2, ≤1s 0, ≤5s 1, ≤15s 0, later 1",
		delays([]time.Duration{250 * time.Millisecond, 251 * time.Millisecond, onTheWire, 3 * time.Second, time.Minute}))
}
