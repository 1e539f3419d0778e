package wire

import (
	"slices"

	"parley/sms"
)

// Words are the constants of the protocol, as they are written to histories. A
// text of nothing but one of them tells nothing of who wrote it.
func Words() []string {
	return slices.Concat(
		texts(KindInbound, KindReceipt, KindSend, KindAsk, KindSay, KindWithdraw, KindWatch, KindRetry, KindSkip, KindOptOut, KindTrouble, KindDecide),
		texts(sms.KindText, sms.KindMedia, sms.KindLocation, sms.KindChoice, sms.KindFallback, sms.KindOther),
		texts(sms.MeansNone, sms.MeansStop, sms.MeansStart, sms.MeansHelp, sms.MeansDoubt),
		texts(sms.TextWords, sms.TextReaction, sms.TextMachine, sms.TextMedia),
		texts(sms.StatusQueued, sms.StatusSending, sms.StatusUnknown, sms.StatusAccepted, sms.StatusOnChannel,
			sms.StatusExpired, sms.StatusDropped, sms.StatusFailed, sms.StatusDelivered, sms.StatusRead),
		texts(sms.Transient, sms.Permanent),
		texts(Delivered, NotDelivered, DeliveryUnknown),
		texts(EndKinds()...),
		texts(Resend, Park),
		texts(Authors()...),
		texts(ParkCodes()...),
		texts(CauseCarrierAway, CauseArchiveAway, CauseParked, CauseRefused, CauseQuestion, CauseScript, CauseFallbackAway, CauseFlood, CauseLoop, CausePerson, CauseCancelled, CauseTrouble),
		texts(Hooks()...),
		texts(RecordMessage, RecordConversation),
		[]string{
			FromContact, FromResponder, FromParley, FromApplication, SourceErased, WasHandedOver,
			StateOpen, StateAsking, StateOptedOut,
			WorkflowType, KeyRecordType, SuppressionType,
			OutcomeCompleted, OutcomeFailed, OutcomeCancelled,
			TellActivity, TellServiceActivity, StartScriptActivity, ScriptRunsActivity, SuppressedActivity, LiftActivity,
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
