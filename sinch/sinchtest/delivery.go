package sinchtest

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"parley/sinch"
)

// The pauses between tries of a callback. Sinch documents them for its SMS REST
// API; for the Conversation API it only says "exponential backoff".
const (
	firstRetry    = 5 * time.Second
	doublings     = 14 // up to 81,920 seconds
	wholeSchedule = Duration(firstRetry * (1<<(doublings+1) - 1))
)

// delivery is one callback on its way to one webhook.
type delivery struct {
	record    *record
	index     int // in record.Callbacks
	hook      Webhook
	body      []byte
	delay     time.Duration
	duplicate bool
	resigned  bool
	dropped   bool
	tried     chan struct{} // closed after the first try, or when there is nothing to wait for
}

func (s *Server) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Open--
	s.wake()
}

// deliver tries a callback until it is answered 2xx or refused for good.
func (s *Server) deliver(d *delivery) {
	tried := sync.OnceFunc(func() { close(d.tried) })
	defer tried()
	if d.delay > 0 {
		tried() // later callbacks overtake this one
		if !s.sleep(d.delay) {
			return
		}
	}

	stamp := s.stamp()
	var spent time.Duration
	for n := 0; ; n++ {
		if s.Readings().SignAgain {
			stamp = s.stamp()
		}
		try := s.try(d, stamp)
		if s.ctx.Err() != nil {
			return // the try was cut short by Close, and says nothing
		}
		again := try.Status == 0 || try.Status == http.StatusTooManyRequests || try.Status >= s.retriedFrom()
		pause := firstRetry << min(n, doublings)
		spent += pause
		last := spent > time.Duration(cmp.Or(s.Readings().RetryFor, wholeSchedule))
		s.tried(d, try, !again || last)
		tried()
		if !again {
			if try.Status < 300 {
				s.repeat(d, stamp)
			}
			return
		}
		if last || !s.sleep(time.Duration(float64(pause)*s.opts.RetryScale)) {
			return
		}
	}
}

// retriedFrom is the lowest status that is tried again, beside 429.
func (s *Server) retriedFrom() int {
	if s.Readings().RetryRefused {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// repeat delivers what was delivered already, if a fault wants that.
func (s *Server) repeat(d *delivery, stamp stamp) {
	if d.duplicate {
		s.tried(d, s.try(d, stamp), true)
	}
	if d.resigned {
		s.tried(d, s.try(d, s.stamp()), true)
	}
}

// stamp is what a signature is about, beside the body.
type stamp struct {
	at    time.Time
	nonce string
}

func (s *Server) stamp() stamp { return stamp{s.now(), newID(s.now())} }

// try is one HTTP request to a webhook.
func (s *Server) try(d *delivery, stamp stamp) Try {
	if err := s.limiter.Wait(s.ctx); err != nil {
		return Try{Error: err.Error()}
	}
	try := Try{At: s.opts.Now().UTC(), Signed: d.hook.Secret != ""}
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, d.hook.Target, bytes.NewReader(d.body))
	if err != nil {
		try.Error = err.Error()
		return try
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "parley-simulator")
	if try.Signed {
		at := strconv.FormatInt(stamp.at.Unix(), 10)
		request.Header.Set(sinch.HeaderSignature, sinch.Sign(d.hook.Secret, d.body, stamp.nonce, at))
		request.Header.Set(sinch.HeaderTimestamp, at)
		request.Header.Set(sinch.HeaderNonce, stamp.nonce)
		request.Header.Set(sinch.HeaderAlgorithm, sinch.Algorithm)
	}
	response, err := s.client.Do(request)
	if err != nil {
		try.Error = err.Error()
		return try
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	try.Status = response.StatusCode
	return try
}

// tried notes how a webhook answered.
func (s *Server) tried(d *delivery, try Try, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now().UTC()
	s.stats.CallbackTries++
	r := d.record
	c := &r.Callbacks[d.index]
	c.Attempts++
	c.Done = c.Done || done
	c.Tries = append(c.Tries, try)
	c.Tries = c.Tries[max(0, len(c.Tries)-keptTries):]
	if c.LastAnswer = try.Error; try.Error == "" {
		c.LastAnswer = strconv.Itoa(try.Status)
		s.stats.CallbackAnswers[c.LastAnswer]++
	} else {
		s.stats.CallbackAnswers["error"]++
	}
	if try.Status/100 == 2 && c.AnsweredAt == nil {
		c.AnsweredAt = &now
	}
	if done && c.AnsweredAt == nil {
		s.log.Warn("a webhook did not take a callback", "trigger", c.Trigger, "message", r.ID, "answer", c.LastAnswer)
	} else {
		s.log.Debug("callback", "trigger", c.Trigger, "message", r.ID, "answer", c.LastAnswer)
	}
	if c.Trigger == TriggerInbound {
		s.acknowledge(r, now)
	}
	s.note(change{message: r})
}
