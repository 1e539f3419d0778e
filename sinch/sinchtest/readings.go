package sinchtest

import (
	"net/http"
	"strings"
)

// Readings are the ways to read what Sinch leaves open. The zero value is what
// we believe; each field is another reading of it. docs/sinch.md numbers these
// assumptions, and `parley live-check` asks the real Sinch.
type Readings struct {
	// ReceiptTime is what accepted_time means in a receipt: when the text was
	// accepted, or as Sinch's SDK documents it, when this callback was made.
	ReceiptTime ReceiptTime `json:"receipt_time,omitempty"`

	// ListLag is how long a message takes to appear in the message list.
	ListLag Duration `json:"list_lag,omitempty"`
	// ListHidesMetadata leaves the metadata of our own messages out of the list.
	ListHidesMetadata bool `json:"list_hides_metadata,omitempty"`
	// ListWords is what the list makes of the words that were sent.
	ListWords ListWords `json:"list_words,omitempty"`
	// ExactIdentities makes filters by channel identity find a number only as it is
	// stored, without the plus sign.
	ExactIdentities bool `json:"exact_identities,omitempty"`

	// RetryFor is how long a callback is tried, before Options.RetryScale. 0: as
	// Sinch documents for its SMS API, until the pauses have grown to almost 23 hours.
	RetryFor Duration `json:"retry_for,omitempty"`
	// SignAgain makes each try of a callback carry a new timestamp and nonce. The
	// one specific source says that a retry keeps both.
	SignAgain bool `json:"sign_again,omitempty"`
	// RetryRefused makes an answer of 4xx be tried again like one of 5xx.
	RetryRefused bool `json:"retry_refused,omitempty"`

	// NetworkStops is what the network does by itself about STOP.
	NetworkStops NetworkStops `json:"network_stops,omitempty"`

	// Plus writes numbers in callbacks and in the list with a plus sign.
	Plus bool `json:"plus,omitempty"`
	// OtherForms writes the numbers of Mexico, Argentina and Brazil in callbacks
	// and in the list in their other form: +521… for +52…, +549… for +54…, and a
	// mobile number of Brazil without its ninth digit, and the other way round.
	OtherForms bool `json:"other_forms,omitempty"`

	// Captions is how the words below a picture arrive.
	Captions Captions `json:"captions,omitempty"`
	// LongTexts makes each part of a text of more than one segment arrive as a
	// text of its own.
	LongTexts LongTexts `json:"long_texts,omitempty"`

	// ChannelCheckedLate takes messages for a channel that the app does not have,
	// and fails them with CHANNEL_CONFIGURATION_MISSING instead of answering 400.
	// Sinch's sources disagree on which of the two happens.
	ChannelCheckedLate bool `json:"channel_checked_late,omitempty"`

	// Clock is how far Sinch's clock is ahead of ours; negative if it is behind.
	// All times that Sinch tells go by it, and so does the Date of its answers.
	Clock Offset `json:"clock,omitempty"`
}

type (
	// ReceiptTime is what accepted_time means in a receipt.
	ReceiptTime string
	// ListWords is what the list makes of the words that were sent.
	ListWords string
	// NetworkStops is what the network does by itself about STOP.
	NetworkStops string
	// Captions is how the words below a picture arrive.
	Captions string
	// LongTexts is how a text of more than one segment arrives.
	LongTexts string
)

// The values of the readings, beside the empty one.
const (
	ReceiptTimeOfCallback ReceiptTime = "callback"

	ListWordsTrimmed ListWords = "trimmed" // without white space at both ends
	ListWordsLF      ListWords = "lf"      // CRLF and CR become LF
	ListWordsNFC     ListWords = "nfc"     // in Unicode's composed form

	// The network confirms the STOP, and refuses later texts to the phone with
	// RECIPIENT_NOT_OPTED_IN until START. Sinch's customers see that on US toll-free numbers.
	NetworkBlocks NetworkStops = "blocks"
	// The same, and neither STOP nor START is passed on to the app.
	NetworkSwallows NetworkStops = "swallows"

	CaptionAsText  Captions = "text"    // a text of its own behind the picture
	CaptionDropped Captions = "dropped" // nowhere; the empty value is a media_card_message with a caption

	LongTextInParts LongTexts = "parts" // the empty value is one text
)

// Check names the first reading that there is not.
func (r Readings) Check() error {
	return firstError(
		known("receipt_time", r.ReceiptTime, ReceiptTimeOfCallback),
		known("list_words", r.ListWords, ListWordsTrimmed, ListWordsLF, ListWordsNFC),
		known("network_stops", r.NetworkStops, NetworkBlocks, NetworkSwallows),
		known("captions", r.Captions, CaptionAsText, CaptionDropped),
		known("long_texts", r.LongTexts, LongTextInParts),
	)
}

// ParseReadings reads Readings from JSON, in which a misspelt name is a mistake.
func ParseReadings(text string) (Readings, error) {
	var r Readings
	if err := strictJSON(strings.NewReader(text), &r); err != nil {
		return Readings{}, err
	}
	return r, r.Check()
}

// Readings returns the readings in force.
func (s *Server) Readings() Readings { return *s.readings.Load() }

// SetReadings changes how Sinch is read from now on. It panics on values that
// there are not, mistakes in a test.
func (s *Server) SetReadings(r Readings) {
	if err := r.Check(); err != nil {
		panic("sinchtest: " + err.Error())
	}
	s.readings.Store(&r)
}

func (s *Server) getReadings(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Readings())
}

// putReadings replaces all readings.
func (s *Server) putReadings(w http.ResponseWriter, r *http.Request) {
	s.changeReadings(w, r, Readings{})
}

// patchReadings changes the readings named in the body.
func (s *Server) patchReadings(w http.ResponseWriter, r *http.Request) {
	s.changeReadings(w, r, s.Readings())
}

func (s *Server) changeReadings(w http.ResponseWriter, r *http.Request, readings Readings) {
	err := readJSON(w, r, &readings)
	if err == nil {
		err = readings.Check()
	}
	if err != nil {
		complain(w, err.Error())
		return
	}
	s.SetReadings(readings)
	s.getReadings(w, r)
}
