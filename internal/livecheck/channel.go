package livecheck

import (
	"context"
	"errors"
	"net/http"

	"parley/sinch"
)

// missChannel sends over a channel that the app does not have. It costs nothing,
// since there is no other channel to fall back to.
func (r *Run) missChannel(ctx context.Context) {
	missing := ""
	for _, name := range []string{"WHATSAPP", "RCS", "MESSENGER"} {
		if _, has := r.app.Channel(name); !has {
			missing = name
			break
		}
	}
	if missing == "" {
		r.unprobed("the app has all the channels that would be tried", missingChannel)
		return
	}
	text, err := r.send(ctx, missing, "Parley live-check: this text has no channel.", "")
	failed, _ := errors.AsType[*sinch.Error](err)
	switch {
	case err != nil && failed.Status == http.StatusBadRequest:
		r.settle(missingChannel, finding{fact: missing + ": 400 " + failed.Code, evidence: []string{text.evidence}})
		return
	case err != nil:
		r.unseen(missing+": the answer was "+err.Error(), missingChannel)
		return
	}
	last, ended := r.outcome(ctx, text)
	if !ended {
		r.settle(missingChannel, finding{
			readings: []reading{otherwise("channel_checked_late", true)},
			fact:     missing + ": taken, and no receipt within " + round(r.check.Waits.Receipt).String(), evidence: []string{text.evidence},
		})
		return
	}
	report := last.callback.Delivery
	f := finding{
		readings: []reading{otherwise("channel_checked_late", true)},
		fact:     missing + ": taken, then " + report.Status + " " + report.Reason.Code, evidence: []string{text.evidence, last.evidence()},
	}
	if report.Status != "FAILED" {
		f.readings = []reading{inWords("taken and " + report.Status)}
	}
	r.settle(missingChannel, f)
}
