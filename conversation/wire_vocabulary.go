package conversation

import (
	"slices"

	"parley/activities"
	"parley/sms"
)

// Words are the constants of the protocol, as they are written to histories. A
// text of nothing but one of them tells nothing of who wrote it.
func Words() []string {
	return slices.Concat(
		texts(KindInbound, KindReceipt, KindSend, KindAsk, KindSay, KindWithdraw, KindWatch, KindRetry, KindSkip, KindOptOut),
		texts(sms.KindText, sms.KindMedia, sms.KindLocation, sms.KindChoice, sms.KindFallback, sms.KindOther),
		texts(sms.StatusQueued, sms.StatusSending, sms.StatusUnknown, sms.StatusAccepted, sms.StatusOnChannel,
			sms.StatusExpired, sms.StatusDropped, sms.StatusFailed, sms.StatusDelivered, sms.StatusRead),
		texts(sms.Transient, sms.Permanent),
		texts(Delivered, NotDelivered, DeliveryUnknown),
		texts(endAnswered, endNoReply, endUndeliverable, endOptedOut, endWithdrawn, endTooLate, endReported),
		texts(Resend, Park),
		texts(ParkCodes()...),
		texts(errandNotice, errandFallback),
		texts(activities.RecordMessage, activities.RecordConversation),
		[]string{
			fromContact, fromResponder, fromParley, fromApplication, sourceErased, wasHandedOver,
			StateOpen, StateAsking, StateOptedOut,
			WorkflowType, KeyRecordType, SuppressionType,
			tellActivity, startScriptActivity, scriptRunsActivity, suppressedActivity, liftActivity,
		},
	)
}

func texts[T ~string](words ...T) []string {
	all := make([]string, len(words))
	for i, word := range words {
		all[i] = string(word)
	}
	return all
}
