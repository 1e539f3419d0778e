package wire

// Who may have written a message, besides scripts and people.
const (
	FromContact     = "contact"
	FromResponder   = "responder"
	FromParley      = "parley"      // about consent
	FromApplication = "application" // that does not say which
)

// Names under which the activities of the engine are registered.
const (
	StartScriptActivity = "StartScript"
	ScriptRunsActivity  = "ScriptRuns"
	SuppressedActivity  = "ContactSuppressed"
	LiftActivity        = "LiftSuppression"
)

// RecordOutcomeActivity is the name of the activity that tells the business system
// how a script ended.
const RecordOutcomeActivity = "RecordOutcome"

// ErrTypeUnregistered is the type of the error that an activity ends with which no
// worker there has.
const ErrTypeUnregistered = "ActivityNotRegistered"

// TypeRefused is the type of the application error that the update ends with
// when a conversation does not take a message.
const TypeRefused = "MessageRefused"
