package wire

// An Author says what kind of somebody wrote a message.
type Author string

// Who may have written a message.
const (
	ByContact   Author = "contact"
	ByScript    Author = "script"
	ByResponder Author = "responder"
	ByAgent     Author = "agent"   // a model
	ByPerson    Author = "person"  // of ours
	ByProgram   Author = "program" // that asked for it
	ByParley    Author = "parley"  // about consent
)

// Authors are all of them.
func Authors() []Author {
	return []Author{ByContact, ByScript, ByResponder, ByAgent, ByPerson, ByProgram, ByParley}
}

// Automatic reports whether such a message can be one of a loop: nobody decided to
// have it sent.
func (a Author) Automatic() bool { return a == ByScript || a == ByResponder || a == ByAgent }

// The names of those who have no other. A script's is its type, a person's or a
// program's is what it says.
const (
	FromContact     = string(ByContact)
	FromResponder   = string(ByResponder)
	FromParley      = string(ByParley)
	FromApplication = "application" // a program that does not say which
)

// Names under which the activities of the engine are registered.
const (
	StartScriptActivity = "StartScript"
	ScriptRunsActivity  = "ScriptRuns"
	SuppressedActivity  = "ContactSuppressed"
	LiftActivity        = "LiftSuppression"
)

// ErrTypeUnregistered is the type of the error that an activity ends with which no
// worker there has.
const ErrTypeUnregistered = "ActivityNotRegistered"

// TypeRefused is the type of the application error that the update ends with
// when a conversation does not take a message.
const TypeRefused = "MessageRefused"
