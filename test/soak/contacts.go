package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"parley/sms"
)

const (
	maxContacts = 400
	patience    = 8  // texts without an answer, before a person writes no more unasked
	tooMany     = 12 // and answers no more
	manyScripts = 4  // at once for one person, at most
)

// A contact is a person who writes unasked, several texts in a row, and answers
// questions: late, twice, not at all, or with something else in between.
type contact struct {
	index  int
	number sms.Number
	seed   uint64
	polite *atomic.Bool // answers each question once, and writes no more than that
	write  func(from sms.Number, to sms.Sender, words string)
	start  func(ctx context.Context, q Quiz) // returns once the script has been started
	idle   time.Duration                     // after which a conversation closes

	work sync.WaitGroup // answers and scripts under way

	mu       sync.Mutex
	texts    int
	scripts  int
	waiting  map[string]bool // texts without an answer
	running  map[int]bool    // scripts that have not said their last words
	received map[label]int
}

func newContact(index int) *contact {
	return &contact{
		index:   index,
		number:  sms.Number(fmt.Sprintf("+1%d55501%02d", 212+index/100, index%100)), // reserved for fiction
		waiting: map[string]bool{}, running: map[int]bool{}, received: map[label]int{},
	}
}

// live goes on while the load is on: something happens, then silence, often long
// enough for the conversation to close. Two of three contacts have little to say,
// so that many close. A script that was to be started is started in any case.
func (c *contact) live(ctx, phones context.Context) {
	for session := 0; ; session++ {
		d := dice(c.seed, "session", c.index, session)
		brief := c.index%3 > 0
		pause := between(d, 0, 2*time.Second)
		if brief || chance(d, 30) {
			pause = c.idle + between(d, 0, 4*time.Second)
		}
		if session == 0 {
			pause = between(d, 0, 5*time.Second)
		}
		if !sleep(ctx, pause) {
			return
		}
		if brief && chance(d, 70) {
			c.burst(ctx, d, ours)
		} else {
			c.session(ctx, phones, d)
		}
		c.await(ctx, between(d, 5*time.Second, 40*time.Second))
	}
}

func (c *contact) session(ctx, phones context.Context, d *rand.Rand) {
	to := ours
	if chance(d, 20) {
		to = ours2
	}
	scripts := 0
	if chance(d, 60) {
		scripts = 1 + d.IntN(3)
	}
	if scripts == 0 || chance(d, 40) {
		c.burst(ctx, d, to)
	}
	for range scripts {
		over := to
		if chance(d, 20) {
			over = ours2
		}
		c.startQuiz(phones, d, over)
		if chance(d, 30) && sleep(ctx, between(d, 0, time.Second)) {
			c.burst(ctx, d, to)
		}
	}
	if chance(d, 30) && sleep(ctx, between(d, time.Second, 3*time.Second)) {
		c.burst(ctx, d, to)
	}
}

// burst is one to four texts in a row.
func (c *contact) burst(ctx context.Context, d *rand.Rand, to sms.Sender) {
	for range 1 + d.IntN(4) {
		if !sleep(ctx, between(d, 0, 150*time.Millisecond)) {
			return
		}
		c.text(to, "T%d hello", patience)
	}
}

// text writes unless so many texts wait for an answer. The words have a place for
// the text's own number.
func (c *contact) text(to sms.Sender, form string, most int) {
	c.mu.Lock()
	if len(c.waiting) >= most {
		c.mu.Unlock()
		return
	}
	c.texts++
	words := fmt.Sprintf(form, c.index*100_000+c.texts)
	c.waiting[words] = true
	c.mu.Unlock()
	c.write(c.number, to, words)
}

func (c *contact) startQuiz(ctx context.Context, d *rand.Rand, over sms.Sender) {
	q := Quiz{Contact: c.number, Sender: over, Questions: 1 + d.IntN(3), Timeout: between(d, 6*time.Second, 12*time.Second)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.running) >= manyScripts {
		return
	}
	c.scripts++
	q.Script = c.index*10_000 + c.scripts
	c.running[q.Script] = true
	c.work.Go(func() { c.start(ctx, q) })
}

// await waits until everything is answered and said, but not longer than that.
func (c *contact) await(ctx context.Context, most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); {
		c.mu.Lock()
		quiet := len(c.waiting) == 0 && len(c.running) == 0
		c.mu.Unlock()
		if quiet || !sleep(ctx, 50*time.Millisecond) {
			return
		}
	}
}

// receive is called for each text that arrives on the phone.
func (c *contact) receive(ctx context.Context, from sms.Sender, words string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, quote := range quotesOf(words) {
		delete(c.waiting, quote)
	}
	l := labelOf(words)
	c.received[l]++
	switch l.kind {
	case "E":
		delete(c.running, l.script)
	case "Q":
		d := dice(c.seed, "answer", c.index, l.script, l.n, c.received[l])
		c.work.Go(func() { c.answer(ctx, d, from, l) })
	}
}

// answer is what a person does about a question.
func (c *contact) answer(ctx context.Context, d *rand.Rand, to sms.Sender, l label) {
	words := fmt.Sprintf("A%d.%d why not? #%%d", l.script, l.n)
	hurry, silent, first, twice, more := chance(d, 20), chance(d, 10), chance(d, 15), chance(d, 15), chance(d, 10)
	think := between(d, 50*time.Millisecond, 1500*time.Millisecond)
	switch {
	case c.polite.Load():
		silent, first, twice, more = false, false, false, false
	case hurry:
		think = 0
	}
	if silent || !sleep(ctx, think) {
		return
	}
	if first {
		c.burst(ctx, d, to)
	}
	c.text(to, words, tooMany)
	if twice && sleep(ctx, between(d, 0, 100*time.Millisecond)) {
		c.text(to, words, tooMany)
	}
	if more {
		c.burst(ctx, d, to)
	}
}
