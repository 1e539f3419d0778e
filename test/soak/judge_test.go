package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

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
		Status: sinchtest.Acknowledged, AcceptedAt: at, AcknowledgedAt: &acknowledged,
	})
	return &s.texts[len(s.texts)-1]
}

func (s *story) send(key, words string) *sinchtest.Message {
	n := len(s.sends) + 1
	s.sends = append(s.sends, sinchtest.Message{
		ID: fmt.Sprintf("out-%d", n), Direction: sinchtest.ToContact, Phone: "+12125550100", Sender: ours,
		Text: words, Key: key + " #", AcceptedAt: s.tick(), Order: n,
	})
	return &s.sends[n-1]
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
	s.send("k-5", endWords(8, heardWords("")))
	s.text("T4 hello")
	s.send("k-6", reply("T4 hello"))
	s.quizzes = []quiz{{
		Quiz:    Quiz{Contact: "+12125550100", Sender: ours, Script: 8, Questions: 2, Timeout: 10 * time.Second},
		status:  enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
		results: []Asked{{Answer: "A8.1 why not? #3"}, {Ending: noReply}},
	}}
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
			s.dispatch, s.resent = true, 1
			s.send("k-6", reply("T4 hello"))
		}, want: figures{Doubled: 1}},
		"a resend was not needed": {spoil: func(s *story) {
			s.resent = 1
			s.send("k-6.2", reply("T4 hello"))
		}, want: figures{Doubled: 1}},
		"a resend could not be known to be needed": {spoil: func(s *story) {
			s.dispatch, s.resent = true, 1
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
			s.quizzes[0].results[0].Answer = "A8.1 so what?"
		}, want: figures{WrongAnswers: 1}},
		"the script quotes another text": {spoil: func(s *story) {
			s.text("A8.1 why not? #5")
			s.sends[3].Text = questionWords(8, 2, heardWords("A8.1 why not? #5"))
			s.send("k-7", reply("A8.1 why not? #3"))
		}, want: figures{WrongAnswers: 1, Disordered: 1}},
		"one text answers two questions": {spoil: func(s *story) {
			s.quizzes[0].results[1] = Asked{Answer: "A8.1 why not? #3"}
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
		"a script does not end": {spoil: func(s *story) {
			s.quizzes[0].status, s.quizzes[0].results = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
			s.open = []openWork{{id: "quiz:8", busy: true}}
		}, want: figures{Stuck: 1}},
		"a question could not be asked": {spoil: func(s *story) {
			s.quizzes[0].results[1].Ending = "undeliverable"
		}, want: figures{Stuck: 1}},
		"a conversation does not close": {spoil: func(s *story) {
			s.open = []openWork{{id: "conversation:+12125550100"}}
		}, want: figures{Stuck: 1}},
		"a conversation waits for a person": {spoil: func(s *story) {
			s.open = []openWork{{id: "conversation:+12125550100", parked: 2}}
		}, want: figures{Parked: 2}, kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dialogue()
			test.spoil(s)
			v := judge(s.evidence)
			test.want.TextsIn, test.want.Sent, test.want.Unknown = len(s.texts), len(s.sends), s.resent
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
