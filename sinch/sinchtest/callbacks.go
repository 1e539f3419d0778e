package sinchtest

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"parley/sinch"
	"parley/sms"
)

// The triggers that matter for two-way SMS.
const (
	TriggerInbound  = "MESSAGE_INBOUND"
	TriggerSubmit   = "MESSAGE_SUBMIT"
	TriggerDelivery = "MESSAGE_DELIVERY"
)

// The pauses between tries of a callback. Sinch documents them for its SMS REST
// API; for the Conversation API it only says "exponential backoff".
const (
	firstRetry    = 5 * time.Second
	doublings     = 14 // up to 81,920 seconds
	wholeSchedule = Duration(firstRetry * (1<<(doublings+1) - 1))
)

// notice is what a callback says.
type notice struct {
	trigger string
	status  Status // of a receipt
	body    []byte
	stray   bool
}

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

// callback sends a notice to every webhook that wants it, each on its own, and
// returns a channel that is closed when each was tried once.
func (s *Server) callback(r *record, n notice) <-chan struct{} {
	s.mu.Lock()
	var deliveries []*delivery
	for _, hook := range s.webhooksFor(r, n.trigger) {
		d := &delivery{record: r, index: len(r.Callbacks), hook: hook, body: n.body, tried: make(chan struct{})}
		if !n.stray { // whoever asks for a fault means the callbacks that are right
			s.drawFaults(d, n.trigger)
		}
		r.Callbacks = append(r.Callbacks, Callback{
			Trigger: n.trigger, Status: n.status, Target: hook.Target, Done: d.dropped, Dropped: d.dropped, Stray: n.stray,
		})
		if d.dropped {
			continue
		}
		s.stats.Open++
		deliveries = append(deliveries, d)
	}
	s.mu.Unlock()

	tried := make(chan struct{})
	for _, d := range deliveries {
		s.goWork(func() {
			defer s.finished()
			s.deliver(d)
		})
	}
	s.goWork(func() {
		defer close(tried)
		for _, d := range deliveries {
			select {
			case <-d.tried:
			case <-s.ctx.Done():
			}
		}
	})
	if s.ctx.Err() != nil { // closing: goWork may have refused
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return tried
}

// webhooksFor returns whom to call. Sinch documents that a send's callback_url
// takes the place of the webhooks for its receipts. The caller holds the lock.
func (s *Server) webhooksFor(r *record, trigger string) []Webhook {
	if r.callbackURL != "" && trigger == TriggerDelivery {
		return []Webhook{{Target: r.callbackURL, Secret: s.opts.CallbackURLSecret}}
	}
	var hooks []Webhook
	for _, hook := range s.webhooks {
		if hook.TargetType != targetDismiss && slices.Contains(hook.Triggers, trigger) {
			hooks = append(hooks, hook)
		}
	}
	return hooks
}

// drawFaults decides what goes wrong with a callback. The caller holds the lock.
func (s *Server) drawFaults(d *delivery, trigger string) {
	f := &s.faults
	late := time.Duration(cmp.Or(f.Callbacks.DelayFor, Duration(2*time.Second)))
	d.duplicate, d.resigned = s.dice.hit(f.Callbacks.Duplicate), s.dice.hit(f.Callbacks.Resigned)
	if s.dice.hit(f.Callbacks.Delay) {
		d.delay = late
	}
	// A carrier that loses texts cannot be told from a person who did not
	// write, so there would be nothing to test.
	d.dropped = trigger != TriggerInbound && s.dice.hit(f.Callbacks.Drop)
	next, ok := f.take(OnCallback, d.record.Phone, faultsOfDelivery...)
	if !ok {
		return
	}
	switch next.Fault {
	case FaultDuplicate:
		d.duplicate = true
	case FaultResigned:
		d.resigned = true
	case FaultDelay:
		d.delay = cmp.Or(time.Duration(next.For), late)
	case FaultDrop:
		d.dropped = true
	}
}

// misdated is how far from the time a text from a phone is dated. The caller
// holds the lock.
func (s *Server) misdated(from sms.Number) time.Duration {
	f := &s.faults
	by := cmp.Or(f.Callbacks.FutureBy, Duration(time.Hour))
	ahead := s.dice.hit(f.Callbacks.Future)
	next, ok := f.take(OnCallback, from, faultsOfDating...)
	switch {
	case ok && next.Fault == FaultPast:
		return -time.Duration(cmp.Or(next.For, by))
	case ok:
		return time.Duration(cmp.Or(next.For, by))
	case ahead:
		return time.Duration(by)
	}
	return 0
}

func (s *Server) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Open--
	s.wake()
}

// deliver tries a callback until it is answered 2xx or refused for good.
func (s *Server) deliver(d *delivery) {
	tried := false
	afterFirstTry := func() {
		if !tried {
			tried = true
			close(d.tried)
		}
	}
	defer afterFirstTry()
	if d.delay > 0 {
		afterFirstTry() // later callbacks overtake this one
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
		afterFirstTry()
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

// acknowledge works out what the webhooks made of a text. The caller holds the lock.
func (s *Server) acknowledge(r *record, now time.Time) {
	r.Attempts = 0
	open, lost := 0, 0
	for _, c := range r.Callbacks {
		if c.Trigger != TriggerInbound {
			continue
		}
		r.Attempts += c.Attempts
		switch {
		case c.AnsweredAt != nil:
		case c.Done:
			lost++
		default:
			open++
		}
	}
	switch {
	case r.AcknowledgedAt != nil || open > 0:
	case lost > 0:
		r.Status, r.StatusAt = Lost, now
	default:
		s.acks++
		s.stats.Acknowledged++
		r.Status, r.StatusAt, r.AcknowledgedAt, r.AcknowledgedOrder = Acknowledged, now, &now, s.acks
	}
}
