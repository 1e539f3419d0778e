package livecheck

// The numbers of the assumptions, as docs/sinch.md has them.
const (
	receiptTime = iota + 1
	listLag
	listContent
	retrySchedule
	retrySignature
	refusedCallback
	callbackTimeout
	networkStops
	plusSign
	otherForms
	identityFilter
	captions
	longTexts
	missingChannel
	clocks
	tokenLifetime
	retryAfter
	listOrder
	submitOrder
	correlation
	otherReceipts
	longestText
	duplicates
	redactions
	authHost
)

// An assumption is what Parley believes of Sinch without proof.
type assumption struct {
	number int
	words  string // as docs/sinch.md has them, without its backticks
	why    string // it is not probed; empty if a step does
}

var assumptions = []assumption{
	{number: receiptTime, words: "accepted_time of a receipt is when the text was accepted"},
	{number: listLag, words: "the list shows a message at once"},
	{number: listContent, words: "the list shows our metadata, and the words as sent"},
	{number: retrySchedule, words: "a callback is repeated with growing pauses, for almost 23 hours"},
	{number: retrySignature, words: "a repeated callback keeps its time, nonce and signature"},
	{number: refusedCallback, words: "an answer of 4xx ends a callback"},
	{number: callbackTimeout, words: "Sinch waits 10 s or more for our answer to a callback"},
	{number: networkStops, words: "the network does nothing about STOP"},
	{number: plusSign, words: "numbers come without the plus sign"},
	{number: otherForms, words: "numbers come in the form that was texted"},
	{number: identityFilter, words: "a filter by identity finds a number with and without the plus sign"},
	{number: captions, words: "a picture's caption comes with the picture"},
	{number: longTexts, words: "a long text comes as one text"},
	{number: missingChannel, words: "a channel that the app lacks is refused with 400"},
	{number: clocks, words: "Sinch's clock is within 30 s of ours"},
	{number: tokenLifetime, words: "a token lives for an hour, as expires_in says"},
	{number: retryAfter, words: "429 comes without Retry-After"},
	{number: listOrder, words: "the list is newest first, a page is as long as asked for, end_time is inclusive"},
	{number: submitOrder, words: "MESSAGE_SUBMIT comes after the answer to the send"},
	{number: correlation, words: "the contact's next text carries the correlation_id, where Sinch keeps messages"},
	{number: otherReceipts, words: "other programs' texts of the app have receipts here too, with metadata of their own"},
	{number: longestText, words: "Sinch takes ten segments, 1,530 characters", why: "it costs ten segments"},
	{number: duplicates, words: "a callback that was answered 2xx comes once"},
	{number: redactions, words: "a redaction repeats a text under its id", why: "Sinch must enable redactions"},
	{number: authHost, words: "auth.sinch.com serves every region"},
}
