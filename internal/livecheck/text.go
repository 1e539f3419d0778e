package livecheck

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// sendText sends a text, and looks at all that becomes of it.
func (r *Run) sendText(ctx context.Context) {
	mine := []int{receiptTime, listLag, listContent, plusSign, otherForms, identityFilter, listOrder, submitOrder, refusedCallback}
	reference := key()
	if r.open(refusedCallback) {
		// MESSAGE_SUBMIT may come before the answer to the send: it is known by its reference.
		r.inbox.answering(func(a *arrival) order {
			if a.callback.Submit != nil && a.callback.CorrelationID == reference {
				return order{status: http.StatusUnauthorized}
			}
			return order{status: http.StatusOK}
		})
	}
	text, err := r.send(ctx, "SMS", textWords, reference)
	if err != nil {
		r.unprobed("the text could not be sent: "+err.Error(), mine...)
		return
	}
	r.text = text
	r.settleList(ctx, text)
	if last, ended := r.outcome(ctx, text); ended && last.callback.Delivery.Status == "FAILED" {
		r.failing = true
		r.person.Tell("The text has failed with " + last.callback.Delivery.Reason.Code + ": is our number registered for this country, and the phone's right?")
	}
	receipts := r.receipts(text)
	if len(receipts) == 0 {
		r.unseen("no receipt came within "+round(r.check.Waits.Receipt).String(), receiptTime, submitOrder, plusSign, otherForms)
		return
	}
	r.settleReceiptTime(text, receipts)
	r.settleSubmit(text, receipts)
	r.settleForms(receipts)
}

// precision is that of the times that Sinch is known to write.
const precision = time.Millisecond

func (r *Run) settleReceiptTime(text sent, receipts []arrival) {
	first, last := time.Time{}, time.Time{}
	for _, a := range receipts {
		at, ok := moment(a.callback.AcceptedTime)
		if !ok {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	f := finding{evidence: append([]string{text.evidence}, evidence(receipts)...)}
	switch spread := last.Sub(first); {
	case first.IsZero():
		r.unseen("the receipts have no accepted_time", receiptTime)
		return
	case len(receipts) == 1 && last.Sub(text.accepted).Abs() > precision, spread > precision:
		f.fact = fmt.Sprintf("accepted_time of %d receipts lies from %s to %s after the send's", len(receipts), round(first.Sub(text.accepted)), round(last.Sub(text.accepted)))
		f.readings = []reading{otherwise("receipt_time", "callback")}
	default:
		f.fact = fmt.Sprintf("accepted_time is the same in %d receipts, %s after the send's", len(receipts), round(first.Sub(text.accepted)))
	}
	r.settle(receiptTime, f)
}

func (r *Run) settleSubmit(text sent, receipts []arrival) {
	for _, a := range receipts {
		if a.callback.Submit == nil {
			continue
		}
		f := finding{fact: round(a.at.Sub(text.until)).String() + " after the answer", evidence: []string{a.evidence()}}
		if a.at.Before(text.until) {
			f.fact = round(text.until.Sub(a.at)).String() + " before the answer"
			f.readings = []reading{inWords("before the answer")}
		}
		r.settle(submitOrder, f)
		return
	}
	r.unseen("no MESSAGE_SUBMIT came", submitOrder)
}

// settleForms looks at how the phone's number is written.
func (r *Run) settleForms(receipts []arrival) {
	plus, other := 0, 0
	for _, a := range receipts {
		written := a.callback.identity().Identity
		if strings.HasPrefix(written, "+") {
			plus++
		}
		if digits(written) != digits(r.check.To) {
			other++
		}
	}
	f := finding{fact: fmt.Sprintf("%d of %d receipts have it", plus, len(receipts)), evidence: evidence(receipts)}
	if plus > 0 {
		f.readings = []reading{otherwise("plus", true)}
	}
	r.settle(plusSign, f)
	if otherForm(digits(r.check.To)) == "" {
		r.unprobed("needs a mobile phone of Mexico, Argentina or Brazil", otherForms)
		return
	}
	f = finding{fact: fmt.Sprintf("%d of %d receipts have the other form", other, len(receipts)), evidence: evidence(receipts)}
	if other > 0 {
		f.readings = []reading{otherwise("other_forms", true)}
	}
	r.settle(otherForms, f)
}
