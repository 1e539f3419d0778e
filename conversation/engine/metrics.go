package engine

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"parley/conversation/wire"
	"parley/sms"
)

// What conversations count. The server's history is replayed without counting
// again. Labels are few words of ours: never a number, a text or an id.
const (
	metricHandled  = "parley_texts_handled"   // texts of contacts that are done with, by who did it
	metricReply    = "parley_reply"           // from a text's arrival to the carrier's acceptance of the responder's reply
	metricReceipts = "parley_receipts"        // final ones, by status and reason
	metricFailed   = "parley_messages_failed" // for good, by reason
	metricResent   = "parley_resent"          // since they did not arrive, by reason
	metricParked   = "parley_parked"          // by reason
	metricConsents = "parley_consents"        // that changed, by direction
	metricSkipped  = "parley_events_skipped"  // events that could not be understood, by kind
)

// The values of "by": who did with a text what there was to do.
const (
	byScript    = "script"
	byResponder = "responder"
	byKeyword   = "keyword"
	byParked    = "parked"
	byPerson    = "person" // who has the floor
	byNobody    = "nobody" // the contact opted out, or more came than can wait
)

// count adds one to a metric. labels are names and values in turn.
func (r *run) count(name string, labels ...string) { r.countMany(1, name, labels...) }

func (r *run) countMany(n int, name string, labels ...string) {
	tags := make(map[string]string, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		tags[labels[i]] = labels[i+1]
	}
	workflow.GetMetricsHandler(r.ctx).WithTags(tags).Counter(name).Inc(int64(n))
}

// replied measures how long a contact waited for the responder's reply.
func (r *run) replied(since time.Time) {
	workflow.GetMetricsHandler(r.ctx).Timer(metricReply).Record(r.now().Sub(since))
}

// countReceipt counts a message's last word, once.
func (r *run) countReceipt(m *wire.Message) {
	switch {
	case m.Status == sms.StatusFailed:
		r.count(metricReceipts, "status", string(m.Status), "reason", m.Label())
	case m.Status.Final():
		r.count(metricReceipts, "status", string(m.Status), "reason", "")
	}
}
