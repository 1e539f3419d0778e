package sinchtest

import (
	"slices"

	"parley/sms"
)

// A OneShot is a fault for the next calls of one kind.
type OneShot struct {
	Fault string     `json:"fault"`        // see the constants
	Times int        `json:"times"`        // default 1
	On    Operation  `json:"on,omitempty"` // send (default), or another of the constants
	To    sms.Number `json:"to,omitempty"` // only messages of this phone; for send and callback

	Status         int      `json:"status,omitempty"`           // of error (503), accept_then_500 (500) and redirect (302)
	RetryAfter     Duration `json:"retry_after,omitempty"`      // of error
	RetryAfterDate bool     `json:"retry_after_date,omitempty"` // sends it as a date
	For            Duration `json:"for,omitempty"`              // how long to hang, be slow, trickle or delay; how far to misdate
	Reason         string   `json:"reason,omitempty"`           // of fail
}

// Faults of any call, before anything is accepted or done.
const (
	FaultError       = "error"        // answered with Status
	FaultSlow        = "slow"         // answered rightly, after For
	FaultResetBefore = "reset_before" // the connection is reset
	FaultCloseBefore = "close_before" // the connection is closed
	FaultRedirect    = "redirect"     // sent to where it must not go: see Stats.Redirected
	FaultRevoke      = "revoke"       // not the token endpoint's: all tokens end, and this call is answered 401
)

// Faults of any call, after it was accepted and done.
const (
	FaultResetAfter    = "reset_after"    // the connection is reset instead of an answer
	FaultClose         = "close"          // the connection is closed instead of an answer
	FaultTrickle       = "trickle"        // answered rightly, the body byte by byte over For
	FaultBrokenJSON    = "broken_json"    // the JSON ends in the middle, the answer does not
	FaultCut           = "cut"            // the answer ends in the middle
	FaultGarbage       = "garbage"        // answered with bytes that are no HTTP
	FaultGarbageHeader = "garbage_header" // answered with a status line and a header that are broken
	FaultHTTP10        = "http10"         // answered rightly, as HTTP/1.0 without a length
	FaultInterim       = "interim"        // answered rightly, behind 102 and 103
)

// Faults of sends, after the message was accepted.
const (
	FaultAcceptThen500  = "accept_then_500"
	FaultAcceptThenHang = "accept_then_hang"
	FaultNoID           = "no_id"           // the answer has no message_id
	FaultCallbacksFirst = "callbacks_first" // the callbacks come before the answer
	FaultReverse        = "reverse"         // the callbacks come in reverse order
	FaultFail           = "fail"            // delivery fails with Reason
	FaultNoReceipts     = "no_receipts"     // no callbacks for this message

	// Receipts beside the right ones; see Strays.
	FaultOtherNumber     = "other_number"
	FaultForeignMetadata = "foreign_metadata"
	FaultUnknownStatus   = "unknown_status"
)

// Faults of callbacks.
const (
	FaultDuplicate = "duplicate" // delivered again as it was
	FaultResigned  = "resigned"  // delivered again with a signature of its own
	FaultDelay     = "delay"
	FaultDrop      = "drop"
	FaultFuture    = "future" // texts from phones: dated ahead by For
	FaultPast      = "past"   // the same, dated back
)

// An Operation is a kind of call that a fault can be asked for.
type Operation string

// The operations. OnCallback is what the server calls itself.
const (
	OnSend          Operation = "send"
	OnList          Operation = "list"
	OnContacts      Operation = "contacts"
	OnConversations Operation = "conversations"
	OnDelete        Operation = "delete" // of messages, conversations and contacts
	OnApp           Operation = "app"
	OnWebhooks      Operation = "webhooks"
	OnToken         Operation = "token"
	OnCallback      Operation = "callback"
)

var (
	faultsOfAnyCall = []string{
		FaultError, FaultSlow, FaultResetBefore, FaultCloseBefore, FaultRedirect, FaultResetAfter, FaultClose, FaultTrickle,
		FaultBrokenJSON, FaultCut, FaultGarbage, FaultGarbageHeader, FaultHTTP10, FaultInterim,
	}
	faultsOfDelivery = []string{FaultDuplicate, FaultResigned, FaultDelay, FaultDrop}
	faultsOfDating   = []string{FaultFuture, FaultPast}
	faultsOfTheAPI   = append(slices.Clone(faultsOfAnyCall), FaultRevoke)
	faultsOf         = map[Operation][]string{
		OnSend: append(slices.Clone(faultsOfTheAPI),
			FaultAcceptThen500, FaultAcceptThenHang, FaultNoID,
			FaultCallbacksFirst, FaultReverse, FaultFail, FaultNoReceipts,
			FaultOtherNumber, FaultForeignMetadata, FaultUnknownStatus,
		),
		OnList:          faultsOfTheAPI,
		OnContacts:      faultsOfTheAPI,
		OnConversations: faultsOfTheAPI,
		OnDelete:        faultsOfTheAPI,
		OnApp:           faultsOfTheAPI,
		OnWebhooks:      faultsOfTheAPI,
		OnToken:         faultsOfAnyCall,
		OnCallback:      append(slices.Clone(faultsOfDelivery), faultsOfDating...),
	}
)
