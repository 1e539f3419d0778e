// Package sinch is the carrier: it sends texts through Sinch's Conversation API
// and understands what Sinch calls back. It is the only place that knows Sinch's
// words; everybody else speaks package sms. It knows nothing of Temporal.
package sinch
