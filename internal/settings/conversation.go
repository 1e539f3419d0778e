package settings

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/conversation/wire"
	"parley/sms"
)

// Conversation says how conversations behave. They read it once per run, so a
// change reaches a conversation when it starts or continues as new.
type Conversation struct {
	IdleAfter      time.Duration   `default:"${idle_after}" env:"PARLEY_IDLE_AFTER" placeholder:"DURATION" help:"Silence after which a conversation closes; 24h or more. Default: ${default}."`
	ContinueAfter  int             `default:"0" env:"PARLEY_CONTINUE_AFTER" placeholder:"EVENTS" help:"History events after which a conversation continues in a new run. Default: when the server suggests it."`
	OptOutReply    string          `default:"${opt_out_reply}" env:"PARLEY_OPT_OUT_REPLY" placeholder:"TEXT" help:"Answer to STOP, or 'off' where the network answers itself. Default: ${default}"`
	OptInReply     string          `default:"${opt_in_reply}" env:"PARLEY_OPT_IN_REPLY" placeholder:"TEXT" help:"Answer to START, or 'off'. Default: ${default}"`
	HelpReply      string          `default:"${help_reply}" env:"PARLEY_HELP_REPLY" placeholder:"TEXT" help:"Answer to HELP, or 'off'. Default: ${default}"`
	TextsPerHour   int             `default:"${texts_per_hour}" env:"PARLEY_TEXTS_PER_HOUR" placeholder:"N" help:"Automatic texts to one number in an hour at most: two machines that answer each other stop here. Default: ${default}."`
	ResponderTries []time.Duration `default:"${responder_tries}" env:"PARLEY_RESPONDER_TRIES" placeholder:"DURATION" help:"Waits between the tries of a responder that fails; after a bad answer to the last, its turn is parked. Default: ${default}."`
	Patience       time.Duration   `default:"${responder_patience}" name:"responder-patience" env:"PARLEY_RESPONDER_PATIENCE" placeholder:"DURATION" help:"How long a responder that cannot be reached is tried, before its turn is parked. Default: ${default}."`
	Development    bool            `env:"PARLEY_DEVELOPMENT" help:"Allow what is only good for trying things out, such as a short --idle-after."`
}

// off is how a text is switched off: an empty variable means the default.
const off = "off"

const (
	shortestIdle    = 24 * time.Hour
	longestSegments = 10
)

// Settings are these settings in the conversation's own words. Duplicates are
// remembered as long as the webhook lets old callbacks in, which is what
// tolerance says. Whether search attributes are registered is for the caller to
// add.
func (c Conversation) Settings(t Temporal, tolerance time.Duration) (wire.Settings, error) {
	if err := c.check(); err != nil {
		return wire.Settings{}, err
	}
	s := wire.DefaultSettings()
	s.IdleAfter = c.IdleAfter
	s.ContinueAfter = c.ContinueAfter
	s.RememberFor = max(s.RememberFor, tolerance)
	s.OptOutReply = textOrNone(c.OptOutReply)
	s.OptInReply = textOrNone(c.OptInReply)
	s.HelpReply = textOrNone(c.HelpReply)
	s.TextsPerHour = c.TextsPerHour
	s.ResponderTries = c.ResponderTries
	s.Patience = c.Patience
	if t.SendsApart() {
		s.SendTaskQueue = t.SendTaskQueue
	}
	return s, nil
}

func (c Conversation) check() error {
	var errs []error
	switch {
	case c.IdleAfter <= 0:
		errs = append(errs, errors.New("set PARLEY_IDLE_AFTER to a duration such as 168h"))
	case c.IdleAfter < shortestIdle && !c.Development:
		// A duplicate of a text to a conversation that closed counts as new.
		errs = append(errs, errors.New("set PARLEY_IDLE_AFTER to 24h or more: a carrier repeats callbacks for a day, and a closed conversation does not know them again (to try things out, set PARLEY_DEVELOPMENT=true)"))
	}
	if c.ContinueAfter < 0 {
		errs = append(errs, errors.New("set PARLEY_CONTINUE_AFTER to a number of events, or to 0 for when the server suggests it"))
	}
	if c.TextsPerHour < 1 {
		errs = append(errs, errors.New("set PARLEY_TEXTS_PER_HOUR to 1 or more"))
	}
	if c.Patience < 0 {
		errs = append(errs, errors.New("set PARLEY_RESPONDER_PATIENCE to a duration such as 1h"))
	}
	for _, wait := range c.ResponderTries {
		if wait <= 0 {
			errs = append(errs, errors.New("set PARLEY_RESPONDER_TRIES to durations such as 10s,1m"))
			break
		}
	}
	for _, reply := range []struct{ name, text string }{
		{"PARLEY_OPT_OUT_REPLY", c.OptOutReply}, {"PARLEY_OPT_IN_REPLY", c.OptInReply}, {"PARLEY_HELP_REPLY", c.HelpReply},
	} {
		if sms.SegmentsOf(reply.text).Count > longestSegments {
			errs = append(errs, fmt.Errorf("set %s to a text of at most %d segments, or to off", reply.name, longestSegments))
		}
	}
	return errors.Join(errs...)
}

func textOrNone(text string) string {
	if strings.EqualFold(strings.TrimSpace(text), off) {
		return ""
	}
	return text
}

// shortDuration is 168h instead of 168h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
