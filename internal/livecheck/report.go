package livecheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/sms"
)

// A Report is all that was found out. It holds no number, id or secret of ours.
type Report struct {
	At      time.Time `json:"at"`
	Region  string    `json:"region"`
	Mode    string    `json:"mode"` // in which the app processes messages
	Results []Result  `json:"results"`

	// Readings make a simulator behave as was seen, where that is not as we
	// believe: what PUT /readings takes.
	Readings map[string]any `json:"readings"`

	Callbacks []Callback `json:"callbacks"`
	Answers   []Answer   `json:"answers"` // to sends, and what the list had of the phone's messages
}

// A Callback is one try of a callback, as it came.
type Callback struct {
	At      time.Time         `json:"at"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Status  int               `json:"status"`            // our answer
	Held    string            `json:"held,omitempty"`    // how long it was held back
	HungUp  bool              `json:"hung_up,omitempty"` // by Sinch, meanwhile
}

// report puts together what is known so far.
func (r *Run) report() Report {
	all := r.inbox.find(0, func(arrival) bool { return true })
	senders := slices.Clone(r.check.Senders)
	for _, a := range all {
		if a.callback.Message != nil {
			senders = append(senders, sms.Sender(a.callback.Message.SenderID))
		}
	}
	hide := newDisguise(r.check.Sinch.ProjectID, r.check.Sinch.AppID, r.check.To, senders)
	report := Report{
		At: r.begun.UTC().Truncate(time.Second), Region: r.region(), Mode: r.app.ProcessingMode,
		Results: []Result{}, Readings: r.readings, Callbacks: []Callback{}, Answers: []Answer{},
	}
	for _, a := range assumptions {
		if result, asked := r.results[a.number]; asked {
			report.Results = append(report.Results, result)
		}
	}
	for _, a := range all {
		c := Callback{At: a.at.UTC(), Headers: headers(a.header), Body: hide.text(string(a.body)), Status: a.status, HungUp: a.hungUp}
		if a.held > 0 {
			c.Held = round(a.held).String()
		}
		report.Callbacks = append(report.Callbacks, c)
	}
	for _, a := range r.answers {
		a.Body = hide.text(a.Body)
		report.Answers = append(report.Answers, a)
	}
	return report
}

func (r *Run) region() string {
	if region := strings.ToLower(r.check.Sinch.Region); region != "" {
		return region
	}
	return "us"
}

// keep notes an answer, and returns its name in the report.
func (r *Run) keep(a Answer) string {
	r.answers = append(r.answers, a)
	return fmt.Sprintf("answers[%d]", len(r.answers)-1)
}

// round is how precisely a person wants to know.
func round(d time.Duration) time.Duration {
	if d.Abs() < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
