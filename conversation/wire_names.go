package conversation

// Who may have written a message, besides scripts and people.
const (
	fromContact     = "contact"
	fromResponder   = "responder"
	fromParley      = "parley"      // about consent
	fromApplication = "application" // that does not say which
)

// Names under which the activities of the engine are registered.
const (
	startScriptActivity = "StartScript"
	scriptRunsActivity  = "ScriptRuns"
	suppressedActivity  = "ContactSuppressed"
	liftActivity        = "LiftSuppression"
)

// TypeRefused is the type of the application error that the update ends with
// when a conversation does not take a message.
const TypeRefused = "MessageRefused"
