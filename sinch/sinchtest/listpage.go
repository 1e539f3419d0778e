package sinchtest

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"parley/sms"
)

// place is where a page of messages begins: the token of a page says it.
type place struct {
	before int  // position in Server.stored; from firstOther on, among the messages to other numbers
	empty  bool // the page has nothing but the token of the one that begins here
}

const (
	firstOther = 1 << 40
	wrongToken = "no-such-page"
)

func (p place) token() string {
	if p.empty {
		return "e" + strconv.Itoa(p.before)
	}
	return "p" + strconv.Itoa(p.before)
}

func parsePlace(token string) (place, bool) {
	number, empty := strings.CutPrefix(token, "e")
	if !empty {
		number, _ = strings.CutPrefix(token, "p")
	}
	before, err := strconv.Atoi(number)
	return place{before, empty}, err == nil && before >= 0 && number != token
}

// pageOfMessages returns one page, and the token of the next. The caller holds
// the lock.
func (s *Server) pageOfMessages(f filter) (messages []listedMessage, next string) {
	faults := s.faults.List
	messages = []listedMessage{}
	if f.at.empty {
		return messages, place{before: f.at.before}.token()
	}
	size := f.size
	if faults.Page > 0 {
		size = min(size, faults.Page)
	}
	now := s.opts.Now()
	for i, record := range s.newestFirst(f) {
		if record.visibleAt.After(now) || !f.fits(record) {
			continue
		}
		if len(messages) == size {
			next = faults.next(f.at, place{before: i + 1, empty: faults.EmptyPages})
			break
		}
		messages = append(messages, s.listed(record, f.withMetadata))
	}
	if faults.Shuffled {
		s.dice.shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	}
	return messages, next
}

// next is the token of the next page.
func (l ListFaults) next(this, following place) string {
	switch l.Token {
	case ListTokenLooping:
		return this.token()
	case ListTokenWrong:
		return wrongToken
	}
	return following.token()
}

// newestFirst goes through all messages, with their places.
func (s *Server) newestFirst(f filter) iter.Seq2[int, *record] {
	return func(yield func(int, *record) bool) {
		for i := min(f.at.before-firstOther, s.faults.List.Others) - 1; i >= 0 && s.keeps(s.opts.Mode); i-- {
			if !yield(firstOther+i, s.otherMessage(i, f)) {
				return
			}
		}
		for i := min(f.at.before, len(s.stored)) - 1; i >= 0; i-- {
			if !yield(i, s.stored[i]) {
				return
			}
		}
	}
}

// otherMessage is one to another number. It is as new as the filter lets it be.
func (s *Server) otherMessage(i int, f filter) *record {
	at := s.now().UTC()
	if !f.until.IsZero() && f.until.Before(at) {
		at = f.until
	}
	return &record{
		Message: Message{
			ID: fmt.Sprintf("01TH3R%020d", i), Direction: ToContact, Phone: otherNumber(i), Sender: s.opts.Senders[0],
			Kind: sms.KindText, Key: "other-" + strconv.Itoa(i), AcceptedAt: at,
		},
		mode:    s.opts.Mode,
		content: encode(map[string]any{"text_message": map[string]string{"text": "Hello from another program"}}),
	}
}

// otherNumber is one of the numbers for fiction in area codes that are not in use.
func otherNumber(i int) sms.Number {
	return sms.Number(fmt.Sprintf("+188%d55501%02d", i/100%8, i%100))
}
